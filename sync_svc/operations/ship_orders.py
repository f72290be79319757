"""Records what leaves the house for an order, and takes back what its platform does not know of yet.

Here it is only recorded; a worker tells the platform (see `workers.shipments`). The order's row is locked first, so that two
callers cannot both ship the last unit; the database refuses it besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import InvalidArgument
from sync_svc.domain.errors import (
    OrderLineUnknown,
    OrderNotShippable,
    ShipmentBusy,
    ShipmentClosed,
    ShipmentNotFound,
    ShippedAlready,
    TrackingNumberTaken,
)
from sync_svc.domain.order import Line, Order, OrderStatus
from sync_svc.domain.scope import Channels, check_channel
from sync_svc.domain.shipment import NewShipment, Shipment, ShipmentStatus
from sync_svc.storage import shipments as stored
from sync_svc.storage.deliveries import queue_orders
from sync_svc.storage.orders import get_order_in

# Clocks differ a little.
_FUTURE = timedelta(minutes=2)


def check_new(new: NewShipment, now: datetime) -> None:
    """Raises InvalidArgument for a parcel that no platform would take."""
    if new.tracking_number and not new.carrier:
        raise InvalidArgument.of("carrier", "is required with a tracking number")
    if new.shipped_at > now + _FUTURE:
        raise InvalidArgument.of("ship_time", "lies in the future")


async def check_reach(conn: AsyncConnection, order_id: int, bound: Channels) -> None:
    """Raises OrderNotFound, OutsideChannels. An order never changes its channel, so this may come before its lock."""
    if bound is not None:
        check_channel(bound, (await get_order_in(conn, order_id)).channel_id)


async def ship_order(conn: AsyncConnection, order_id: int, new: NewShipment) -> Order:
    """Record a parcel and answer its order. Safe to repeat with a tracking number.

    Raises OrderNotFound, OrderNotShippable, OrderLineUnknown, ShippedAlready, TrackingNumberTaken.
    """
    await stored.lock_order(conn, order_id)
    order = await get_order_in(conn, order_id)
    if _is_recorded(order, new):
        return order
    _check_state(order)
    wanted = new.units or _all_left(order)
    _check_units(order, wanted)
    await stored.insert_shipment(conn, order_id, order.channel_id, replace(new, units=wanted))
    return await get_order_in(conn, order_id)


async def retry_shipment(conn: AsyncConnection, order_id: int, shipment_id: int) -> Order:
    """Tell the platform again at once. Safe to repeat. Raises OrderNotFound, ShipmentNotFound, ShipmentBusy, ShipmentClosed."""
    shipment = await _lock_idle(conn, order_id, shipment_id)
    if not await stored.tell_again(conn, shipment.id):
        raise ShipmentClosed(shipment.id, shipment.status.value, "there is nothing to tell")
    return await get_order_in(conn, order_id)


async def withdraw_shipment(conn: AsyncConnection, order_id: int, shipment_id: int) -> Order:
    """Take a shipment back. Safe to repeat. Raises OrderNotFound, ShipmentNotFound, ShipmentBusy, ShipmentClosed."""
    shipment = await _lock_idle(conn, order_id, shipment_id)
    if shipment.status is not ShipmentStatus.WITHDRAWN and not await stored.withdraw(conn, shipment.id):
        why = "the platform knows of it, or may do so: correct it there"
        raise ShipmentClosed(shipment.id, shipment.status.value, why)
    order = await get_order_in(conn, order_id)
    if order.cancelled or any(line.cancelled or line.keeps_more for line in order.lines):
        # Units were kept back, or are being kept back just now, as they had left the house; they have not, so they are free.
        await queue_orders(conn, order.channel_id, [order.external_order_id])
    return order


async def _lock_idle(conn: AsyncConnection, order_id: int, shipment_id: int) -> Shipment:
    is_being_told = await stored.lock_order(conn, order_id)
    order = await get_order_in(conn, order_id)
    found = next((one for one in order.shipments if one.id == shipment_id), None)
    if found is None:
        raise ShipmentNotFound(order_id, shipment_id)
    if is_being_told and found.status is ShipmentStatus.PENDING:
        raise ShipmentBusy(order_id)
    return found


def _is_recorded(order: Order, new: NewShipment) -> bool:
    """Whether this very parcel is recorded already. Raises TrackingNumberTaken when another has its number."""
    for known in order.shipments:
        if not new.tracking_number or known.status is ShipmentStatus.WITHDRAWN:
            continue
        if known.tracking_number.upper() == new.tracking_number.upper():
            if not new.units or dict(known.units) == dict(new.units):
                return True
            raise TrackingNumberTaken(
                f"Shipment {known.id} of order {order.id} has the tracking number {new.tracking_number} and other units.",
                metadata={"order_id": str(order.id), "shipment_id": str(known.id)},
            )
    return False


def _check_state(order: Order) -> None:
    if order.cancelled or order.status is OrderStatus.CANCELLED:
        raise OrderNotShippable(order.id, order.status.value, "it is cancelled")
    if not order.paid:
        raise OrderNotShippable(order.id, order.status.value, "it is not paid yet")


def _all_left(order: Order) -> dict[str, int]:
    """Everything that is sold and still in the house. Raises ShippedAlready, OrderNotShippable when that is nothing."""
    left = {line.line_id: line.to_ship for line in order.lines if line.to_ship}
    if not left:
        if any(not line.applied and not line.cancelled for line in order.lines):
            raise OrderNotShippable(
                order.id, order.status.value, f"it has no units in stock, resolve it first ({order.message})"
            )
        raise ShippedAlready(order.id)
    return left


def _check_units(order: Order, wanted: Mapping[str, int]) -> None:
    lines: dict[str, Line] = {line.line_id: line for line in order.lines}
    for line_id, quantity in wanted.items():
        line = lines.get(line_id)
        if line is None:
            raise OrderLineUnknown(order.id, line_id, field="lines")
        if line.cancelled or not line.applied:
            why = "is cancelled" if line.cancelled else "has no units in stock, resolve the order first"
            raise OrderNotShippable(order.id, order.status.value, f"line {line_id} {why}", line_id)
        if quantity > line.to_ship:
            raise ShippedAlready(order.id, line_id, line.to_ship)
