"""One import from file to report: READING, PRODUCTS, BUNDLES, LISTINGS.

Batches of whole families are transactions of their own, so that no change feed waits long behind an import, and a kill leaves
whole families, whole recipes and nothing half; the next run completes the rest.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO

from sqlalchemy.ext.asyncio import AsyncConnection

from catalog_svc.domain.import_rows import CatalogRow, Problem
from catalog_svc.operations.importing.bundles import write_bundles
from catalog_svc.operations.importing.listings import BATCH, Listings, ListingStage
from catalog_svc.operations.importing.products import write_products
from catalog_svc.operations.importing.reading import read_batches
from catalog_svc.operations.importing.report import Report, RowResult, RowStatus, Summary
from catalog_svc.operations.importing.writer import Imagined, Writer
from catalog_svc.storage.import_rows import StagedRows
from chassis.database import Database

_FAMILIES_PER_BATCH = 200


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage is."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end: the count, and what was made."""

    report: Report
    summary: Summary


Event = Progress | list[RowResult] | Outcome


class Import:
    """One run. `after_commit` wakes the change feed."""

    def __init__(
        self, db: Database, listings: Listings, *, dry_run: bool, after_commit: Callable[[], None] = lambda: None
    ) -> None:
        self._db = db
        self._listings = listings
        self._after_commit = after_commit
        self._imagined = Imagined() if dry_run else None
        self._report = Report(dry_run)
        self._summary = Summary()
        self._rows = StagedRows(db, uuid.uuid4().hex)
        self._unread: dict[int, Problem] = {}
        self._family_lines: dict[str, int] = {}
        self._numbers: dict[int, int] = {}

    async def run(self, file: IO[bytes]) -> AsyncIterator[Event]:
        """Progress, then the results of all rows by line, then the outcome. Safe to repeat with the same file.

        Raises ImportFileInvalid before anything is changed; Unavailable, after which the import can be repeated.
        """
        try:
            async for read in self._read(file):
                yield read
            async for progress in self._write():
                yield progress
            async for results in self._list():
                yield results
            yield Outcome(self._report, self._summary)
        finally:
            await asyncio.shield(self._rows.sweep())

    async def _read(self, file: IO[bytes]) -> AsyncIterator[Progress]:
        batches = read_batches(file)
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            staged: list[tuple[int, CatalogRow]] = []
            for item in batch:
                if isinstance(item.content, Problem):
                    self._unread[item.line] = item.content
                else:
                    staged.append((self._family_line(item.content), item.content))
            await self._rows.add(staged)
            self._report.rows += len(batch)
            yield Progress("READING", self._report.rows, 0)

    def _family_line(self, row: CatalogRow) -> int:
        line = self._family_lines.setdefault(row.group_key, row.line)
        if row.ecwid_id is not None:
            self._numbers.setdefault(line, row.ecwid_id)
        return line

    async def _write(self) -> AsyncIterator[Progress]:
        # Families with a number of their own go first, so that no other is given theirs.
        lines = sorted(self._family_lines.values(), key=lambda line: (line not in self._numbers, line))
        for batch, done in _batches(lines):
            rows = await self._rows.of_families(batch)
            await self._in_transaction(partial(write_products, rows=rows, numbers=self._numbers, report=self._report))
            yield Progress("PRODUCTS", done, len(lines))
        bundles = await self._rows.bundle_families()
        for batch, done in _batches(bundles):
            rows = await self._rows.of_families(batch)
            await self._in_transaction(partial(write_bundles, rows=rows, report=self._report))
            yield Progress("BUNDLES", done, len(bundles))

    async def _in_transaction(self, work: Callable[[Writer], Awaitable[None]]) -> None:
        """Runs a batch in one transaction; what it made counts once, also when a conflict made it run again."""

        async def attempt(conn: AsyncConnection) -> Counter[str]:
            made: Counter[str] = Counter()
            await work(Writer(conn, made, self._imagined))
            return made

        self._report.made += await self._db.run(attempt)
        self._after_commit()

    async def _list(self) -> AsyncIterator[list[RowResult]]:
        unread = [RowResult(line, RowStatus.REPORTED, problem) for line, problem in sorted(self._unread.items())]
        async for results in ListingStage(self._db, self._listings, self._report).run(self._rows):
            before = [item for item in unread if item.line < results[-1].line]
            unread = unread[len(before) :]
            yield self._counted(sorted([*before, *results], key=lambda item: item.line))
        for start in range(0, len(unread), BATCH):
            yield self._counted(unread[start : start + BATCH])

    def _counted(self, results: list[RowResult]) -> list[RowResult]:
        for result in results:
            self._summary.count(result)
        return results


def _batches(lines: Sequence[int]) -> Iterator[tuple[Sequence[int], int]]:
    for start in range(0, len(lines), _FAMILIES_PER_BATCH):
        batch = lines[start : start + _FAMILIES_PER_BATCH]
        yield batch, start + len(batch)
