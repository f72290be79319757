"""Orders taken in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text

from chassis.database import Database
from sync_svc.domain.order import Order
from sync_svc.domain.scope import Channels, check_channel
from sync_svc.queries.pages import Page, count, cut
from sync_svc.storage import orders as stored
from sync_svc.storage.channels import is_named
from sync_svc.storage.order_tables import TO_SHIP, channel_order, order_line, shipment
from sync_svc.storage.tables import channel

_TO_SHIP = select(order_line.c.order_id).where(text(TO_SHIP))
_REFUSED = select(shipment.c.order_id).where(shipment.c.status == "REFUSED")


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders to list; what is unset does not filter."""

    platform: str = ""
    channel: str = ""
    status: str = ""
    external_order_id: str = ""
    to_ship: bool = False
    shipment_refused: bool = False
    # What the caller is bound to.
    inside: Channels = None


async def get_order(db: Database, order_id: int, bound: Channels) -> Order:
    """One order. Raises OrderNotFound, OutsideChannels."""
    order = await stored.get_order(db, order_id)
    check_channel(bound, order.channel_id)
    return order


async def list_orders(db: Database, wanted: OrderFilter, *, before_id: int | None, most: int) -> Page[Order]:
    """One page, newest first."""
    given = {
        channel.c.platform: wanted.platform,
        channel_order.c.status: wanted.status,
        channel_order.c.external_order_id: wanted.external_order_id,
    }
    conditions: list[Any] = [column == value for column, value in given.items() if value]
    if wanted.channel:
        conditions.append(is_named(wanted.channel))
    if wanted.to_ship:
        conditions += [channel_order.c.paid, ~channel_order.c.cancelled, channel_order.c.id.in_(_TO_SHIP)]
    if wanted.shipment_refused:
        conditions.append(channel_order.c.id.in_(_REFUSED))
    if wanted.inside is not None:
        conditions.append(channel_order.c.channel_id.in_(sorted(wanted.inside)))
    paged = conditions if before_id is None else [*conditions, channel_order.c.id < before_id]
    async with db.translated(), db.read.connect() as conn:
        items = await stored.list_orders(conn, paged, most + 1)
        total = await count(conn, select(channel_order.c.id).join(channel).where(*conditions))
    return cut(items, most, total)
