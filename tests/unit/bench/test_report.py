"""Rows against their bars, and the table in its page."""

from pathlib import Path

import pytest

from bench.report import BEGIN, END, Row, Section, as_markdown, as_text, write_between_marks


@pytest.mark.parametrize(
    ("row", "reached"),
    [
        (Row("ratio", "", 0.35, at_least=0.35), True),
        (Row("ratio", "", 0.34, at_least=0.35), False),
        (Row("seconds", "", value=1.0, at_most=1.0), True),
        (Row("seconds", "", value=1.1, at_most=1.0), False),
        (Row("value goes before ratio", "", 9.0, value=0.1, at_least=0.5), False),
        (Row("no bar", "", 0.5), None),
        (Row("no number", "", at_least=0.5), None),
    ],
)
def test_bar_is_reached_or_missed(row: Row, reached: bool | None) -> None:
    assert row.reached is reached


def test_text_and_markdown_show_the_same_cells() -> None:
    section = Section("Reads", [Row("point read", "10/s", 0.2, at_least=0.35)])
    assert "MISSED" in as_text(section)
    assert "| point read | 10/s | 0.20 | >= 0.35 | MISSED |" in as_markdown([section])


def test_results_replace_the_former_ones_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_between_marks(page, "new")
    assert page.read_text() == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"


def test_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("mine")
    with pytest.raises(ValueError, match="marks"):
        write_between_marks(page, "new")
    assert page.read_text() == "mine"
