"""How a row of the ledger is read."""

from __future__ import annotations

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.domain.item import Action, Status
from inventory_svc.domain.ledger import Cause, Movement
from inventory_svc.storage.item_rows import to_money
from inventory_svc.storage.session import Row, Session

MOVEMENT_COLUMNS = "movement.*, known.sku"
MOVEMENT_SOURCE = """
  inventory.movement AS movement JOIN inventory.known_variant AS known ON known.variant_id = movement.variant_id
"""

_EVER_TAKEN = Statement(
    text("""
    SELECT 1 FROM inventory.movement WHERE item_id = :item_id AND after_status <> 'AVAILABLE' LIMIT 1
    """)
)
_CHAIN = Statement(
    text(f"""
    SELECT {MOVEMENT_COLUMNS} FROM {MOVEMENT_SOURCE} WHERE movement.item_id = :item_id ORDER BY movement.sequence
    """)
)


def to_movement(row: Row) -> Movement:
    """The ledger row of MOVEMENT_COLUMNS."""
    before = row["before_status"]
    return Movement(
        id=row["id"],
        item_id=row["item_id"],
        sequence=row["sequence"],
        action=Action(row["action"]),
        variant_id=row["variant_id"],
        sku=row["sku"],
        before_status=Status(before) if before else None,
        after_status=Status(row["after_status"]),
        before_location=row["before_location"],
        after_location=row["after_location"],
        unit_cost=to_money(row["unit_cost"], row["cost_currency"]),
        sale_price=to_money(row["sale_price"], row["sale_currency"]),
        cause=Cause(
            actor_id=row["actor_id"],
            actor_name=row["actor_name"],
            actor_role=row["actor_role"],
            request_id=row["request_id"],
            reason=row["reason"],
            order_reference=row["order_reference"],
        ),
        created_at=row["created_at"],
        changes=row["changes"],
        previous_hash=bytes(row["previous_hash"]),
        hash=bytes(row["hash"]),
    )


async def was_ever_taken(session: Session, item_id: int) -> bool:
    """Whether the unit was anything but AVAILABLE once."""
    return bool(await session.rows(_EVER_TAKEN, item_id=item_id))


async def list_chain(session: Session, item_id: int) -> list[Movement]:
    """All ledger rows of a unit in order."""
    return [to_movement(row) for row in await session.rows(_CHAIN, item_id=item_id)]
