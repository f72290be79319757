"""The rows of transfers, and units leaving and arriving: guarded statements as in unit_changes.py."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.domain.item import Action, Item, Status
from inventory_svc.domain.ledger import Cause
from inventory_svc.domain.scope import Warehouses
from inventory_svc.domain.transfer import Transfer, TransferUnit
from inventory_svc.storage.change_sql import change
from inventory_svc.storage.scope import TRANSFER_INSIDE, as_array
from inventory_svc.storage.session import Row, Session
from inventory_svc.storage.unit_changes import run

_SHIP = change(
    Action.SHIP,
    "status = 'IN_TRANSIT', transfer_id = asked.transfer_id, location = ''",
    extra={"transfer_id": "bigint"},
)
_ARRIVE = change(
    Action.ARRIVE,
    "status = (SELECT shipped_status FROM inventory.transfer_unit AS shipped"
    " WHERE shipped.transfer_id = item.transfer_id AND shipped.item_id = item.id),"
    " transfer_id = NULL, location = asked.location",
    extra={"transfer_id": "bigint", "location": "text"},
    guard="item.transfer_id = asked.transfer_id",
)
_INSERT = Statement(
    text("""
    INSERT INTO inventory.transfer (to_warehouse, note, shipped_by) VALUES (:to_warehouse, :note, :shipped_by) RETURNING id
    """)
)
# The ledger row of the shipping knows the status before.
_INSERT_UNITS = Statement(
    text("""
    INSERT INTO inventory.transfer_unit (transfer_id, item_id, shipped_status)
    SELECT item.transfer_id, item.id, movement.before_status FROM inventory.item
    JOIN inventory.movement ON movement.item_id = item.id AND movement.sequence = item.version
    WHERE item.id = ANY(CAST(:ids AS bigint[])) ORDER BY item.id
    """)
)
_TRANSFERS = """
    SELECT transfer.*, units.shipped, units.in_transit FROM inventory.transfer AS transfer
    CROSS JOIN LATERAL (
      SELECT count(*) AS shipped, count(*) FILTER (WHERE item.transfer_id = transfer.id) AS in_transit
      FROM inventory.transfer_unit AS unit JOIN inventory.item AS item ON item.id = unit.item_id
      WHERE unit.transfer_id = transfer.id
    ) AS units
"""
_GET = Statement(text(f"{_TRANSFERS} WHERE transfer.id = :id"))
_LIST = Statement(
    text(f"""
    {_TRANSFERS} WHERE transfer.id > CAST(:after AS bigint) AND (NOT CAST(:open AS boolean) OR units.in_transit > 0)
      AND {TRANSFER_INSIDE}
    ORDER BY transfer.id LIMIT CAST(:most AS integer)
    """)
)
_TOTAL = Statement(
    text(f"""
    SELECT count(*) AS total FROM (
      {_TRANSFERS} WHERE (NOT CAST(:open AS boolean) OR units.in_transit > 0) AND {TRANSFER_INSIDE}) AS matching
    """)
)
_UNITS = Statement(
    text("""
    SELECT unit.item_id, coalesce(item.serial_number, '') AS serial_number, known.sku, unit.shipped_status,
      item.transfer_id IS NOT DISTINCT FROM unit.transfer_id AS in_transit
    FROM inventory.transfer_unit AS unit JOIN inventory.item AS item ON item.id = unit.item_id
    JOIN inventory.known_variant AS known ON known.variant_id = item.variant_id
    WHERE unit.transfer_id = :id ORDER BY unit.item_id
    """)
)
_IN_WAREHOUSE = Statement(
    text("""
    SELECT 1 FROM inventory.location
    WHERE warehouse = CAST(:warehouse AS text) AND (CAST(:code AS text) = '' OR code = :code) LIMIT 1
    """)
)


async def insert(session: Session, to_warehouse: str, note: str, who: str) -> int:
    """The id of a new transfer, without units yet."""
    rows = await session.rows(_INSERT, to_warehouse=to_warehouse, note=note, shipped_by=who)
    return int(rows[0]["id"])


async def ship(session: Session, ids: Sequence[int], transfer_id: int, cause: Cause) -> list[Item]:
    """Sends units off."""
    count = len(ids)
    return await run(session, _SHIP, [cause] * count, item_id=list(ids), transfer_id=[transfer_id] * count)


async def record_units(session: Session, ids: Sequence[int]) -> None:
    """Notes the units just shipped, with the status they had."""
    await session.rows(_INSERT_UNITS, ids=list(ids))


async def arrive(session: Session, ids: Sequence[int], transfer_id: int, location: str, cause: Cause) -> list[Item]:
    """Takes units of the transfer in, with the status they had."""
    count = len(ids)
    return await run(
        session,
        _ARRIVE,
        [cause] * count,
        item_id=list(ids),
        transfer_id=[transfer_id] * count,
        location=[location] * count,
    )


def _to_transfer(row: Row) -> Transfer:
    return Transfer(
        id=row["id"],
        to_warehouse=row["to_warehouse"],
        note=row["note"],
        shipped_units=row["shipped"],
        in_transit_units=row["in_transit"],
        shipped_by=row["shipped_by"],
        shipped_at=row["shipped_at"],
    )


async def get(session: Session, transfer_id: int) -> Transfer | None:
    """One transfer; None when there is none. Does not lock."""
    rows = await session.rows(_GET, id=transfer_id)
    return _to_transfer(rows[0]) if rows else None


async def list_page(session: Session, open_only: bool, inside: Warehouses, after: int, most: int) -> list[Transfer]:
    """Up to `most` behind the id `after`, by id."""
    rows = await session.rows(_LIST, open=open_only, warehouses=as_array(inside), after=after, most=most)
    return [_to_transfer(row) for row in rows]


async def total(session: Session, open_only: bool, inside: Warehouses) -> int:
    """How many there are."""
    return int((await session.rows(_TOTAL, open=open_only, warehouses=as_array(inside)))[0]["total"])


async def list_units(session: Session, transfer_id: int) -> list[TransferUnit]:
    """The units of a transfer by id."""
    return [
        TransferUnit(row["item_id"], row["serial_number"], row["sku"], Status(row["shipped_status"]), row["in_transit"])
        for row in await session.rows(_UNITS, id=transfer_id)
    ]


async def is_in_warehouse(session: Session, warehouse: str, code: str = "") -> bool:
    """Whether the location, or without a code any, is in the warehouse."""
    return bool(await session.rows(_IN_WAREHOUSE, warehouse=warehouse, code=code))
