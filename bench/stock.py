"""Stock of any size, put into a hub's database at once: units, their ledger and the variants they belong to.

The rows are those that receiving leaves; the database computes hashes and counts as always. Only the feed is not told, because
nobody lists these variants, and their ids are far above those that the catalog gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from bench.parts import SQL

_FIRST_VARIANTS = (1_000_000_000, 1_100_000_000)
_COLORS = ("SV", "GR")
_SHELVES = 100
_UNITS_PER_STATEMENT = 50_000


@dataclass(frozen=True)
class Variant:
    """A variant of the stock."""

    id: int
    sku: str


@dataclass(frozen=True)
class Stock:
    """`units` units over `variants` variants: every so many of them of the first, the others spread evenly.

    Two of them have room in one hub, in the places 0 and 1.
    """

    variants: int
    units: int
    hot_every: int
    place: int = 0

    @property
    def serial_prefix(self) -> str:
        """What the serial numbers begin with, before eight digits."""
        return f"SCALE{self.place}-"

    @property
    def hot_units(self) -> int:
        """How many units the hot variant has."""
        return -(-self.units // self.hot_every)

    @property
    def hot(self) -> Variant:
        """The variant that has the most units."""
        return self.variant(0)

    def variant(self, number: int) -> Variant:
        """The variant of a number from 0."""
        return Variant(_FIRST_VARIANTS[self.place] + number, f"{number:05}-{_COLORS[self.place]}")

    def others(self) -> Iterator[Variant]:
        """All but the hot one."""
        return (self.variant(number) for number in range(1, self.variants))

    async def put_into(self, url: str) -> None:
        """Writes it all. Raises asyncpg's errors."""
        connection = await asyncpg.connect(url)
        try:
            await self._write_variants(connection)
            for start in range(0, self.units, _UNITS_PER_STATEMENT):
                await self._write_units(connection, start, min(self.units, start + _UNITS_PER_STATEMENT))
            await connection.execute("VACUUM (ANALYZE) inventory.item, inventory.movement, inventory.known_variant")
        finally:
            await connection.close()

    async def units_of(self, url: str, variants: Sequence[Variant]) -> list[int]:
        """The ids of the units of these variants."""
        connection = await asyncpg.connect(url)
        try:
            query = "SELECT id FROM inventory.item WHERE variant_id = ANY($1) AND status = 'AVAILABLE' ORDER BY id"
            return [row["id"] for row in await connection.fetch(query, [variant.id for variant in variants])]
        finally:
            await connection.close()

    async def received_at(self, url: str, number: int) -> datetime:
        """When the unit of a number from 0 was received."""
        connection = await asyncpg.connect(url)
        try:
            query = "SELECT received_at FROM inventory.item WHERE upper(serial_number) = $1 AND deleted_at IS NULL"
            found: datetime = await connection.fetchval(query, f"{self.serial_prefix}{number:08}")
            return found
        finally:
            await connection.close()

    async def _write_variants(self, connection: asyncpg.Connection) -> None:
        await connection.copy_records_to_table(
            "known_variant",
            schema_name="inventory",
            columns=("variant_id", "sku", "product_id"),
            records=((one.id, one.sku, number) for number in range(self.variants) for one in [self.variant(number)]),
        )
        await connection.execute(
            "INSERT INTO inventory.location (code) SELECT 'S-' || lpad(n::text, 3, '0')"
            " FROM generate_series(0, $1::integer - 1) AS n ON CONFLICT DO NOTHING",
            _SHELVES,
        )

    async def _write_units(self, connection: asyncpg.Connection, start: int, end: int) -> None:
        await connection.execute(
            (SQL / "stock.sql").read_text(),
            *(start, end, self.hot.id, self.hot_every, self.variants, _SHELVES, self.serial_prefix),
            timeout=600,
        )
