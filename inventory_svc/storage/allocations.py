"""Order lines with the units promised to them, and the picking of free units."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.domain.allocation import AskedLine, LineState, StoredLine
from inventory_svc.storage.session import Row, Session

_ADD_LINES = Statement(
    text("""
    INSERT INTO inventory.allocation_line (order_reference, line_id, variant_id, quantity, state)
    SELECT :order_reference, asked.line_id, asked.variant_id, asked.quantity, 'HELD'
    FROM unnest(CAST(:line_ids AS text[]), CAST(:variant_ids AS bigint[]), CAST(:quantities AS integer[]))
      AS asked (line_id, variant_id, quantity)
    ORDER BY asked.line_id
    ON CONFLICT (order_reference, line_id) DO NOTHING
    """)
)
_LOCK_LINES = Statement(
    text("""
    SELECT line.id FROM inventory.allocation_line AS line
    WHERE line.order_reference = :order_reference
    ORDER BY line.line_id FOR UPDATE
    """)
)
# Held: by a hold of the line that lasts. Sold: to the line, and still sold under its order.
_LINES = Statement(
    text("""
    SELECT line.id, line.line_id, line.variant_id, known.sku, line.quantity, line.state,
      coalesce(array_agg(item.id ORDER BY item.id) FILTER (WHERE item.status = 'RESERVED'), '{}') AS held,
      coalesce(array_agg(item.id ORDER BY item.id) FILTER (WHERE item.status = 'SOLD'), '{}') AS sold
    FROM inventory.allocation_line AS line
    JOIN inventory.known_variant AS known ON known.variant_id = line.variant_id
    LEFT JOIN inventory.reservation AS hold ON hold.allocation_line_id = line.id
      AND (hold.closed_at IS NULL OR hold.outcome = 'SOLD')
    LEFT JOIN inventory.item AS item ON item.id = hold.item_id AND (
      (item.reservation_id = hold.id AND item.reserved_until > now())
      OR (hold.outcome = 'SOLD' AND item.status = 'SOLD' AND item.order_reference = line.order_reference))
    WHERE line.order_reference = :order_reference
    GROUP BY line.id, known.sku ORDER BY line.id
    """)
)
_SET_STATE = Statement(
    text("""
    UPDATE inventory.allocation_line SET state = CAST(:state AS text), updated_at = now()
    WHERE id = ANY(CAST(:ids AS bigint[])) AND state <> CAST(:state AS text)
    """)
)
_SALES_CANCELLED = Statement(
    text("""
    UPDATE inventory.reservation SET outcome = 'CANCELLED'
    WHERE allocation_line_id = ANY(CAST(:line_ids AS bigint[])) AND outcome = 'SOLD'
      AND item_id = ANY(CAST(:item_ids AS bigint[]))
    """)
)
_FREE = """
    SELECT free.id, asked.variant_id
    FROM unnest(CAST(:variant_ids AS bigint[]), CAST(:quantities AS integer[])) AS asked (variant_id, quantity)
    CROSS JOIN LATERAL (
      SELECT item.id FROM inventory.item
      WHERE item.variant_id = asked.variant_id AND item.status = 'AVAILABLE' AND item.deleted_at IS NULL
      ORDER BY item.id LIMIT asked.quantity {lock}
    ) AS free
"""
_TAKE_FREE = Statement(text(_FREE.format(lock="FOR NO KEY UPDATE SKIP LOCKED")))
_SEE_FREE = Statement(text(_FREE.format(lock="")))
_WAIT_FOR = Statement(
    text("""
    SELECT id, variant_id FROM inventory.item
    WHERE id = ANY(CAST(:ids AS bigint[])) AND status = 'AVAILABLE' AND deleted_at IS NULL
    ORDER BY id FOR NO KEY UPDATE
    """)
)


async def add_lines(session: Session, order_reference: str, lines: Sequence[AskedLine]) -> None:
    """Adds the lines that are not there, and waits for another call that is adding them. Safe to repeat."""
    await session.rows(
        _ADD_LINES,
        order_reference=order_reference,
        line_ids=[line.line_id for line in lines],
        variant_ids=[line.variant_id for line in lines],
        quantities=[line.quantity for line in lines],
    )


async def lock_lines(session: Session, order_reference: str) -> list[StoredLine]:
    """Locks all lines of the order and reads them with their units."""
    await session.rows(_LOCK_LINES, order_reference=order_reference)
    return await list_lines(session, order_reference)


async def list_lines(session: Session, order_reference: str) -> list[StoredLine]:
    """All lines of the order with their units. Does not lock."""
    return [_to_line(row) for row in await session.rows(_LINES, order_reference=order_reference)]


def _to_line(row: Row) -> StoredLine:
    return StoredLine(
        id=row["id"],
        line_id=row["line_id"],
        variant_id=row["variant_id"],
        sku=row["sku"],
        quantity=row["quantity"],
        state=LineState(row["state"]),
        held=tuple(row["held"]),
        sold=tuple(row["sold"]),
    )


async def set_state(session: Session, line_ids: Sequence[int], state: LineState) -> None:
    """Records what became of the lines."""
    await session.rows(_SET_STATE, ids=list(line_ids), state=state.value)


async def forget_sales(session: Session, line_ids: Sequence[int], item_ids: Sequence[int]) -> None:
    """Units whose sale was taken back no longer count for their lines."""
    await session.rows(_SALES_CANCELLED, line_ids=list(line_ids), item_ids=list(item_ids))


async def take_free(session: Session, demand: dict[int, int]) -> dict[int, list[int]]:
    """Locks the oldest free units of each variant that nobody else has locked; may find fewer than asked."""
    rows = await session.rows(_TAKE_FREE, variant_ids=list(demand), quantities=list(demand.values()))
    return _by_variant(rows)


async def wait_for_free(session: Session, demand: dict[int, int], spare: int) -> dict[int, list[int]]:
    """Locks the oldest free units and `spare` more per variant, waiting for others, in the order of their ids."""
    wanted = [count + spare for count in demand.values()]
    seen = await session.rows(_SEE_FREE, variant_ids=list(demand), quantities=wanted)
    return _by_variant(await session.rows(_WAIT_FOR, ids=[row["id"] for row in seen]))


def _by_variant(rows: Sequence[Row]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for row in sorted(rows, key=lambda item: int(item["id"])):
        found.setdefault(row["variant_id"], []).append(row["id"])
    return found
