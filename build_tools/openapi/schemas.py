"""The JSON Schema of messages, enums and fields. Named ones become components, gathered as they are first used."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from build_tools.descriptors import Field, Hub, Message
from build_tools.openapi import constraints
from build_tools.openapi.well_known import SCHEMAS

Json = dict[str, Any]

_T = FieldDescriptorProto
_INT64: Json = {"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"}
_UINT64: Json = {"type": "string", "format": "uint64", "pattern": "^[0-9]+$"}
_INT32: Json = {"type": "integer", "format": "int32"}
_UINT32: Json = {"type": "integer", "format": "uint32", "minimum": 0}
_SCALARS: dict[int, Json] = {
    _T.TYPE_STRING: {"type": "string"},
    _T.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    _T.TYPE_BOOL: {"type": "boolean"},
    _T.TYPE_DOUBLE: {"type": "number", "format": "double"},
    _T.TYPE_FLOAT: {"type": "number", "format": "float"},
    **dict.fromkeys((_T.TYPE_INT32, _T.TYPE_SINT32, _T.TYPE_SFIXED32), _INT32),
    **dict.fromkeys((_T.TYPE_UINT32, _T.TYPE_FIXED32), _UINT32),
    **dict.fromkeys((_T.TYPE_INT64, _T.TYPE_SINT64, _T.TYPE_SFIXED64), _INT64),
    **dict.fromkeys((_T.TYPE_UINT64, _T.TYPE_FIXED64), _UINT64),
}
_FLAGS = {field_behavior_pb2.OUTPUT_ONLY: "readOnly", field_behavior_pb2.INPUT_ONLY: "writeOnly"}


def component_name(full_name: str) -> str:
    """ "catalog.Variant" for usav.catalog.v1.Variant; the full name for what is not ours."""
    return full_name.removeprefix("usav.").replace(".v1.", ".")


class Schemas:
    """Describes values; `components` holds what has been referred to so far."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.components: dict[str, Json] = {}

    def of_type(self, full_name: str) -> Json:
        """A reference to a message or enum, or the schema itself for a type with a JSON form of its own."""
        if full_name in SCHEMAS:
            return dict(SCHEMAS[full_name])
        name = component_name(full_name)
        if name not in self.components:
            self.components[name] = {}  # stands in while a message that holds itself is described
            self.components[name] = self._describe(full_name)
        return {"$ref": f"#/components/schemas/{name}"}

    def of_field(self, field: Field) -> Json:
        """The schema of a field as a property or a parameter, with its rules and its comment."""
        schema = self._of_list_or_value(field)
        text = " ".join(part for part in (_one_paragraph(field.comment), constraints.words(field.rules)) if part)
        if text:
            schema["description"] = text
        for behavior, flag in _FLAGS.items():
            if behavior in field.behaviors:
                schema[flag] = True
        return schema

    def of_message_without(self, message: Message, left_out: Collection[str], *, partial: bool = False) -> Json:
        """A message as an object without some fields; a partial one requires nothing, as an update does."""
        kept = [field for field in message.fields if field.name not in left_out]
        schema: Json = {
            "type": "object",
            "properties": {field.name: self.of_field(field) for field in kept},
        }
        required = [] if partial else [field.name for field in kept if is_required(field)]
        if required:
            schema["required"] = required
        if message.comment:
            schema["description"] = _one_paragraph(message.comment)
        return schema

    def _describe(self, full_name: str) -> Json:
        if full_name in self._hub.enums:
            return self._describe_enum(full_name)
        return self.of_message_without(self._hub.messages[full_name], ())

    def _describe_enum(self, full_name: str) -> Json:
        enum = self._hub.enums[full_name]
        lines = [f"- `{value.proto.name}`: {_one_paragraph(value.comment)}" for value in enum.values]
        return {
            "type": "string",
            "enum": [value.proto.name for value in enum.values],
            "description": "\n".join([_one_paragraph(enum.comment), "", *lines]).strip(),
        }

    def _of_list_or_value(self, field: Field) -> Json:
        entry = self._hub.messages.get(field.type_name)
        if entry is not None and entry.is_map_entry:
            value = entry.fields[1]
            schema = {"type": "object", "additionalProperties": self._of_value(value, field.rules.map.values)}
            return schema | constraints.list_keywords(field.rules)
        if field.repeated:
            items = self._of_value(field, field.rules.repeated.items)
            return {"type": "array", "items": items} | constraints.list_keywords(field.rules)
        return self._of_value(field, field.rules)

    def _of_value(self, field: Field, rules: Any) -> Json:
        if field.type_name:
            return self.of_type(field.type_name)
        return dict(_SCALARS[field.proto.type]) | constraints.keywords(rules)


def is_required(field: Field) -> bool:
    """True when a caller has to give the field."""
    return field.rules.required or field_behavior_pb2.REQUIRED in field.behaviors


def _one_paragraph(comment: str) -> str:
    return " ".join(comment.split())
