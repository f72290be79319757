"""Plausible example values, made from the names and types of fields: a SKU looks like a SKU, a price like a price."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from buf.validate import validate_pb2
from google.api import field_behavior_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from build_tools.descriptors import Field, Hub
from build_tools.openapi.example_values import BY_FIELD, BY_NAME
from build_tools.openapi.well_known import EXAMPLES, SCHEMAS

# Deeper messages are left out: a family holds identities, which hold variants, which hold listings.
_DEPTH = 4
_T = FieldDescriptorProto
_TEXT_NUMBERS = (_T.TYPE_INT64, _T.TYPE_UINT64, _T.TYPE_SINT64, _T.TYPE_FIXED64, _T.TYPE_SFIXED64)
_FRACTIONS = (_T.TYPE_DOUBLE, _T.TYPE_FLOAT)


class Examples:
    """Invents values for requests (what a caller may set) and for answers (what a caller may read)."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def request(self, full_name: str, left_out: Collection[str] = (), *, partial: bool = False) -> Any:
        """A value to send; a partial one, for an update, leaves out what cannot change."""
        hidden = {field_behavior_pb2.OUTPUT_ONLY} | ({field_behavior_pb2.IMMUTABLE} if partial else set())
        return self._value(full_name, frozenset(hidden), frozenset(left_out), _DEPTH)

    def answer(self, full_name: str) -> Any:
        """A value that comes back."""
        return self._value(full_name, frozenset({field_behavior_pb2.INPUT_ONLY}), frozenset(), _DEPTH)

    def parameter(self, field: Field) -> Any:
        """A value for one path or query parameter."""
        return self._of_field(field, frozenset(), 1)

    def _value(self, full_name: str, hidden: frozenset[int], left_out: frozenset[str], depth: int) -> Any:
        if full_name in EXAMPLES:
            return EXAMPLES[full_name]
        if full_name in self._hub.enums:
            return self._enum_value(full_name)
        message = self._hub.messages[full_name]
        skipped = left_out.union(*(choice[1:] for choice in message.choices))
        found = {}
        for field in message.fields:
            if field.name in skipped or field.behaviors & hidden or self._is_too_deep(field, depth):
                continue
            found[field.name] = self._of_field(field, hidden, depth)
        return found

    def _is_too_deep(self, field: Field, depth: int) -> bool:
        return depth <= 1 and field.type_name in self._hub.messages and field.type_name not in SCHEMAS

    def _of_field(self, field: Field, hidden: frozenset[int], depth: int) -> Any:
        entry = self._hub.messages.get(field.type_name)
        if entry is not None and entry.is_map_entry:
            return BY_FIELD.get(_short_name(field), {})
        value = self._single(field, hidden, depth)
        return [value] if field.repeated and not isinstance(value, list) else value

    def _single(self, field: Field, hidden: frozenset[int], depth: int) -> Any:
        for known in (BY_FIELD.get(_short_name(field)), BY_NAME.get(field.name)):
            if known is not None and self._fits(field, known):
                return known
        if field.type_name:
            return self._value(field.type_name, hidden, frozenset(), depth - 1)
        rules = field.rules.repeated.items if field.repeated else field.rules
        return _scalar(field.proto.type, rules)

    def _fits(self, field: Field, known: Any) -> bool:
        """A name may mean a text here and a number there; the table's value serves only its own kind."""
        one = known[0] if isinstance(known, list) else known
        if field.type_name in self._hub.enums:
            return any(value.proto.name == one for value in self._hub.enums[field.type_name].values)
        return isinstance(one, dict) if field.type_name else _is_scalar_of(field, one)

    def _enum_value(self, full_name: str) -> str:
        values = self._hub.enums[full_name].values
        return next((value.proto.name for value in values if value.proto.number), values[0].proto.name)


def _short_name(field: Field) -> str:
    return ".".join(field.full_name.split(".")[-2:])


def _is_scalar_of(field: Field, one: Any) -> bool:
    if field.proto.type == _T.TYPE_BOOL:
        return isinstance(one, bool)
    if field.proto.type in (_T.TYPE_STRING, _T.TYPE_BYTES):
        return isinstance(one, str)
    if field.proto.type in _TEXT_NUMBERS:
        return isinstance(one, str) and one.lstrip("-").isdigit()
    return isinstance(one, int | float) and not isinstance(one, bool)


def _scalar(kind: int, rules: validate_pb2.FieldRules) -> Any:
    if kind == _T.TYPE_BOOL:
        return True
    if kind == _T.TYPE_BYTES:
        return "3q2+7w=="
    if kind == _T.TYPE_STRING:
        return "text"[: rules.string.max_len or None]
    if kind in _TEXT_NUMBERS:
        return "1"
    return 1.5 if kind in _FRACTIONS else max(1, _lowest(rules))


def _lowest(rules: validate_pb2.FieldRules) -> int:
    kind = rules.WhichOneof("type")
    return int(getattr(getattr(rules, kind), "gte", 0)) if kind else 0
