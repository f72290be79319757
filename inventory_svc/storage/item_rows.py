"""How a unit is read: the columns, with an expired hold taken as none, and the row turned into an Item."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.domain.item import Hold, Item, Status
from inventory_svc.domain.money import Money
from inventory_svc.storage.session import Row, Session

# `item` and `hold` are the names of the unit's and the hold's rows; `known` is the variant's.
ITEM_COLUMNS = """
  item.id, item.variant_id, known.sku, item.serial_number,
  CASE WHEN item.status = 'RESERVED' AND hold.id IS NULL THEN 'AVAILABLE' ELSE item.status END AS status,
  item.location, item.unit_cost, item.cost_currency, item.notes,
  item.order_reference, item.sale_price, item.sale_currency,
  item.received_at, item.sold_at, item.updated_at, item.version, item.grade, item.rma_number, item.transfer_id,
  hold.id AS hold_id, hold.order_reference AS hold_order_reference, hold.holder_id, hold.holder_name,
  hold.created_at AS held_at, hold.expires_at
"""
ITEM_SOURCE = """
  inventory.item AS item
  JOIN inventory.known_variant AS known ON known.variant_id = item.variant_id
  LEFT JOIN inventory.reservation AS hold ON hold.id = item.reservation_id AND item.reserved_until > now()
"""

_BY_IDS = Statement(
    text(f"""
    SELECT {ITEM_COLUMNS} FROM {ITEM_SOURCE}
    WHERE item.id = ANY(CAST(:ids AS bigint[])) AND item.deleted_at IS NULL ORDER BY item.id
    """)
)
_IDS_BY_SERIALS = Statement(
    text("""
    SELECT upper(serial_number) AS serial_key, id FROM inventory.item
    WHERE upper(serial_number) = ANY(CAST(:keys AS text[])) AND serial_number IS NOT NULL AND deleted_at IS NULL
    """)
)
_SOLD_UNDER = Statement(
    text("""
    SELECT item.id FROM inventory.item WHERE item.status = 'SOLD' AND item.order_reference = :order_reference
      AND item.deleted_at IS NULL AND item.id IN (
        SELECT item_id FROM inventory.movement WHERE order_reference = :order_reference AND order_reference <> '')
    ORDER BY item.id LIMIT CAST(:most AS integer)
    """)
)


def to_item(row: Row) -> Item:
    """The unit of a row with ITEM_COLUMNS."""
    return Item(
        id=row["id"],
        variant_id=row["variant_id"],
        sku=row["sku"],
        serial_number=row["serial_number"] or "",
        status=Status(row["status"]),
        location=row["location"],
        unit_cost=to_money(row["unit_cost"], row["cost_currency"]),
        notes=row["notes"],
        hold=_to_hold(row),
        order_reference=row["order_reference"],
        sale_price=to_money(row["sale_price"], row["sale_currency"]),
        received_at=row["received_at"],
        sold_at=row["sold_at"],
        updated_at=row["updated_at"],
        version=row["version"],
        grade=row["grade"],
        rma_number=row["rma_number"],
        transfer_id=row["transfer_id"] or 0,
    )


def _to_hold(row: Row) -> Hold | None:
    if row["hold_id"] is None:
        return None
    return Hold(
        id=row["hold_id"],
        order_reference=row["hold_order_reference"],
        holder_id=row["holder_id"],
        holder_name=row["holder_name"],
        created_at=row["held_at"],
        expires_at=row["expires_at"],
    )


def to_money(amount: Decimal | None, currency: str | None) -> Money | None:
    """The amount of two columns; None when they hold none."""
    return None if amount is None or currency is None else Money(amount, currency)


async def get_many(session: Session, ids: Sequence[int]) -> dict[int, Item]:
    """The units that are there, by id; deleted ones are not. Does not lock."""
    found = await session.rows(_BY_IDS, ids=list(ids))
    return {row["id"]: to_item(row) for row in found}


async def ids_by_serial(session: Session, serial_numbers: Sequence[str]) -> dict[str, int]:
    """The ids of the units that are there, by serial number in capitals. Does not lock."""
    found = await session.rows(_IDS_BY_SERIALS, keys=[number.upper() for number in serial_numbers])
    return {row["serial_key"]: row["id"] for row in found}


async def ids_sold_under(session: Session, order_reference: str, most: int) -> list[int]:
    """The units sold under an order and not come back, found by the ledger's index. Does not lock."""
    found = await session.rows(_SOLD_UNDER, order_reference=order_reference, most=most)
    return [row["id"] for row in found]
