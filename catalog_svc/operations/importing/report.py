"""What became of each row, kept small: an import of any size holds a few bytes per row."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from catalog_svc.domain.import_rows import CatalogRow, Problem


class RowStatus(StrEnum):
    """How a row ended."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"
    REPORTED = "REPORTED"


@dataclass(frozen=True, slots=True)
class RowResult:
    """One row's end."""

    line: int
    status: RowStatus
    problem: Problem | None = None
    full_sku: str = ""
    notes: tuple[str, ...] = ()


@dataclass
class Report:
    """Variants by line, problems by line, and what was made, while the stages run."""

    dry_run: bool
    rows: int = 0
    made: Counter[str] = field(default_factory=Counter)
    problems: dict[int, Problem] = field(default_factory=dict)
    _variants: array[int] = field(default_factory=lambda: array("q"))
    _new: bytearray = field(default_factory=bytearray)

    def set_variant(self, row: CatalogRow, variant_id: int, *, new: bool) -> None:
        """The variant a row is of; a placeholder below zero in a dry run that would create it."""
        while len(self._variants) <= row.line:
            self._variants.append(0)
            self._new.append(0)
        self._variants[row.line] = variant_id
        self._new[row.line] = new

    def variant(self, line: int) -> int:
        """The variant of a line; 0 when it has none."""
        return self._variants[line] if line < len(self._variants) else 0

    def is_new(self, line: int) -> bool:
        """Whether the line's variant was made by it."""
        return line < len(self._new) and bool(self._new[line])

    def report(self, rows: Iterable[CatalogRow], problem: Problem) -> None:
        """Notes the same problem for rows."""
        for row in rows:
            self.problems.setdefault(row.line, problem)


@dataclass
class Summary:
    """The closing count."""

    by_status: Counter[RowStatus] = field(default_factory=Counter)
    by_reason: Counter[str] = field(default_factory=Counter)

    def count(self, result: RowResult) -> None:
        """Adds one row's end."""
        self.by_status[result.status] += 1
        if result.problem is not None:
            self.by_reason[result.problem.reason] += 1
