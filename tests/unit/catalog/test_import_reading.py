"""The habits of spreadsheets, survived: encodings, line ends, separators, quotes; and files that are no catalogue, refused."""

from __future__ import annotations

import io

import pytest

from catalog_svc.domain.import_rows import COLUMNS, CatalogRow
from catalog_svc.operations.importing.reading import BATCH, ReadRow, read_batches
from chassis.errors import InvalidArgument

HEADER = ",".join(COLUMNS)


def line(name: str = "Auralin One", sku: str = "90011") -> str:
    """A row of a product."""
    return f"Auralin One,Product,BK,,,,{sku},MEKONG_eBay,,{name}"


def file_of(*lines: str) -> str:
    """A file with the header and these lines."""
    return "\n".join([HEADER, *lines, ""])


def read(content: str | bytes) -> list[ReadRow]:
    """All rows of a file."""
    data = content.encode() if isinstance(content, str) else content
    return [item for batch in read_batches(io.BytesIO(data)) for item in batch]


def names(content: str | bytes) -> list[str]:
    """The names in a file whose rows must all be readable."""
    rows = [item.content for item in read(content)]
    assert all(isinstance(row, CatalogRow) for row in rows), rows
    return [row.name for row in rows if isinstance(row, CatalogRow)]


def refusal(content: str | bytes) -> InvalidArgument:
    """Why a file is not taken."""
    with pytest.raises(InvalidArgument) as caught:
        read(content)
    return caught.value


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_on_any_system(end: str) -> None:
    content = end.join([HEADER, line("First"), line("Second"), ""])
    assert names(content) == ["First", "Second"]
    assert [item.line for item in read(content)] == [2, 3]


def test_line_ends_may_be_mixed() -> None:
    assert names(f"{HEADER}\r\n{line('A')}\n{line('B')}\r{line('C')}") == ["A", "B", "C"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_file_may_come_in_any_of_the_usual_encodings(encoding: str) -> None:
    content = f"{HEADER}\n{line('Café – “Deluxe”')}\n"
    assert names(content.encode(encoding)) == ["Café – “Deluxe”"]


def test_utf_16_of_either_byte_order() -> None:
    content = f"{HEADER}\n{line('Café')}\n"
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        assert names(mark + content.encode(encoding)) == ["Café"]


def test_encodings_may_be_mixed_line_by_line() -> None:
    parts = [HEADER.encode(), line("Café").encode(), line("Café").encode("latin-1"), line("Café").encode("cp1252")]
    assert names(b"\n".join(parts)) == ["Café"] * 3


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_cells_are_separated_as_the_header_does(separator: str) -> None:
    content = f"{HEADER}\n{line('One; two and more')}".replace(",", separator)
    if separator == ";":
        content = content.replace("One; two and more", '"One; two and more"')
    assert names(content) == ["One; two and more"]


def test_blank_lines_are_passed_over_and_counted() -> None:
    content = f"\n{HEADER}\n\n{line('A')}\n,,,,,,,,,\n   \n{line('B')}\n\n"
    assert names(content) == ["A", "B"]
    assert [item.line for item in read(content)] == [4, 7]


def test_a_quoted_line_break_belongs_to_its_cell_and_the_next_row_keeps_its_line() -> None:
    content = file_of(line('"Two\nlines"'), line("After"))
    assert names(content) == ["Two lines", "After"]
    assert [item.line for item in read(content)] == [2, 4]


def test_quotes_and_separators_inside_a_cell() -> None:
    assert names(file_of(line('"10"" Woofer, Black"'))) == ['10" Woofer, Black']


def test_nul_bytes_become_spaces() -> None:
    assert names(file_of(line("Au\0ralin"))) == ["Au ralin"]


def test_columns_may_stand_in_any_order_with_others_between() -> None:
    mixed = "id,NAME,platform,sku,asin,Included Products,component type,Product Condition,Product Color,Product Type,Group Name,x"
    content = f"{mixed}\n1,Auralin One,Ecwid,90101,,,,,BK,Product,Auralin One,y\n"
    assert names(content) == ["Auralin One"]


def test_of_two_columns_with_one_name_the_first_counts() -> None:
    assert names(f"{HEADER},name\n{line('First')},Second") == ["First"]


def test_one_row_more_than_a_batch() -> None:
    content = "\n".join([HEADER, *(line(sku=str(number)) for number in range(BATCH + 1))])
    assert [len(batch) for batch in read_batches(io.BytesIO(content.encode()))] == [BATCH, 1]


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named(column: str) -> None:
    header = ",".join(name for name in COLUMNS if name != column)
    error = refusal(f"{header}\n{line()}\n")
    assert repr(column) in str(error)
    assert [violation.field for violation in error.violations] == [column]


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", b"\xff\xfe", " ,, \n"])
def test_an_empty_file_is_refused(content: str | bytes) -> None:
    assert "empty" in str(refusal(content))


def test_a_header_alone_is_a_catalogue_without_rows() -> None:
    assert read(HEADER + "\n") == []


def test_an_unclosed_quote_is_refused_with_its_line() -> None:
    error = refusal(file_of(line("Fine"), line('"Never closed'), line("Next")))
    assert "line 3" in str(error)


def test_a_quote_closed_too_early_is_refused_with_its_line() -> None:
    assert "line 2" in str(refusal(file_of(line('"Auralin" One'))))


def test_a_huge_field_is_refused() -> None:
    assert "line 2" in str(refusal(file_of(line("x" * 200_000))))


def test_a_long_field_is_told_as_too_long_for_its_row_only() -> None:
    rows = read(file_of(line("x" * 50_000), line("Fine")))
    assert [isinstance(row.content, CatalogRow) for row in rows] == [False, True]


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n\0\0\0", b"PK\x03\x04" + bytes(range(256)), b"{}", b"\0" * 1000]
)
def test_a_file_that_is_no_spreadsheet_is_refused(content: bytes) -> None:
    refusal(content)


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    assert "line of more than" in str(refusal(b"x" * (9 * 1024 * 1024)))
