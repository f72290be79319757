"""What the bytes and texts of spreadsheets were meant to be."""

from __future__ import annotations

import codecs

import pytest

from catalog_svc.domain.import_text import as_cell, clean, decode_lines, from_cell, strip_bom


def test_each_line_is_read_in_the_encoding_it_was_written_in() -> None:
    lines = ["café".encode(), "café".encode("latin-1"), "“quoted” – dash".encode("cp1252"), b"plain"]
    assert list(decode_lines(lines)) == ["café", "café", "“quoted” – dash", "plain"]


def test_bytes_that_windows_1252_does_not_know_do_not_stop_a_line() -> None:
    assert list(decode_lines([b"a\x81b\xff"])) == ["a\x81bÿ"]


@pytest.mark.parametrize(
    ("start", "rest", "encoding"),
    [
        (codecs.BOM_UTF8 + b"a", b"a", "utf-8"),
        (codecs.BOM_UTF16_LE + b"a\0", b"a\0", "utf-16-le"),
        (codecs.BOM_UTF16_BE + b"\0a", b"\0a", "utf-16-be"),
        (b"abc", b"abc", ""),
        (b"", b"", ""),
    ],
)
def test_a_byte_order_mark_tells_the_encoding(start: bytes, rest: bytes, encoding: str) -> None:
    assert strip_bom(start) == (rest, encoding)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Bose \x96 Black", "Bose – Black"),
        ("10\x94 Woofer", "10” Woofer"),
        ("Bose\x92s", "Bose’s"),
        ("a\x00b", "a b"),
        ("two\nlines", "two lines"),
        ("tab\there", "tab here"),
        ("a\x81b", "a b"),
        ("a\ufeffb", "a b"),
        ("a\u2028b", "a b"),
    ],
)
def test_control_characters_become_what_they_were_meant_to_be(text: str, meant: str) -> None:
    assert clean(text) == (meant, True)


@pytest.mark.parametrize("text", ["  spaced   out ", "spaced out", "spaced\u00a0out", "spaced out\r\n"])
def test_spaces_are_folded_without_a_word(text: str) -> None:
    assert clean(text) == ("spaced out", False)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-20", "@SUM(A1)", "'=1", "''-2"])
def test_no_text_is_taken_for_a_formula_and_it_comes_back_as_it_was(text: str) -> None:
    assert as_cell(text) == "'" + text
    assert from_cell(as_cell(text)) == text


@pytest.mark.parametrize("text", ["Bose 201", "'80s radio", "'", ""])
def test_other_texts_are_left_alone(text: str) -> None:
    assert as_cell(text) == text
    assert from_cell(text) == text
