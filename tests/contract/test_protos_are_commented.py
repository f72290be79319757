"""Everything in our protos says what it is (AIP-192)."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from build_tools.descriptors import Hub, ours, read

# A comment of fewer letters repeats the name or says nothing.
SHORTEST_COMMENT = 5


def uncommented(hub: Hub) -> list[str]:
    return [name for name, comment in _named(hub) if len(comment) < SHORTEST_COMMENT]


def _named(hub: Hub) -> Iterator[tuple[str, str]]:
    for service in hub.services.values():
        yield service.full_name, service.comment
        yield from ((method.full_name, method.comment) for method in service.methods)
    for message in hub.messages.values():
        if ours(message.full_name) and not message.is_map_entry:
            yield message.full_name, message.comment
            yield from ((field.full_name, field.comment) for field in message.fields)
    for enum in hub.enums.values():
        if ours(enum.full_name):
            yield enum.full_name, enum.comment
            yield from ((value.full_name, value.comment) for value in enum.values)


def test_every_service_rpc_message_field_enum_and_value_has_a_comment(hub: Hub) -> None:
    assert uncommented(hub) == []


def test_something_was_looked_at(hub: Hub) -> None:
    assert len(list(_named(hub))) > 500


def test_a_field_without_a_comment_is_found() -> None:
    descriptor_set = FileDescriptorSet()
    file = descriptor_set.file.add(name="usav/made/v1/made.proto", package="usav.made.v1")
    file.message_type.add(name="Made").field.add(name="silent", number=1)
    file.source_code_info.location.add(path=[4, 0], leading_comments=" A message that was made up.\n")

    assert uncommented(read(descriptor_set)) == ["usav.made.v1.Made.silent"]
