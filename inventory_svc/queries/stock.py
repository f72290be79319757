"""Stock in numbers: counts by status, and what the stock on hand cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.domain.availability import Reading
from inventory_svc.domain.item import ON_HAND, Status
from inventory_svc.domain.money import Money
from inventory_svc.domain.recipe import Recipe, buildable
from inventory_svc.storage.availability import free_units
from inventory_svc.storage.session import Row, Session

__all__ = ["Value", "ValueFilter", "ValuePart", "availability", "count_by_status", "stock_value"]

# Stored counts come from one index alone; the few holds that have run out are moved over afterwards.
_BY_STATUS = Statement(
    text("""
    SELECT status, count(*) AS units FROM inventory.item
    WHERE variant_id = :variant_id AND deleted_at IS NULL GROUP BY status
    UNION ALL
    SELECT 'EXPIRED', count(*) FROM inventory.item
    WHERE status = 'RESERVED' AND reserved_until <= now() AND variant_id = :variant_id
    """)
)
_VALUE = Statement(
    text(f"""
    SELECT grouping(status, location, product_id) AS level, status, location, product_id, cost_currency,
      count(*) AS units, sum(unit_cost) AS value
    FROM (
      SELECT CASE WHEN item.status = 'RESERVED' AND item.reserved_until <= now() THEN 'AVAILABLE' ELSE item.status END
        AS status, item.location, known.product_id, item.cost_currency, item.unit_cost
      FROM inventory.item AS item JOIN inventory.known_variant AS known ON known.variant_id = item.variant_id
      WHERE item.deleted_at IS NULL AND item.status IN ({", ".join(f"'{status}'" for status in sorted(ON_HAND))})
    ) AS stock
    WHERE (CAST(:status AS text) IS NULL OR status = :status)
      AND (CAST(:location AS text) IS NULL OR location = :location)
      AND (CAST(:product_id AS integer) IS NULL OR product_id = :product_id)
    GROUP BY GROUPING SETS (
      (cost_currency), (status, cost_currency), (location, cost_currency), (product_id, cost_currency))
    ORDER BY level, status, location, product_id, cost_currency
    """)
)
# grouping() sets a bit per column that a row is not grouped by.
_TOTAL, _OF_STATUS, _OF_LOCATION, _OF_FAMILY = 0b111, 0b011, 0b101, 0b110


async def availability(
    session: Session, variant_ids: Sequence[int], recipes: Mapping[int, Recipe]
) -> dict[int, Reading]:
    """A reading per variant, all of one moment: its own free units and, by its recipe, those that can be built."""
    components = {key for recipe in recipes.values() for each in recipe for key in each.variant_ids}
    readings = await free_units(session, [*variant_ids, *components])
    free = {key: reading.free_units for key, reading in readings.items()}
    return {key: _with_bundles(readings[key], buildable(recipes.get(key, ()), free)) for key in variant_ids}


def _with_bundles(own: Reading, built: int) -> Reading:
    return replace(own, free_units=own.free_units + built, buildable_units=built) if built else own


async def count_by_status(session: Session, variant_id: int) -> dict[Status, int]:
    """The units of a variant in each status; a hold that has run out counts as AVAILABLE."""
    stored = {row["status"]: row["units"] for row in await session.rows(_BY_STATUS, variant_id=variant_id)}
    expired = stored.pop("EXPIRED", 0)
    counts = {status: int(stored.get(status.value, 0)) for status in Status}
    counts[Status.RESERVED] -= expired
    counts[Status.AVAILABLE] += expired
    return counts


@dataclass(frozen=True, slots=True)
class ValuePart:
    """Some of the stock and what it cost, per currency. `key` is the status, location or family it stands for."""

    key: str | int
    units: int
    units_without_cost: int
    values: list[Money]


@dataclass(frozen=True, slots=True)
class ValueFilter:
    """Which stock; None does not count."""

    status: Status | None = None
    location: str | None = None
    product_id: int | None = None


@dataclass(slots=True)
class Value:
    """The stock on hand at cost, in all and three times divided."""

    total: ValuePart
    by_status: list[ValuePart] = field(default_factory=list)
    by_location: list[ValuePart] = field(default_factory=list)
    by_family: list[ValuePart] = field(default_factory=list)


async def stock_value(session: Session, asked: ValueFilter) -> Value:
    """What the stock on hand cost, exactly, at one moment."""
    rows = await session.rows(
        _VALUE,
        status=asked.status.value if asked.status else None,
        location=asked.location,
        product_id=asked.product_id,
    )
    levels: dict[int, list[Row]] = {}
    for row in rows:
        levels.setdefault(row["level"], []).append(row)
    totals = _parts(levels.get(_TOTAL, ()), "")
    return Value(
        totals[0] if totals else ValuePart("", 0, 0, []),
        _parts(levels.get(_OF_STATUS, ()), "status"),
        _parts(levels.get(_OF_LOCATION, ()), "location"),
        _parts(levels.get(_OF_FAMILY, ()), "product_id"),
    )


def _parts(rows: Iterable[Row], column: str) -> list[ValuePart]:
    grouped: dict[str | int, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row[column] if column else "", []).append(row)
    return [_part(key, members) for key, members in grouped.items()]


def _part(key: str | int, rows: list[Row]) -> ValuePart:
    costed = [row for row in rows if row["cost_currency"] is not None]
    return ValuePart(
        key,
        sum(int(row["units"]) for row in rows),
        sum(int(row["units"]) for row in rows if row["cost_currency"] is None),
        [Money(Decimal(row["value"]), str(row["cost_currency"])) for row in costed],
    )
