"""Units coming into stock: one statement for thousands of them, with their first ledger rows and announcements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.domain.ledger import Cause
from inventory_svc.domain.receipt import NewUnit
from inventory_svc.storage.change_sql import ANNOUNCE
from inventory_svc.storage.session import Session

# Large enough that the statement's own cost vanishes, small enough that its arrays stay within a few megabytes.
CHUNK = 10_000

_RECEIVE = Statement(
    text(f"""
WITH fresh AS (
  INSERT INTO inventory.item (variant_id, serial_number, location, unit_cost, cost_currency, notes, received_at, updated_at)
  SELECT asked.variant_id, nullif(asked.serial_number, ''), asked.location, CAST(asked.unit_cost AS numeric),
    asked.currency, asked.notes, CAST(:at AS timestamptz), CAST(:at AS timestamptz)
  FROM unnest(CAST(:variant_ids AS bigint[]), CAST(:serial_numbers AS text[]), CAST(:locations AS text[]),
    CAST(:unit_costs AS text[]), CAST(:currencies AS text[]), CAST(:notes AS text[]))
    WITH ORDINALITY AS asked (variant_id, serial_number, location, unit_cost, currency, notes, place)
  ORDER BY asked.place
  RETURNING id, variant_id, status, location, unit_cost, cost_currency, received_at
),
ledger AS (
  INSERT INTO inventory.movement (item_id, sequence, action, variant_id, after_status, after_location, unit_cost,
    cost_currency, actor_id, actor_name, actor_role, reason, order_reference, request_id, created_at)
  SELECT id, 1, 'RECEIVE', variant_id, status, location, unit_cost, cost_currency, :actor_id, :actor_name, :actor_role,
    :reason, :order_reference, :request_id, received_at
  FROM fresh
  RETURNING *
),
announced AS ({ANNOUNCE})
SELECT array_agg(id ORDER BY id) AS ids FROM fresh
""")
)
_NOW = Statement(text("SELECT clock_timestamp() AS at"))
# OFFSET 0 keeps the planner from walking all units by id in the hope of finding twenty soon: nearly always there is none.
_TAKEN = Statement(
    text("""
    SELECT serial_number FROM (
      SELECT id, serial_number FROM inventory.item
      WHERE upper(serial_number) = ANY(CAST(:keys AS text[])) AND serial_number IS NOT NULL AND deleted_at IS NULL OFFSET 0
    ) AS taken ORDER BY id LIMIT 20
    """)
)


async def insert_units(session: Session, units: Sequence[NewUnit], cause: Cause) -> list[int]:
    """Takes the units into stock, in order, and answers their ids. A taken serial number breaks uq_item_serial_number."""
    at = (await session.rows(_NOW))[0]["at"]
    ids: list[int] = []
    for chunk in _chunks(units):
        costs = [unit.unit_cost for unit in chunk]
        found = await session.rows(
            _RECEIVE,
            at=at,
            variant_ids=[unit.variant_id for unit in chunk],
            serial_numbers=[unit.serial_number for unit in chunk],
            locations=[unit.location for unit in chunk],
            unit_costs=[str(cost.amount) if cost else None for cost in costs],
            currencies=[cost.currency if cost else None for cost in costs],
            notes=[unit.notes for unit in chunk],
            actor_id=cause.actor_id,
            actor_name=cause.actor_name,
            actor_role=cause.actor_role,
            reason=cause.reason,
            order_reference=cause.order_reference,
            request_id=cause.request_id,
        )
        ids += found[0]["ids"]
    return ids


def _chunks(units: Sequence[NewUnit]) -> Iterator[Sequence[NewUnit]]:
    for start in range(0, len(units), CHUNK):
        yield units[start : start + CHUNK]


async def list_taken(session: Session, serial_numbers: Sequence[str]) -> list[str]:
    """Up to twenty of these serial numbers that units in stock have already. Does not lock."""
    keys = [number.upper() for number in serial_numbers if number]
    return [row["serial_number"] for row in await session.rows(_TAKEN, keys=keys)]
