"""The last stage: a listing per row, made by sync, and the end of every row told in the order of the file.

No transaction is open here: sync is another service, and upserting a listing twice changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import BigInteger, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from catalog_svc.domain.import_rows import PLATFORM, SKU, CatalogRow, Problem
from catalog_svc.operations.importing.report import Report, RowResult, RowStatus
from catalog_svc.storage.import_rows import StagedRows
from catalog_svc.storage.tables import variant
from chassis.database import Database, Statement

BATCH = 1000
# Sync checks a listing of a variant that does not exist yet against this id, which no variant has.
_NOT_YET = 2**53 - 1
_SKUS = Statement(
    select(variant.c.id, variant.c.full_sku).where(variant.c.id == (bindparam("ids", type_=ARRAY(BigInteger))).any_())
)


@dataclass(frozen=True, slots=True)
class WantedListing:
    """A listing that a row asks for."""

    variant_id: int
    full_sku: str
    platform: str
    account: str
    platform_sku: str
    asin: str
    name: str


@dataclass(frozen=True, slots=True)
class ListingAnswer:
    """What sync made of it: CREATED, UPDATED, UNCHANGED, CONFLICT or FAILED."""

    status: str
    reason: str = ""
    message: str = ""


class Listings(Protocol):
    """Where listings are kept."""

    async def upsert(self, wanted: Sequence[WantedListing], *, dry_run: bool) -> list[ListingAnswer]:
        """An answer per listing, in order. Safe to repeat. Raises Unavailable."""


class ListingStage:
    """Goes through the staged rows by line."""

    def __init__(self, db: Database, listings: Listings, report: Report) -> None:
        self._db = db
        self._listings = listings
        self._report = report
        self._first_line: dict[tuple[str, str, str], int] = {}

    async def run(self, rows: StagedRows) -> AsyncIterator[list[RowResult]]:
        """The results of all rows that were read, a batch at a time.

        Sync works on one batch while the next is made ready here.
        """
        line, before = 0, None
        try:
            while batch := await rows.after_line(line, BATCH):
                line = batch[-1].line
                for row in batch:
                    self._check_listing(row)
                last, before = before, asyncio.ensure_future(self._batch(batch))
                if last is not None:
                    yield await last
            if before is not None:
                yield await before
        finally:
            if before is not None:
                before.cancel()
                await asyncio.gather(before, return_exceptions=True)

    async def _batch(self, rows: Sequence[CatalogRow]) -> list[RowResult]:
        skus = await self._skus(rows)
        open_rows = [row for row in rows if row.platform and row.line not in self._report.problems]
        answers = await self._upsert(open_rows, skus)
        return [self._result(row, skus.get(self._report.variant(row.line), ""), answers.get(row.line)) for row in rows]

    async def _skus(self, rows: Sequence[CatalogRow]) -> dict[int, str]:
        ids = sorted({self._report.variant(row.line) for row in rows} - {0})
        return {record["id"]: record["full_sku"] for record in await self._db.fetch(_SKUS, ids=ids)}

    def _check_listing(self, row: CatalogRow) -> None:
        if not row.platform:
            return
        if not row.platform_sku:
            text = "the row has no SKU of the channel, by which its orders would be matched; add it and import again"
            self._report.report([row], Problem(SKU, "SKU_MISSING", text, stops_listing_only=True))
            return
        first = self._first_line.setdefault((row.platform, row.account, row.platform_sku), row.line)
        if first != row.line and self._report.variant(first) != self._report.variant(row.line):
            text = f"{row.platform_sku} stands on line {first} for another product; a channel has one listing per SKU"
            self._report.report([row], Problem(SKU, "SKU_TWICE", text, stops_listing_only=True))

    async def _upsert(self, rows: Sequence[CatalogRow], skus: Mapping[int, str]) -> dict[int, ListingAnswer]:
        # A row that repeats a SKU for the same product asks for nothing new.
        asking = [row for row in rows if self._first_line[row.platform, row.account, row.platform_sku] == row.line]
        if not asking:
            return {}
        wanted = [self._wanted(row, skus) for row in asking]
        answers = await self._listings.upsert(wanted, dry_run=self._report.dry_run)
        return {row.line: answer for row, answer in zip(asking, answers, strict=True)}

    def _wanted(self, row: CatalogRow, skus: Mapping[int, str]) -> WantedListing:
        variant_id = self._report.variant(row.line)
        return WantedListing(
            variant_id=variant_id if variant_id > 0 else _NOT_YET,
            full_sku=skus.get(variant_id, "new"),
            platform=row.platform,
            account=row.account,
            platform_sku=row.platform_sku,
            asin=row.asin,
            name=row.name,
        )

    def _result(self, row: CatalogRow, sku: str, answer: ListingAnswer | None) -> RowResult:
        problem = self._report.problems.get(row.line)
        if answer is not None and answer.status in ("CONFLICT", "FAILED"):
            column = SKU if answer.status == "CONFLICT" else PLATFORM
            problem = Problem(column, answer.reason or answer.status, answer.message, stops_listing_only=True)
        if problem is not None:
            return RowResult(row.line, RowStatus.REPORTED, problem, sku, row.notes)
        if answer is not None and answer.status == "CREATED":
            self._report.made["listing"] += 1
        return RowResult(row.line, self._status(row, answer), None, sku, row.notes)

    def _status(self, row: CatalogRow, answer: ListingAnswer | None) -> RowStatus:
        if self._report.is_new(row.line) or (answer is not None and answer.status == "CREATED"):
            return RowStatus.CREATED
        if answer is not None and answer.status == "UPDATED":
            return RowStatus.UPDATED
        return RowStatus.UNCHANGED
