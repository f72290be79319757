"""Order lines with the units promised to them, and the picking of free units."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.domain.allocation import AskedLine, LineState, StoredLine
from inventory_svc.domain.recipe import Component, Recipe, may_have_recipe
from inventory_svc.domain.scope import Warehouses
from inventory_svc.storage.change_sql import Change
from inventory_svc.storage.scope import UNIT_INSIDE
from inventory_svc.storage.session import Row, Session

# Units by variant, each oldest first.
Found = dict[int, list[int]]

_ADD_LINES = Statement(
    text("""
    INSERT INTO inventory.allocation_line (order_reference, line_id, variant_id, quantity, state)
    SELECT :order_reference, asked.line_id, asked.variant_id, asked.quantity, 'HELD'
    FROM unnest(CAST(:line_ids AS text[]), CAST(:variant_ids AS bigint[]), CAST(:quantities AS integer[]))
      AS asked (line_id, variant_id, quantity)
    ORDER BY asked.line_id
    ON CONFLICT (order_reference, line_id) DO NOTHING
    RETURNING id, line_id
    """)
)
_BEFORE = Statement(
    text("""
    SELECT order_reference, NULL AS item_id FROM inventory.allocation_line
    WHERE order_reference = ANY(CAST(:order_references AS text[]))
    UNION
    SELECT NULL, id FROM inventory.item
    WHERE status = 'RESERVED' AND reserved_until <= now() AND variant_id = ANY(CAST(:variant_ids AS bigint[]))
    """)
)
_INSERT_LINES = Statement(
    text("""
    INSERT INTO inventory.allocation_line (order_reference, line_id, variant_id, quantity, state)
    SELECT * FROM unnest(CAST(:order_references AS text[]), CAST(:line_ids AS text[]), CAST(:variant_ids AS bigint[]),
      CAST(:quantities AS integer[]), CAST(:states AS text[])) AS asked (order_reference, line_id)
    ORDER BY asked.order_reference, asked.line_id
    RETURNING id, order_reference, line_id
    """)
)
_ADD_COMPONENTS = Statement(
    text("""
    INSERT INTO inventory.allocation_component (allocation_line_id, identity_id, upis_h, quantity, variant_ids)
    SELECT asked.line_key, asked.identity_id, asked.upis_h, asked.quantity, CAST(asked.variant_ids AS bigint[])
    FROM unnest(CAST(:line_keys AS bigint[]), CAST(:identity_ids AS bigint[]), CAST(:upis_hs AS text[]),
      CAST(:quantities AS bigint[]), CAST(:variant_ids AS text[]))
      AS asked (line_key, identity_id, upis_h, quantity, variant_ids)
    """)
)
_COMPONENTS = Statement(
    text("""
    SELECT allocation_line_id, identity_id, upis_h, quantity, variant_ids FROM inventory.allocation_component
    WHERE allocation_line_id = ANY(CAST(:line_keys AS bigint[])) ORDER BY allocation_line_id, upis_h
    """)
)
_LOCK_LINES = Statement(
    text("""
    SELECT line.id FROM inventory.allocation_line AS line
    WHERE line.order_reference = :order_reference
    ORDER BY line.line_id FOR UPDATE
    """)
)
# Held: by a hold of the line that lasts. Sold: to the line, under its order, and not sold anew since (then the sale is younger
# than what was recorded for the line). Returned: was sold so, once.
_LINES = Statement(
    text("""
    SELECT line.id, line.line_id, line.variant_id, known.sku, line.quantity, line.state,
      coalesce(array_agg(DISTINCT item.id) FILTER (WHERE item.status = 'RESERVED'), '{}') AS held,
      coalesce(array_agg(DISTINCT item.id) FILTER (WHERE item.status = 'SOLD'), '{}') AS sold,
      coalesce(array_agg(item.id) FILTER (WHERE item.id IS NOT NULL), '{}') AS units,
      coalesce(array_agg(item.variant_id) FILTER (WHERE item.id IS NOT NULL), '{}') AS variants,
      coalesce(array_agg(hold.item_id) FILTER (WHERE sale.variant_id IS NOT NULL), '{}') AS returned,
      coalesce(array_agg(sale.variant_id) FILTER (WHERE sale.variant_id IS NOT NULL), '{}') AS returned_variants
    FROM inventory.allocation_line AS line
    JOIN inventory.known_variant AS known ON known.variant_id = line.variant_id
    LEFT JOIN inventory.reservation AS hold ON hold.allocation_line_id = line.id
      AND (hold.closed_at IS NULL OR hold.outcome = 'SOLD')
    LEFT JOIN inventory.item AS item ON item.id = hold.item_id AND (
      (item.reservation_id = hold.id AND item.reserved_until > now())
      OR (hold.outcome = 'SOLD' AND hold.closed_at >= item.sold_at
        AND item.status = 'SOLD' AND item.order_reference = line.order_reference))
    LEFT JOIN LATERAL (
      SELECT movement.variant_id FROM inventory.movement
      WHERE movement.item_id = hold.item_id AND movement.action = 'SELL'
        AND movement.order_reference = line.order_reference
      ORDER BY movement.sequence DESC LIMIT 1
    ) AS sale ON hold.outcome = 'SOLD' AND item.id IS NULL
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
_SET_QUANTITIES = Statement(
    text("""
    UPDATE inventory.allocation_line AS line SET quantity = asked.quantity, updated_at = now()
    FROM unnest(CAST(:ids AS bigint[]), CAST(:quantities AS integer[])) AS asked (id, quantity)
    WHERE line.id = asked.id
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
      WHERE item.variant_id = asked.variant_id AND item.status = 'AVAILABLE' AND item.deleted_at IS NULL {but} {inside}
      ORDER BY item.id LIMIT asked.quantity {lock}
    ) AS free
"""
_SKIP = "FOR NO KEY UPDATE SKIP LOCKED"
# A unit that this transaction has locked already is not skipped, so it is named.
_BUT_TAKEN = "AND item.id <> ALL(CAST(:taken AS bigint[]))"


def _free(but: str, lock: str) -> Change:
    """For everybody, and for callers who may pick in some warehouses only."""
    free, bound = (_FREE.format(but=but, lock=lock, inside=inside) for inside in ("", f"AND {UNIT_INSIDE}"))
    return Change(Statement(text(free)), Statement(text(bound)))


_TAKE_FREE = _free("", _SKIP)
_TAKE_MORE = _free(_BUT_TAKEN, _SKIP)
_SEE_FREE = _free("", "")
_THESE = """
    SELECT id, variant_id FROM inventory.item
    WHERE id = ANY(CAST(:ids AS bigint[])) AND status = 'AVAILABLE' AND deleted_at IS NULL
    ORDER BY id {lock}
"""
_TAKE_THESE = Statement(text(_THESE.format(lock=_SKIP)))
_SEE_THESE = Statement(text(_THESE.format(lock="")))
_WAIT_FOR = Statement(text(_THESE.format(lock="FOR NO KEY UPDATE")))
_MOST_UNITS = 1_000_000


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line of an order that has none yet."""

    order_reference: str
    line_id: str
    variant_id: int
    quantity: int
    state: LineState


async def look_before(
    session: Session, order_references: Sequence[str], variant_ids: Sequence[int]
) -> tuple[set[str], list[int]]:
    """Those of the orders that have lines, and the units of these variants whose hold has run out. Does not lock."""
    rows = await session.rows(_BEFORE, order_references=list(order_references), variant_ids=list(variant_ids))
    seen = {row["order_reference"] for row in rows if row["order_reference"] is not None}
    return seen, [row["item_id"] for row in rows if row["item_id"] is not None]


async def insert_lines(session: Session, lines: Sequence[NewLine]) -> dict[tuple[str, str], int]:
    """Adds lines that are not there; their ids by order and line id. One that is there breaks the key of lines."""
    rows = await session.rows(
        _INSERT_LINES,
        order_references=[line.order_reference for line in lines],
        line_ids=[line.line_id for line in lines],
        variant_ids=[line.variant_id for line in lines],
        quantities=[line.quantity for line in lines],
        states=[line.state.value for line in lines],
    )
    return {(row["order_reference"], row["line_id"]): row["id"] for row in rows}


async def add_lines(session: Session, order_reference: str, lines: Sequence[AskedLine]) -> None:
    """Adds the lines that are not there, and waits for another call that is adding them. Safe to repeat."""
    added = await session.rows(
        _ADD_LINES,
        order_reference=order_reference,
        line_ids=[line.line_id for line in lines],
        variant_ids=[line.variant_id for line in lines],
        quantities=[line.quantity for line in lines],
    )
    recipes = {line.line_id: line.recipe for line in lines if line.recipe and not line.serial_numbers}
    picked = [(row["id"], each) for row in added for each in recipes.get(row["line_id"], ())]
    if picked:
        await session.rows(
            _ADD_COMPONENTS,
            line_keys=[line_key for line_key, _ in picked],
            identity_ids=[each.identity_id for _, each in picked],
            upis_hs=[each.upis_h for _, each in picked],
            quantities=[each.quantity for _, each in picked],
            variant_ids=[f"{{{','.join(map(str, each.variant_ids))}}}" for _, each in picked],
        )


async def lock_lines(session: Session, order_reference: str) -> list[StoredLine]:
    """Locks all lines of the order and reads them with their units."""
    await session.rows(_LOCK_LINES, order_reference=order_reference)
    return await list_lines(session, order_reference)


async def list_lines(session: Session, order_reference: str) -> list[StoredLine]:
    """All lines of the order with their units. Does not lock."""
    rows = await session.rows(_LINES, order_reference=order_reference)
    recipes = await _recipes(session, [row["id"] for row in rows if may_have_recipe(row["sku"])])
    return [_to_line(row, recipes.get(row["id"], ())) for row in rows]


async def _recipes(session: Session, line_keys: Sequence[int]) -> dict[int, list[Component]]:
    found: dict[int, list[Component]] = {}
    for row in await session.rows(_COMPONENTS, line_keys=list(line_keys)) if line_keys else ():
        component = Component(row["identity_id"], row["upis_h"], row["quantity"], tuple(row["variant_ids"]))
        found.setdefault(row["allocation_line_id"], []).append(component)
    return found


def _to_line(row: Row, recipe: Recipe) -> StoredLine:
    return StoredLine(
        id=row["id"],
        line_id=row["line_id"],
        variant_id=row["variant_id"],
        sku=row["sku"],
        quantity=row["quantity"],
        state=LineState(row["state"]),
        held=tuple(row["held"]),
        sold=tuple(row["sold"]),
        recipe=recipe,
        variant_of=dict(zip(row["units"], row["variants"], strict=True)),
        returned=dict(zip(row["returned"], row["returned_variants"], strict=True)),
    )


async def set_state(session: Session, line_ids: Sequence[int], state: LineState) -> None:
    """Records what became of the lines."""
    await session.rows(_SET_STATE, ids=list(line_ids), state=state.value)


async def set_quantities(session: Session, quantities: Mapping[int, int]) -> None:
    """Records how many units or bundles the lines shall have, by line."""
    await session.rows(_SET_QUANTITIES, ids=list(quantities), quantities=list(quantities.values()))


async def forget_sales(session: Session, line_ids: Sequence[int], item_ids: Sequence[int]) -> None:
    """Units whose sale was taken back no longer count for their lines."""
    await session.rows(_SALES_CANCELLED, line_ids=list(line_ids), item_ids=list(item_ids))


async def take_free(
    session: Session, demand: Mapping[int, int], inside: Warehouses, taken: Collection[int] = ()
) -> Found:
    """Locks the oldest free units of each variant that nobody else has locked, but for `taken`; may find fewer than asked.

    Only units in the warehouses `inside`, when the caller is bound.
    """
    asked: dict[str, Any] = {"variant_ids": list(demand), "quantities": _capped(demand.values())}
    if taken:
        return _by_variant(await _pick(session, _TAKE_MORE, inside, **asked, taken=list(taken)))
    return _by_variant(await _pick(session, _TAKE_FREE, inside, **asked))


async def _pick(session: Session, pick: Change, inside: Warehouses, **asked: Any) -> Sequence[Row]:
    if inside is None:
        return await session.rows(pick.free, **asked)
    return await session.rows(pick.bound, **asked, warehouses=list(inside))


async def take_these(session: Session, ids: Sequence[int]) -> Found:
    """Locks those of the units that are free and that nobody else has locked."""
    return _by_variant(await session.rows(_TAKE_THESE, ids=list(ids)))


async def see_free(
    session: Session, demand: Mapping[int, int], inside: Warehouses, ids: Sequence[int], spare: int
) -> Found:
    """The oldest free units and `spare` more of each variant, and those of the ids that are free. Does not lock."""
    wanted = _capped(count + spare for count in demand.values())
    asked = {"variant_ids": list(demand), "quantities": wanted}
    rows = list(await _pick(session, _SEE_FREE, inside, **asked)) if demand else []
    return _by_variant([*rows, *(await session.rows(_SEE_THESE, ids=list(ids)) if ids else ())])


async def wait_for(session: Session, ids: Iterable[int]) -> Found:
    """Locks those of the units that are free, waiting for others, in the order of their ids."""
    return _by_variant(await session.rows(_WAIT_FOR, ids=list(ids)))


def _capped(counts: Iterable[int]) -> list[int]:
    return [min(count, _MOST_UNITS) for count in counts]


def _by_variant(rows: Sequence[Row]) -> Found:
    found: Found = {}
    for unit, variant_id in sorted({(row["id"], row["variant_id"]) for row in rows}):
        found.setdefault(variant_id, []).append(unit)
    return found
