"""The rules of buf.validate as JSON Schema keywords, and in words where JSON Schema has none.

A rule that does not hold for an empty value (IGNORE_IF_ZERO_VALUE) is given in a form that admits the empty value.
"""

from __future__ import annotations

import re
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.message import Message as ProtoMessage

Json = dict[str, Any]

_INTEGERS = ("int32", "uint32", "sint32", "fixed32", "sfixed32", "float", "double")
_INTEGERS_AS_STRINGS = ("int64", "uint64", "sint64", "fixed64", "sfixed64")
_BOUNDS = {"gt": "exclusiveMinimum", "gte": "minimum", "lt": "exclusiveMaximum", "lte": "maximum"}
_BOUNDS_IN_WORDS = {"gt": "more than", "gte": "at least", "lt": "less than", "lte": "at most"}
_FORMATS = {"email": "email", "uuid": "uuid", "uri": "uri", "hostname": "hostname", "ip": "ip", "ipv4": "ipv4"}
_SIZES = {"min_items": "minItems", "max_items": "maxItems", "min_pairs": "minProperties", "max_pairs": "maxProperties"}


def keywords(rules: validate_pb2.FieldRules) -> Json:
    """The keywords for a single value; those for a list are `list_keywords`."""
    kind = rules.WhichOneof("type")
    admits_empty = rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE
    if kind == "string":
        return _string_keywords(rules.string, admits_empty)
    if kind in _INTEGERS:
        return {} if admits_empty else _set_bounds(getattr(rules, kind))
    return {}


def words(rules: validate_pb2.FieldRules) -> str:
    """What JSON Schema cannot say: the bounds of numbers that travel as strings. Empty when there is nothing to add."""
    kind = rules.WhichOneof("type")
    if kind not in _INTEGERS_AS_STRINGS:
        return ""
    numbers = getattr(rules, kind)
    said = [f"{text} {getattr(numbers, name)}" for name, text in _BOUNDS_IN_WORDS.items() if _is_set(numbers, name)]
    return ("Value: " + ", ".join(said) + ".") if said else ""


def list_keywords(rules: validate_pb2.FieldRules) -> Json:
    """The keywords for a repeated field or a map."""
    kind = rules.WhichOneof("type")
    if kind not in ("repeated", "map"):
        return {}
    sizes = getattr(rules, kind)
    found: Json = {_SIZES[name]: getattr(sizes, name) for name in _SIZES if _is_set(sizes, name)}
    if kind == "repeated" and sizes.unique:
        found["uniqueItems"] = True
    return found


def _string_keywords(rules: validate_pb2.StringRules, admits_empty: bool) -> Json:
    found: Json = {}
    if _is_set(rules, "min_len") and not admits_empty:
        found["minLength"] = rules.min_len
    if _is_set(rules, "max_len"):
        found["maxLength"] = rules.max_len
    if _is_set(rules, "len"):
        found |= {"maxLength": rules.len} if admits_empty else {"minLength": rules.len, "maxLength": rules.len}
    if getattr(rules, "in"):
        found["enum"] = [*(("",) if admits_empty else ()), *getattr(rules, "in")]
    well_known = rules.WhichOneof("well_known")
    if well_known in _FORMATS and not admits_empty:
        found["format"] = _FORMATS[well_known]
    if rules.pattern:
        found |= _pattern_keyword(rules.pattern, admits_empty)
    return found


def _pattern_keyword(pattern: str, admits_empty: bool) -> Json:
    """Patterns are RE2; one that not every reader of JSON Schema understands stands under a name of its own."""
    try:
        re.compile(pattern)
    except re.error:
        return {"x-pattern": pattern}
    if "(?" in pattern.replace("(?:", ""):
        return {"x-pattern": pattern}
    return {"pattern": f"^$|{pattern}" if admits_empty else pattern}


def _set_bounds(numbers: ProtoMessage) -> Json:
    return {keyword: getattr(numbers, name) for name, keyword in _BOUNDS.items() if _is_set(numbers, name)}


def _is_set(rules: ProtoMessage, name: str) -> bool:
    return name in rules.DESCRIPTOR.fields_by_name and rules.HasField(name)
