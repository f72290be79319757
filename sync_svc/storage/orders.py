"""Orders taken in, with their lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, exists, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from sync_svc.channels.base import ChannelOrder, OrderLine
from sync_svc.domain.channel import Platform
from sync_svc.domain.errors import OrderNotFound
from sync_svc.domain.order import Line, Order, OrderReason, OrderStatus
from sync_svc.domain.shipment import Shipment
from sync_svc.storage.shipments import shipments_of
from sync_svc.storage.tables import channel, channel_order, order_line, shipment

_ORDERS = select(*channel_order.c, channel.c.platform, channel.c.account).join(channel)
_LINES = select(
    *order_line.c, exists().where(shipment.c.order_id == order_line.c.order_id).label("has_shipments")
).select_from(order_line)

# The newest state wins, in whatever order the reads of it arrive; a cancellation is not taken back by an older read.
_SEE = text("""
INSERT INTO sync.channel_order AS o (channel_id, external_order_id, paid, platform_status, placed_at, modified_at)
VALUES (:channel_id, :external_order_id, :paid, :platform_status, :placed_at, :modified_at)
ON CONFLICT (channel_id, external_order_id) DO UPDATE SET paid = excluded.paid, platform_status = excluded.platform_status,
  modified_at = excluded.modified_at
WHERE o.modified_at <= excluded.modified_at
RETURNING id
""")
_KNOW_SKUS = text("""
UPDATE sync.order_line l SET variant_id = i.variant_id, sku = i.sku
FROM sync.listing i
WHERE l.order_id = :order_id AND l.sku = '' AND i.channel_id = :channel_id AND i.platform_sku = l.platform_sku
""")
# Orders of one channel come in side by side and must not wait for each other at its row; whoever finds it locked leaves the time
# to the one who has it, and the next poll puts it right.
_TOUCH_CHANNEL = text("""
UPDATE sync.channel SET last_order_at = :placed_at WHERE id = (
  SELECT id FROM sync.channel WHERE id = :channel_id AND (last_order_at IS NULL OR last_order_at < :placed_at)
  FOR NO KEY UPDATE SKIP LOCKED)
""")
_SHORT = {"platform_sku": 100, "title": 500, "line_id": 100}


async def store_seen(conn: AsyncConnection, channel_id: int, seen: ChannelOrder) -> Order | None:
    """Store an order as its platform shows it, with the variants its SKUs stand for; None when a newer state is stored."""
    values = {
        "channel_id": channel_id,
        "external_order_id": seen.external_order_id,
        "paid": seen.paid,
        "platform_status": seen.platform_status[:100],
        "placed_at": seen.placed_at,
        "modified_at": seen.modified_at,
    }
    order_id = (await conn.execute(_SEE, values)).scalar_one_or_none()
    if order_id is None:
        return None
    if seen.lines:
        rows = [_line_values(order_id, place, line) for place, line in enumerate(seen.lines)]
        put = insert(order_line)
        changed = {name: put.excluded[name] for name in ("quantity", "cancelled", "title", "shipped_there")}
        await conn.execute(put.on_conflict_do_update(index_elements=["order_id", "line_id"], set_=changed), rows)
    await conn.execute(_KNOW_SKUS, {"order_id": order_id, "channel_id": channel_id})
    await conn.execute(_TOUCH_CHANNEL, {"channel_id": channel_id, "placed_at": seen.placed_at})
    return await get_order_in(conn, order_id)


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


async def record_order(
    conn: AsyncConnection, order: Order, lines: Sequence[Line], verdict: tuple[OrderStatus, OrderReason | None, str]
) -> None:
    """Record what became of an order and its lines."""
    status, reason, message = verdict
    recorded = update(channel_order).where(channel_order.c.id == order.id)
    reason_name = reason.value if reason else None
    at = text("clock_timestamp()")
    # The order before its lines, as everybody locks them.
    await conn.execute(recorded.values(status=status.value, reason=reason_name, message=message[:1000], updated_at=at))
    for line in lines:
        changed = update(order_line).where(order_line.c.order_id == order.id, order_line.c.line_id == line.line_id)
        await conn.execute(
            changed.values(
                applied=line.applied,
                reason=line.reason.value if line.reason else None,
                message=line.message[:1000],
                variant_id=line.variant_id,
                sku=line.sku,
            )
        )


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


def _line_values(order_id: int, place: int, line: OrderLine) -> Mapping[str, Any]:
    return {
        "order_id": order_id,
        "position": place,
        "line_id": line.line_id[: _SHORT["line_id"]],
        "platform_sku": line.platform_sku[: _SHORT["platform_sku"]],
        "title": line.title[: _SHORT["title"]],
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "currency": line.currency,
        "cancelled": line.cancelled,
        "shipped_there": line.shipped_quantity,
    }


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
        lines=lines,
        placed_at=row.placed_at,
        modified_at=row.modified_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        reason=OrderReason(row.reason) if row.reason else None,
        message=row.message,
        shipments=shipments,
    )
