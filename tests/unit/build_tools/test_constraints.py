"""Rules of buf.validate come out as the JSON Schema keywords that say the same."""

from __future__ import annotations

from typing import Any

import pytest
from buf.validate import validate_pb2
from google.protobuf.text_format import Parse

from build_tools.openapi.constraints import keywords, list_keywords, words


def rules(text: str) -> validate_pb2.FieldRules:
    return Parse(text, validate_pb2.FieldRules())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("string {min_len: 1 max_len: 50}", {"minLength": 1, "maxLength": 50}),
        ("string {len: 8}", {"minLength": 8, "maxLength": 8}),
        ("string {pattern: '^[A-Z]$'}", {"pattern": "^[A-Z]$"}),
        ("string {email: true}", {"format": "email"}),
        ("string {in: ['a', 'b']}", {"enum": ["a", "b"]}),
        ("int32 {gte: 0 lte: 99999}", {"minimum": 0, "maximum": 99999}),
        ("int32 {gt: 0}", {"exclusiveMinimum": 0}),
        ("double {lt: 1.5}", {"exclusiveMaximum": 1.5}),
    ],
)
def test_a_rule_becomes_its_keyword(text: str, expected: dict[str, Any]) -> None:
    assert keywords(rules(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("string {min_len: 3 max_len: 5} ignore: IGNORE_IF_ZERO_VALUE", {"maxLength": 5}),
        ("string {pattern: '^A$'} ignore: IGNORE_IF_ZERO_VALUE", {"pattern": "^$|^A$"}),
        ("string {in: ['a']} ignore: IGNORE_IF_ZERO_VALUE", {"enum": ["", "a"]}),
        ("int32 {gte: 5} ignore: IGNORE_IF_ZERO_VALUE", {}),
    ],
)
def test_a_rule_that_spares_the_empty_value_admits_it(text: str, expected: dict[str, Any]) -> None:
    assert keywords(rules(text)) == expected


@pytest.mark.parametrize("pattern", [r"^[^\\p{C}]*$", "(?i)^a$"])
def test_a_pattern_that_json_schema_cannot_read_stands_apart(pattern: str) -> None:
    assert set(keywords(rules(f"string {{pattern: '{pattern}'}}"))) == {"x-pattern"}


def test_the_bounds_of_numbers_that_travel_as_texts_are_told_in_words() -> None:
    assert keywords(rules("int64 {gt: 0 lte: 10}")) == {}
    assert words(rules("int64 {gt: 0 lte: 10}")) == "Value: more than 0, at most 10."
    assert words(rules("int32 {gt: 0}")) == ""


def test_the_sizes_of_lists_and_maps() -> None:
    assert list_keywords(rules("repeated {min_items: 1 max_items: 9 unique: true}")) == {
        "minItems": 1,
        "maxItems": 9,
        "uniqueItems": True,
    }
    assert list_keywords(rules("map {max_pairs: 20}")) == {"maxProperties": 20}
    assert list_keywords(rules("string {max_len: 1}")) == {}
