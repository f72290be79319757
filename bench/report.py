"""The table of results: what was measured, the ratio to its base, and the bar it has to reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = "<!-- results: written by `python -m bench --write` -->", "<!-- end of results -->"
_HEADINGS = ("what", "measured", "ratio", "bar", "")


@dataclass(frozen=True)
class Row:
    """One line. The ratio is against the base its part names; `at_least` and `at_most` are bars on `value`."""

    what: str
    measured: str
    ratio: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    value: float | None = None
    unit: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the bar is reached; None without a bar."""
        judged = self.ratio if self.value is None else self.value
        if judged is None:
            return None
        if self.at_least is not None:
            return judged >= self.at_least
        return None if self.at_most is None else judged <= self.at_most

    def cells(self) -> tuple[str, str, str, str, str]:
        """The texts of its columns."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        verdict = {True: "reached", False: "MISSED", None: ""}[self.reached]
        return self.what, self.measured, ratio, self._bar(), verdict

    def _bar(self) -> str:
        if self.at_least is not None:
            return f">= {self.at_least:g}{self.unit}"
        return "" if self.at_most is None else f"<= {self.at_most:g}{self.unit}"


@dataclass(frozen=True)
class Section:
    """The rows of one part."""

    title: str
    rows: Sequence[Row]


def as_text(section: Section) -> str:
    """The section for a terminal."""
    lines = [_HEADINGS, *(row.cells() for row in section.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([section.title, *(f"  {line}" for line in shown), ""])


def as_markdown(sections: Sequence[Section]) -> str:
    """All sections as tables for the documents."""
    blocks = []
    for section in sections:
        rows = [row.cells() for row in section.rows]
        lines = [" | ".join(line) for line in (_HEADINGS, ("---",) * len(_HEADINGS), *rows)]
        blocks.append("\n".join([f"### {section.title}", "", *(f"| {line} |" for line in lines)]))
    return "\n\n".join(blocks)


def write_between_marks(page: Path, text: str) -> None:
    """Replaces what stands between the marks of a page. Raises ValueError when they are missing."""
    whole = page.read_text(encoding="utf-8")
    if BEGIN not in whole or END not in whole:
        raise ValueError(f"{page} does not hold the marks of the results")
    head, tail = whole.partition(BEGIN)[0], whole.partition(END)[2]
    page.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}", encoding="utf-8")
