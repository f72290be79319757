"""Receipts: one batch of units with serial numbers, against COPY of the same rows into the same tables."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import asyncpg

from bench.load import Outcome
from bench.report import Row, Section
from bench.rounds import Contender, interleave
from bench.seeds import make_variants
from bench.stage import Stage
from bench.units import Variant, messages, receipt_lines, receive

RECEIVE_BAR = 0.3
_FIRST_FAMILY = 30_001
_ITEM = ("id", "variant_id", "serial_number", "location", "unit_cost", "cost_currency", "received_at", "updated_at")
_MOVEMENT = (
    *("item_id", "sequence", "action", "variant_id", "after_status", "after_location", "unit_cost", "cost_currency"),
    *("actor_id", "actor_name", "actor_role", "created_at"),
)
_OUTBOX = ("kind", "key", "payload")


@dataclass(frozen=True)
class Receipts:
    """Batches of `receive_units` units, new each time."""

    stage: Stage
    variants: Sequence[Variant]
    connection: asyncpg.Connection
    numbers: Iterator[int]

    async def by_hub(self) -> Outcome:
        """One streamed batch; making its messages is not counted."""
        count = self.stage.scale.receive_units
        prefix = f"H{next(self.numbers)}-"
        requests = list(messages(receipt_lines(self.variants, (f"{prefix}{number}" for number in range(count)))))
        began = time.perf_counter()
        ids = await receive(self.stage, requests)
        return _outcome(len(ids), began)

    async def by_copy(self) -> Outcome:
        """Three COPYs in one transaction; making the rows is not counted."""
        count = self.stage.scale.receive_units
        taken = "SELECT array_agg(nextval('inventory.item_id_seq')) FROM generate_series(1, $1)"
        ids = await self.connection.fetchval(taken, count)
        tables = self._rows(ids, f"C{next(self.numbers)}-")
        began = time.perf_counter()
        async with self.connection.transaction():
            for table, columns, rows in tables:
                await self.connection.copy_records_to_table(
                    table, schema_name="inventory", columns=columns, records=rows
                )
        return _outcome(len(ids), began)

    def _rows(self, ids: list[int], prefix: str) -> list[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]]:
        now, cost = datetime.now(UTC), Decimal(80)
        stamp = int(now.timestamp() * 1e6)
        units = list(zip(ids, itertools.cycle([variant.id for variant in self.variants]), strict=False))
        items = [(unit, variant, f"{prefix}{unit}", "A1-S2", cost, "USD", now, now) for unit, variant in units]
        who = ("1", "bench", "ADMIN", now)
        movements = [(unit, 1, "RECEIVE", variant, "AVAILABLE", "A1-S2", cost, "USD", *who) for unit, variant in units]
        told = [("stock", str(unit), _payload(unit, variant, stamp)) for unit, variant in units]
        return [("item", _ITEM, items), ("movement", _MOVEMENT, movements), ("outbox", _OUTBOX, told)]


def _payload(unit: int, variant: int, stamp: int) -> bytes:
    return json.dumps([unit, variant, None, "AVAILABLE", "RECEIVE", unit, "A1-S2", "", stamp, 0]).encode()


def _outcome(count: int, began: float) -> Outcome:
    seconds = time.perf_counter() - began
    return Outcome(count, 0, seconds, seconds * 1000, seconds * 1000)


async def run(stage: Stage) -> Section:
    """The ratio is units per second."""
    variants = await make_variants(stage, _FIRST_FAMILY, 50)
    connection = await asyncpg.connect(stage.hub.database_url)
    try:
        receipts = Receipts(stage, variants, connection, itertools.count(1))
        # The hub first: it learns the variants that the rows of the COPY refer to.
        contenders = {"hub": Contender(receipts.by_hub), "copy": Contender(receipts.by_copy)}
        found = await interleave(contenders, stage.scale.rounds)
    finally:
        await connection.close()
    hub, copy = found["hub"], found["copy"]
    return Section(
        f"Receipts of {stage.scale.receive_units:,} units with serial numbers (ratio: units per second, against COPY)",
        [
            Row(
                "BatchReceiveItems, gRPC", f"{hub.per_second:,.0f} units/s", hub.speed_ratio(copy), at_least=RECEIVE_BAR
            ),
            Row("COPY into the same tables, asyncpg", f"{copy.per_second:,.0f} units/s"),
        ],
    )
