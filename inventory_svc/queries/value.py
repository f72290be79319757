"""What stock cost, exactly: the stock on hand, now or at a past time by the ledger, and the goods sold between two times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.domain.item import ON_HAND, Status
from inventory_svc.domain.money import Money
from inventory_svc.storage.session import Row, Session

_ON_HAND = ", ".join(f"'{status}'" for status in sorted(ON_HAND))
# The last letter of the SKU; used is left out of SKUs, and the letter behind the family is the identity's type.
_CONDITION = "CASE WHEN known.sku ~ '-[A-Z]$' AND known.sku !~ '^[^-]+-[BKS]$' THEN right(known.sku, 1) ELSE 'U' END"
# The family and the condition of each variant, found once and not once for each of its units.
_KNOWN = (
    f"(SELECT variant_id, product_id, {_CONDITION} AS condition_code FROM inventory.known_variant AS known OFFSET 0)"
)
_NOW = f"""
  SELECT CASE WHEN item.status = 'RESERVED' AND item.reserved_until <= now() THEN 'AVAILABLE' ELSE item.status END
    AS status, item.location, known.product_id, known.condition_code, item.cost_currency, item.unit_cost
  FROM inventory.item AS item JOIN {_KNOWN} AS known ON known.variant_id = item.variant_id
  WHERE item.deleted_at IS NULL AND item.status IN ({_ON_HAND})
"""
# The last row of each unit before that time tells what it was. A hold that had run out by then held nothing.
_THEN = f"""
  SELECT CASE WHEN last.after_status = 'RESERVED' AND hold.id IS NOT NULL THEN 'AVAILABLE' ELSE last.after_status END
    AS status, last.after_location AS location, known.product_id, known.condition_code, last.cost_currency, last.unit_cost
  FROM (
    SELECT DISTINCT ON (item_id) item_id, action, after_status, after_location, variant_id, cost_currency, unit_cost
    FROM inventory.movement WHERE created_at < CAST(:as_of AS timestamptz) ORDER BY item_id, sequence DESC
  ) AS last
  JOIN {_KNOWN} AS known ON known.variant_id = last.variant_id
  LEFT JOIN inventory.reservation AS hold ON hold.item_id = last.item_id AND hold.created_at < CAST(:as_of AS timestamptz)
    AND hold.expires_at <= CAST(:as_of AS timestamptz) AND coalesce(hold.closed_at, 'infinity') >= CAST(:as_of AS timestamptz)
  WHERE last.action <> 'DELETE' AND last.after_status IN ({_ON_HAND})
"""
_VALUE = """
  SELECT grouping(status, location, product_id, condition_code) AS level, status, location, product_id, condition_code,
    cost_currency, count(*) AS units, sum(unit_cost) AS value
  FROM ({stock}) AS stock
  WHERE (CAST(:status AS text) IS NULL OR status = :status)
    AND (CAST(:location AS text) IS NULL OR location = :location)
    AND (CAST(:product_id AS integer) IS NULL OR product_id = :product_id)
    AND (CAST(:condition_code AS text) IS NULL OR condition_code = :condition_code)
  GROUP BY GROUPING SETS ((cost_currency), (status, cost_currency), (location, cost_currency),
    (product_id, cost_currency), (condition_code, cost_currency))
  ORDER BY level, status, location, product_id, condition_code, cost_currency
