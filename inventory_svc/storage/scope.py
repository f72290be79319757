"""Which units, locations, counts and transfers lie in some warehouses, as SQL and as reads. None of it locks.

The conditions take the parameter `warehouses`, an array of names; those called OR_ANY hold for everything where it is NULL.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.storage.session import Session

CODES = "SELECT code FROM inventory.location WHERE warehouse = ANY(CAST(:warehouses AS text[]))"
UNIT_INSIDE = f"item.location IN ({CODES})"
ANY = "CAST(:warehouses AS text[]) IS NULL"

# A transfer concerns the warehouse that it goes to and those that its units left: the first shipping since it was made.
TRANSFER_INSIDE = f"""({ANY} OR transfer.to_warehouse = ANY(CAST(:warehouses AS text[])) OR EXISTS (
      SELECT 1 FROM inventory.transfer_unit AS unit CROSS JOIN LATERAL (
        SELECT before_location FROM inventory.movement
        WHERE movement.item_id = unit.item_id AND action = 'SHIP' AND created_at >= transfer.shipped_at
        ORDER BY sequence LIMIT 1) AS shipped
      WHERE unit.transfer_id = transfer.id AND shipped.before_location IN ({CODES})))"""
COUNT_INSIDE = f"""({ANY} OR NOT EXISTS (
      SELECT 1 FROM inventory.count_location WHERE count_id = count.id AND location NOT IN ({CODES})))"""

_OUTSIDE = Statement(
    text(f"SELECT id FROM inventory.item WHERE id = ANY(CAST(:ids AS bigint[])) AND NOT {UNIT_INSIDE} ORDER BY id")
)
_CODES = Statement(text(CODES))
_TRANSFER = Statement(text(f"SELECT 1 FROM inventory.transfer WHERE id = :id AND {TRANSFER_INSIDE}"))
_COUNT = Statement(text(f"SELECT 1 FROM inventory.stock_count AS count WHERE id = :id AND {COUNT_INSIDE}"))


def as_array(bound: Collection[str] | None) -> list[str] | None:
    """The value of `warehouses`."""
    return None if bound is None else list(bound)


async def units_outside(session: Session, ids: Sequence[int], warehouses: Collection[str]) -> list[int]:
    """Those of the units, deleted ones too, that lie in none of the warehouses."""
    return [row["id"] for row in await session.rows(_OUTSIDE, ids=list(ids), warehouses=list(warehouses))]


async def codes_inside(session: Session, warehouses: Collection[str]) -> frozenset[str]:
    """The codes of the locations in the warehouses."""
    return frozenset(row["code"] for row in await session.rows(_CODES, warehouses=list(warehouses)))


async def is_transfer_inside(session: Session, transfer_id: int, warehouses: Collection[str]) -> bool:
    """Whether the transfer goes to one of the warehouses or came from one."""
    return bool(await session.rows(_TRANSFER, id=transfer_id, warehouses=list(warehouses)))


async def is_count_inside(session: Session, count_id: int, warehouses: Collection[str]) -> bool:
    """Whether all locations of the count are in the warehouses."""
    return bool(await session.rows(_COUNT, id=count_id, warehouses=list(warehouses)))
