"""Reads the descriptor set: every message, enum and rpc of the hub with its comment, as build tools and tests need them.

It works on the plain descriptor messages, because only they still hold the comments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from buf.validate import validate_pb2
from google.api import annotations_pb2, field_behavior_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    EnumValueDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)
from usav.options.v1 import authz_pb2

from build_tools.layout import DESCRIPTOR_SET

# Importing these modules is what lets the options below be read.
EXTENSIONS = (annotations_pb2.http, field_behavior_pb2.field_behavior, authz_pb2.access, validate_pb2.field)

# The types of validate_pb2 hide this extension behind a module of the same name.
_MESSAGE_RULES: Any = vars(validate_pb2)["message"]

OUR_PREFIX = "usav."
_LINT_DIRECTIVE = "buf:lint:"


@dataclass(frozen=True)
class Field:
    """One field of a message."""

    full_name: str
    comment: str
    proto: FieldDescriptorProto

    @property
    def name(self) -> str:
        return self.proto.name

    @property
    def type_name(self) -> str:
        """The full name of the message or enum it holds; empty for a scalar."""
        return self.proto.type_name.removeprefix(".")

    @property
    def repeated(self) -> bool:
        return self.proto.label == FieldDescriptorProto.LABEL_REPEATED

    @property
    def rules(self) -> validate_pb2.FieldRules:
        """What buf.validate says of it; empty rules when it says nothing."""
        return self.proto.options.Extensions[validate_pb2.field]

    @property
    def behaviors(self) -> frozenset[int]:
        return frozenset(self.proto.options.Extensions[field_behavior_pb2.field_behavior])


@dataclass(frozen=True)
class Message:
    """One message, nested ones included; map entries too."""

    full_name: str
    comment: str
    proto: DescriptorProto
    fields: tuple[Field, ...]

    @property
    def is_map_entry(self) -> bool:
        return self.proto.options.map_entry

    @property
    def choices(self) -> tuple[tuple[str, ...], ...]:
        """The sets of fields of which a caller sets one at most, by oneof or by rule."""
        by_rule = [tuple(rule.fields) for rule in self.proto.options.Extensions[_MESSAGE_RULES].oneof]
        by_oneof: dict[int, list[str]] = {}
        for one in self.fields:
            if one.proto.HasField("oneof_index") and not one.proto.proto3_optional:
                by_oneof.setdefault(one.proto.oneof_index, []).append(one.name)
        return (*by_rule, *(tuple(names) for names in by_oneof.values()))

    def field(self, name: str) -> Field | None:
        return next((one for one in self.fields if one.name == name), None)


@dataclass(frozen=True)
class EnumValue:
    """One value of an enum; an alias has the number of another."""

    full_name: str
    comment: str
    proto: EnumValueDescriptorProto


@dataclass(frozen=True)
class Enum:
    """One enum."""

    full_name: str
    comment: str
    proto: EnumDescriptorProto
    values: tuple[EnumValue, ...]


@dataclass(frozen=True)
class Method:
    """One rpc."""

    full_name: str
    comment: str
    proto: MethodDescriptorProto

    @property
    def name(self) -> str:
        return self.proto.name

    @property
    def request(self) -> str:
        return self.proto.input_type.removeprefix(".")

    @property
    def response(self) -> str:
        return self.proto.output_type.removeprefix(".")

    @property
    def is_public(self) -> bool:
        """Whether anybody may call it without signing in."""
        return self.proto.options.Extensions[authz_pb2.access].public


@dataclass(frozen=True)
class Service:
    """One service with its rpcs in the order of the file."""

    full_name: str
    comment: str
    methods: tuple[Method, ...]


@dataclass
class Hub:
    """Everything the descriptor set holds, by full name. `ours` tells our own from the vendored."""

    messages: dict[str, Message] = field(default_factory=dict, repr=False)
    enums: dict[str, Enum] = field(default_factory=dict, repr=False)
    services: dict[str, Service] = field(default_factory=dict, repr=False)

    def methods(self) -> Iterator[Method]:
        for service in self.services.values():
            yield from service.methods


def ours(full_name: str) -> bool:
    """True for what stands in protos/usav."""
    return full_name.startswith(OUR_PREFIX)


def load(path: Path = DESCRIPTOR_SET) -> Hub:
    """Reads the descriptor set that build_tools.protos wrote."""
    return read(FileDescriptorSet.FromString(path.read_bytes()))


def read(descriptor_set: FileDescriptorSet) -> Hub:
    """Indexes a descriptor set that was written with source information."""
    hub = Hub()
    for file in descriptor_set.file:
        _FileReader(file, hub).read()
    return hub


class _FileReader:
    """Walks one file; a path of numbers leads from an element to its comment, as descriptor.proto lays down."""

    def __init__(self, file: FileDescriptorProto, hub: Hub) -> None:
        self._file = file
        self._hub = hub
        self._comments = {tuple(place.path): _comment(place) for place in file.source_code_info.location}

    def read(self) -> None:
        for index, message in enumerate(self._file.message_type):
            self._read_message(message, self._file.package, (4, index))
        for index, enum in enumerate(self._file.enum_type):
            self._read_enum(enum, self._file.package, (5, index))
        for index, service in enumerate(self._file.service):
            full_name = f"{self._file.package}.{service.name}"
            methods = tuple(
                Method(f"{full_name}.{method.name}", self._of((6, index, 2, place)), method)
                for place, method in enumerate(service.method)
            )
            self._hub.services[full_name] = Service(full_name, self._of((6, index)), methods)

    def _read_message(self, message: DescriptorProto, scope: str, path: tuple[int, ...]) -> None:
        full_name = f"{scope}.{message.name}"
        fields = tuple(
            Field(f"{full_name}.{one.name}", self._of((*path, 2, index)), one)
            for index, one in enumerate(message.field)
        )
        self._hub.messages[full_name] = Message(full_name, self._of(path), message, fields)
        for index, nested in enumerate(message.nested_type):
            self._read_message(nested, full_name, (*path, 3, index))
        for index, enum in enumerate(message.enum_type):
            self._read_enum(enum, full_name, (*path, 4, index))

    def _read_enum(self, enum: EnumDescriptorProto, scope: str, path: tuple[int, ...]) -> None:
        full_name = f"{scope}.{enum.name}"
        values = tuple(
            EnumValue(f"{full_name}.{value.name}", self._of((*path, 2, index)), value)
            for index, value in enumerate(enum.value)
        )
        self._hub.enums[full_name] = Enum(full_name, self._of(path), enum, values)

    def _of(self, path: tuple[int, ...]) -> str:
        return self._comments.get(path, "")


def _comment(place: object) -> str:
    leading = str(getattr(place, "leading_comments", "")) or str(getattr(place, "trailing_comments", ""))
    lines = [line.strip() for line in leading.splitlines()]
    return "\n".join(line for line in lines if not line.startswith(_LINT_DIRECTIVE)).strip()