"""
_VALUE_NOW = Statement(text(_VALUE.format(stock=_NOW)))
_VALUE_THEN = Statement(text(_VALUE.format(stock=_THEN)))
_SOLD = Statement(
    text(f"""
    SELECT grouping(product_id, condition_code) AS level, product_id, condition_code, cost_currency,
      count(*) FILTER (WHERE sold) AS sold_units, count(*) FILTER (WHERE NOT sold) AS returned_units,
      sum(CASE WHEN sold THEN unit_cost ELSE -unit_cost END) AS cost
    FROM (
      SELECT movement.action = 'SELL' AS sold, known.product_id, {_CONDITION} AS condition_code, movement.cost_currency,
        movement.unit_cost
      FROM inventory.movement AS movement JOIN inventory.known_variant AS known ON known.variant_id = movement.variant_id
      WHERE movement.action IN ('SELL', 'CANCEL_SALE', 'RETURN')
        AND movement.created_at >= CAST(:start AS timestamptz) AND movement.created_at < CAST(:until AS timestamptz)
    ) AS goods
    GROUP BY GROUPING SETS ((cost_currency), (product_id, cost_currency), (condition_code, cost_currency))
    ORDER BY level, product_id, condition_code, cost_currency
    """)
)
# grouping() sets a bit per column that a row is not grouped by.
_TOTAL, _OF_STATUS, _OF_LOCATION, _OF_FAMILY, _OF_CONDITION = 0b1111, 0b0111, 0b1011, 0b1101, 0b1110
_ALL_SOLD, _SOLD_OF_FAMILY, _SOLD_OF_CONDITION = 0b11, 0b01, 0b10


@dataclass(frozen=True, slots=True)
class ValuePart:
    """Some of the stock and what it cost, per currency. `key` is the status, location, family or condition it stands for."""

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
    condition_code: str | None = None
    as_of: datetime | None = None


@dataclass(slots=True)
class Value:
    """The stock on hand at cost, in all and four times divided."""

    total: ValuePart
    by_status: list[ValuePart] = field(default_factory=list)
    by_location: list[ValuePart] = field(default_factory=list)
    by_family: list[ValuePart] = field(default_factory=list)
    by_condition: list[ValuePart] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SoldPart:
    """Some of the goods sold, and what they had cost less what came back, as (amount, currency)."""

    key: str | int
    sold_units: int
    returned_units: int
    units_without_cost: int
    costs: list[tuple[Decimal, str]]


@dataclass(slots=True)
class Sold:
    """The goods sold between two times."""

    total: SoldPart
    by_family: list[SoldPart]
    by_condition: list[SoldPart]


async def stock_value(session: Session, asked: ValueFilter) -> Value:
    """What the stock on hand cost, exactly, at one moment."""
    then = {"as_of": asked.as_of} if asked.as_of else {}
    rows = await session.rows(
        _VALUE_THEN if then else _VALUE_NOW,
        status=asked.status.value if asked.status else None,
        location=asked.location,
        product_id=asked.product_id,
        condition_code=asked.condition_code,
        **then,
    )
    levels = _by_level(rows)
    totals = _parts(levels.get(_TOTAL, ()), "")
    return Value(
        totals[0] if totals else ValuePart("", 0, 0, []),
        _parts(levels.get(_OF_STATUS, ()), "status"),
        _parts(levels.get(_OF_LOCATION, ()), "location"),
        _parts(levels.get(_OF_FAMILY, ()), "product_id"),
        _parts(levels.get(_OF_CONDITION, ()), "condition_code"),
    )


async def cost_of_goods_sold(session: Session, start: datetime, until: datetime) -> Sold:
    """What the goods sold from `start` until before `until` had cost, less those that came back in that time."""
    levels = _by_level(await session.rows(_SOLD, start=start, until=until))
    totals = _sold_parts(levels.get(_ALL_SOLD, ()), "")
    return Sold(
        totals[0] if totals else SoldPart("", 0, 0, 0, []),
        _sold_parts(levels.get(_SOLD_OF_FAMILY, ()), "product_id"),
        _sold_parts(levels.get(_SOLD_OF_CONDITION, ()), "condition_code"),
    )


def _by_level(rows: Iterable[Row]) -> dict[int, list[Row]]:
    levels: dict[int, list[Row]] = {}
    for row in rows:
        levels.setdefault(row["level"], []).append(row)
    return levels


def _grouped(rows: Iterable[Row], column: str) -> dict[str | int, list[Row]]:
    grouped: dict[str | int, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row[column] if column else "", []).append(row)
    return grouped


def _parts(rows: Iterable[Row], column: str) -> list[ValuePart]:
    return [
        ValuePart(
            key,
            sum(int(row["units"]) for row in members),
            sum(int(row["units"]) for row in members if row["cost_currency"] is None),
            [Money(Decimal(row["value"]), str(row["cost_currency"])) for row in members if row["cost_currency"]],
        )
        for key, members in _grouped(rows, column).items()
    ]


def _sold_parts(rows: Iterable[Row], column: str) -> list[SoldPart]:
    return [
        SoldPart(
            key,
            sum(int(row["sold_units"]) for row in members),
            sum(int(row["returned_units"]) for row in members),
            sum(int(row["sold_units"]) + int(row["returned_units"]) for row in members if not row["cost_currency"]),
            [(Decimal(row["cost"]), str(row["cost_currency"])) for row in members if row["cost_currency"]],
        )
        for key, members in _grouped(rows, column).items()
    ]
