"""A caller who breaks a pattern reads words and not the expression."""

from __future__ import annotations

from collections.abc import Iterator

from buf.validate import validate_pb2
from usav.options.v1 import authz_pb2

from build_tools.descriptors import Field, Hub, ours


def patterned(hub: Hub) -> list[Field]:
    messages = [message for message in hub.messages.values() if ours(message.full_name)]
    return [field for message in messages for field in message.fields if any(_patterns(field.rules))]


def _patterns(rules: validate_pb2.FieldRules) -> Iterator[bool]:
    yield rules.string.HasField("pattern")
    for inner in (rules.repeated.items, rules.map.keys, rules.map.values):
        yield inner.string.HasField("pattern")


def test_every_pattern_has_its_words(hub: Hub) -> None:
    words = {field.full_name: field.proto.options.Extensions[authz_pb2.pattern_words] for field in patterned(hub)}
    assert len(words) > 50
    assert [name for name, text in words.items() if not text.startswith(("must be ", "must not ", "must have "))] == []
