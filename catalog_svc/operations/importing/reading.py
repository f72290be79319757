"""Reads the file in batches of rows, so that its size does not show in memory. Knows CSV, not the catalogue."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from catalog_svc.domain.errors import ImportFileInvalid, invalid
from catalog_svc.domain.import_rows import COLUMNS, OPTIONAL_COLUMNS, CatalogRow, Problem, RowReader
from catalog_svc.domain.import_text import decode_lines, strip_bom
from chassis.errors import InvalidArgument

BATCH = 1000
_MAX_FIELD = 100_000
_MAX_LINE_BYTES = 8 * 1024 * 1024
_SAMPLE = 4096
_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class ReadRow:
    """One row of the file: where it stands, and what it says or what is wrong with it."""

    line: int
    content: CatalogRow | Problem


def read_batches(file: IO[bytes]) -> Iterator[list[ReadRow]]:
    """The rows in batches. Blank lines are passed over.

    Raises ImportFileInvalid: no header, a missing column (named), or a line that is no CSV (numbered).
    """
    lines = _text_lines(file)
    reader = csv.reader(lines, delimiter=_delimiter(file), strict=True)
    csv.field_size_limit(_MAX_FIELD)
    batch: list[ReadRow] = []
    for line, cells, rows in _records(reader):
        batch.append(ReadRow(line, rows.read(line, cells)))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _records(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str], RowReader]]:
    rows: RowReader | None = None
    line = 1
    while True:
        start = line
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            raise _refuse("file", f"line {start} is not CSV: {error}; check its quotation marks") from None
        line = reader.line_num + 1  # type: ignore[attr-defined]  # a csv.reader has it
        if not any(cell.strip() for cell in cells):
            continue
        if rows is None:
            rows = RowReader(_places(cells))
        else:
            yield start, cells, rows
    if rows is None:
        raise _refuse("file", "is empty: it needs a header line and rows")


def _places(header: Sequence[str]) -> dict[str, int]:
    found = {name.strip().lower(): place for place, name in reversed(list(enumerate(header)))}
    missing = [name for name in COLUMNS if name.lower() not in found]
    if missing:
        named = ", ".join(repr(name) for name in missing)
        raise _refuse(missing[0], f"the header has no column {named}; it needs {', '.join(COLUMNS)}")
    return {name: found[name.lower()] for name in (*COLUMNS, *OPTIONAL_COLUMNS) if name.lower() in found}


def _text_lines(file: IO[bytes]) -> Iterator[str]:
    file.seek(0)
    _, encoding = strip_bom(file.read(4))
    if encoding.startswith("utf-16"):
        file.seek(2)
        return iter(io.TextIOWrapper(file, encoding=encoding, errors="replace", newline=""))
    file.seek(3 if encoding else 0)
    return decode_lines(_physical_lines(file))


def _physical_lines(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(_MAX_LINE_BYTES + 1):
        if len(line) > _MAX_LINE_BYTES:
            raise _refuse("file", f"has a line of more than {_MAX_LINE_BYTES:,} bytes; this is no CSV of a catalogue")
        # A file with bare carriage returns (old Macintosh) is one line to Python.
        yield from line.splitlines(keepends=True) if b"\r" in line.rstrip(b"\r\n") else (line,)


def _delimiter(file: IO[bytes]) -> str:
    """The separator that the header has most of."""
    place = file.tell()
    file.seek(0)
    header = file.read(_SAMPLE).replace(b"\0", b"").decode("latin-1").strip().partition("\n")[0]
    file.seek(place)
    return max(_DELIMITERS, key=header.count)


def _refuse(column: str, text: str) -> InvalidArgument:
    return invalid(ImportFileInvalid, column, text)
