"""Messages as logs may show them: every field that its proto marks `sensitive` is cleared, however deep it lies."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from usav.options.v1 import authz_pb2

M = TypeVar("M", bound=Message)


def cleared(message: M) -> M:
    """A copy without its secrets; the message itself stays as it is."""
    copy = type(message)()
    copy.CopyFrom(message)
    _clear(copy)
    return copy


def _clear(message: Message) -> None:
    for field, value in message.ListFields():
        if _is_sensitive(field):
            message.ClearField(field.name)
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in _messages(field, value):
                _clear(inner)


def _messages(field: FieldDescriptor, value: Any) -> list[Message]:
    """The messages that a field holds: one, several, or the values of a map."""
    if isinstance(value, Message):
        return [value]
    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
    return [item for item in (value.values() if is_map else value) if isinstance(item, Message)]


@lru_cache(maxsize=4096)
def _is_sensitive(field: FieldDescriptor) -> bool:
    return bool(field.GetOptions().Extensions[authz_pb2.sensitive])
