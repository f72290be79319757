"""Checks a request against the rules written in its proto, and every text of it for characters Postgres cannot store."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import protovalidate
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from usav.options.v1 import authz_pb2

from chassis.errors import InvalidArgument, Violation

_MAX_REPORTED = 20
_TEXT = FieldDescriptor.TYPE_STRING
_MESSAGE = FieldDescriptor.TYPE_MESSAGE
# The rule speaks of the message, but a caller mends a field: "one of id, serial_number must be set".
_EXCLUSIVE = re.compile(r"one of (\w+)")


class RequestValidator:
    """Reusable and safe for concurrent calls; rules are compiled at a message type's first use."""

    def __init__(self) -> None:
        self._validator = protovalidate.Validator()

    def check(self, request: Message) -> None:
        """Raises InvalidArgument naming every field that breaks a rule."""
        found = self._validator.collect_violations(request)
        if found:
            kind: Any = request.DESCRIPTOR
            raise refusal(
                [Violation(path_of(item.proto), _message(item.proto, kind)) for item in found[:_MAX_REPORTED]]
            )
        # A NUL in a text shows as a zero byte on the wire; most requests have none, and the walk is spared.
        if b"\0" in request.SerializeToString():
            with_nul = list(_texts_with_nul(request, ""))
            if with_nul:
                raise refusal([Violation(path, "must not contain the NUL character") for path in with_nul])


def refusal(violations: list[Violation]) -> InvalidArgument:
    """One error for all the fields."""
    text = "; ".join(f"{item.field}: {item.description}" if item.field else item.description for item in violations)
    return InvalidArgument(text, violations=violations)


def _message(violation: protovalidate.ViolationPb, kind: Any) -> str:
    """What the rule says; an expression says nothing to who types names and codes, so its words stand for it."""
    words = _pattern_words(violation, kind) if violation.rule_id == "string.pattern" else ""
    return words or violation.message or f"breaks the rule {violation.rule_id}"


def _pattern_words(violation: protovalidate.ViolationPb, kind: Any) -> str:
    holder = kind
    words = ""
    for element in violation.field.elements if violation.field else ():
        if holder is None:
            break
        field = holder.fields_by_name[element.field_name]
        words, holder = str(field.GetOptions().Extensions[authz_pb2.pattern_words]), field.message_type
    return words


def path_of(violation: protovalidate.ViolationPb) -> str:
    """The field path as JSON users write it: `family.name`, `lines[2].sku`. Of several exclusive fields, the first."""
    parts: list[str] = []
    for element in violation.field.elements if violation.field else ():
        text = element.field_name
        if element.subscript is not None:
            text += f"[{element.subscript.value}]"
        parts.append(text)
    exclusive = _EXCLUSIVE.search(violation.message) if violation.rule_id == "message.oneof" else None
    return ".".join([*parts, exclusive.group(1)] if exclusive else parts)


def _texts_with_nul(message: Message, prefix: str) -> Iterator[str]:
    for field, value in message.ListFields():
        path = f"{prefix}{field.name}"
        if field.type not in (_TEXT, _MESSAGE):
            continue
        if isinstance(value, Mapping):
            yield from _in_items(value.items(), path, keyed=True)
        elif field.is_repeated:
            yield from _in_items(enumerate(value), path, keyed=False)
        else:
            yield from _in_value(value, path)


def _in_items(items: object, path: str, *, keyed: bool) -> Iterator[str]:
    for key, value in items:  # type: ignore[attr-defined]  # pairs of a map or of enumerate
        here = f"{path}[{key}]"
        if keyed and isinstance(key, str) and "\0" in key:
            yield path
        yield from _in_value(value, here)


def _in_value(value: object, path: str) -> Iterator[str]:
    if isinstance(value, str):
        if "\0" in value:
            yield path
    elif isinstance(value, Message):
        yield from _texts_with_nul(value, f"{path}.")
