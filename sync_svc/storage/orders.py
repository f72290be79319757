"""Orders taken in, with their lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from sync_svc.domain.channel import Platform
from sync_svc.domain.errors import OrderNotFound
from sync_svc.domain.order import Line, Order, OrderReason, OrderStatus
from sync_svc.domain.shipment import Shipment
from sync_svc.storage.order_tables import channel_order, order_line, shipment
from sync_svc.storage.shipments import shipments_of
from sync_svc.storage.tables import channel

_ORDERS = select(*channel_order.c, channel.c.platform, channel.c.account).join(channel)
_LINES = select(
    *order_line.c, exists().where(shipment.c.order_id == order_line.c.order_id).label("has_shipments")
).select_from(order_line)


async def get_order_in(conn: AsyncConnection, order_id: int) -> Order:
    """One order. Raises OrderNotFound."""
    row = (await conn.execute(_ORDERS.where(channel_order.c.id == order_id))).first()
    if row is None:
        raise OrderNotFound(order_id)
    return (await _with_lines(conn, [row]))[0]


async def get_order(db: Database, order_id: int) -> Order:
    """One order. Raises OrderNotFound."""
    async with db.translated(), db.read.connect() as conn:
        return await get_order_in(conn, order_id)


async def map_line(conn: AsyncConnection, order_id: int, line_id: str, *, variant_id: int, sku: str) -> None:
    """Say which variant a line means."""
    line = update(order_line).where(order_line.c.order_id == order_id, order_line.c.line_id == line_id)
    await conn.execute(line.values(variant_id=variant_id, sku=sku))


async def list_orders(conn: AsyncConnection, conditions: Sequence[Any], most: int) -> list[Order]:
    """Orders that meet the conditions, newest first."""
    found = _ORDERS.where(*conditions).order_by(channel_order.c.id.desc()).limit(most)
    return await _with_lines(conn, (await conn.execute(found)).all())


async def _with_lines(conn: AsyncConnection, rows: Sequence[Any]) -> list[Order]:
    lines: dict[int, list[Line]] = {row.id: [] for row in rows}
    shipped: set[int] = set()
    wanted = _LINES.where(order_line.c.order_id.in_(list(lines)))
    for row in (await conn.execute(wanted.order_by(order_line.c.order_id, order_line.c.position))).mappings():
        lines[row["order_id"]].append(_as_line(row))
        if row["has_shipments"]:
            shipped.add(row["order_id"])
    shipments = await shipments_of(conn, sorted(shipped)) if shipped else {}
    return [_as_order(row, lines[row.id], shipments.get(row.id, [])) for row in rows]


def _as_line(row: RowMapping) -> Line:
    return Line(
        line_id=row["line_id"],
        platform_sku=row["platform_sku"],
        title=row["title"],
        quantity=row["quantity"],
        unit_price=row["unit_price"],
        currency=row["currency"],
        variant_id=row["variant_id"],
        sku=row["sku"],
        applied=row["applied"],
        cancelled=row["cancelled"],
        reason=OrderReason(row["reason"]) if row["reason"] else None,
        message=row["message"],
        shipped_quantity=row["shipped_quantity"],
        shipped_there=row["shipped_there"],
        revision=row["revision"],
    )


def _as_order(row: Any, lines: Sequence[Line], shipments: Sequence[Shipment]) -> Order:
    return Order(
        id=row.id,
        channel_id=row.channel_id,
        platform=Platform(row.platform),
        account=row.account,
        external_order_id=row.external_order_id,
        status=OrderStatus(row.status),
        paid=row.paid,
        platform_status=row.platform_status,
        cancelled=row.cancelled,
        lines=lines,
        placed_at=row.placed_at,
        modified_at=row.modified_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        reason=OrderReason(row.reason) if row.reason else None,
        message=row.message,
        shipments=shipments,
    )
