"""The habits of spreadsheets: what their bytes mean, and what a text in them was meant to be. Pure.

Files come with or without BOM, in UTF-8, UTF-16, Latin-1 (Windows-1252 in truth), and with lines of both kinds mixed.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
_SPACES = re.compile(r"\s+")
_UTF16 = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# A leading apostrophe keeps a spreadsheet from running a text as a formula (OWASP: CSV injection).
# Texts that would look like an escaped one get one more, so that every text comes back as it was.
_FORMULA = re.compile(r"'*[=+\-@]")


def decode_lines(lines: Iterable[bytes]) -> Iterator[str]:
    """Each line in the encoding it was written in: UTF-8 where it is valid, else Windows-1252."""
    for line in lines:
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError:
            yield "".join(map(_one_byte, line))


def _one_byte(byte: int) -> str:
    try:
        return bytes((byte,)).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


def strip_bom(start: bytes) -> tuple[bytes, str]:
    """The first bytes without their byte order mark, and the encoding the mark tells ("" without one)."""
    if start.startswith(codecs.BOM_UTF8):
        return start[len(codecs.BOM_UTF8) :], "utf-8"
    for mark, encoding in _UTF16:
        if start.startswith(mark):
            return start[len(mark) :], encoding
    return start, ""


def clean(text: str) -> tuple[str, bool]:
    """The text as it was meant, and whether control characters had to be mended.

    C1 controls are Windows-1252 characters that somebody read as Latin-1 (0x96 is a dash); the others become spaces.
    """
    mended = bool(_CONTROL.search(text.strip()))
    if mended:
        text = _CONTROL.sub(_meant, text)
    return _SPACES.sub(" ", text).strip(), mended


def _meant(match: re.Match[str]) -> str:
    number = ord(match.group())
    if not 0x80 <= number <= 0x9F:
        return " "
    meant = _one_byte(number)
    return " " if meant == chr(number) else meant


def as_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def from_cell(text: str) -> str:
    """What `as_cell` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
