"""Orders taken in: those that need a person, and those that are to be shipped."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from usav.sync.v1 import channel_pb2, order_pb2
from usav.sync.v1 import sync_service_pb2 as pb

from hubctl.client import new_request_id
from hubctl.context import Tool, command
from hubctl.output import Column

_Order = order_pb2.Order
_PLATFORM = channel_pb2.Channel.Platform.Name


def _lines(order: order_pb2.Order) -> str:
    return ", ".join(f"{line.quantity} x {line.platform_sku}" for line in order.lines)


def _shipping(order: order_pb2.Order) -> str:
    return _Order.Shipping.Name(order.shipping) if order.shipping else ""


def _parcel(shipment: order_pb2.Order.Shipment) -> str:
    words = [f"{shipment.id}: {shipment.carrier} {shipment.tracking_number or 'untracked'}".replace("  ", " ")]
    words.append(_Order.Shipment.Status.Name(shipment.status))
    return " ".join([*words, shipment.message[:60]]).strip()


_ORDER: list[Column] = [
    ("id", lambda o: o.id),
    ("channel", lambda o: f"{_PLATFORM(o.platform)} {o.account}"),
    ("order", lambda o: o.external_order_id),
    ("status", lambda o: _Order.Status.Name(o.status)),
    ("lines", _lines),
    ("shipping", _shipping),
    ("parcels", lambda o: "; ".join(map(_parcel, o.shipments))),
    ("message", lambda o: o.message),
]
_LINE: list[Column] = [
    ("line", lambda line: line.line_id),
    ("platform SKU", lambda line: line.platform_sku),
    ("SKU", lambda line: line.sku),
    ("units", lambda line: line.quantity),
    ("shipped units", lambda line: line.shipped_quantity),
    ("title", lambda line: line.title[:50]),
    ("message", lambda line: line.message),
]


@click.group()
def orders() -> None:
    """Orders taken in from the channels: to resolve, and to ship."""


@orders.command("list")
@click.option("--attention", is_flag=True, help="Only those that need a person.")
@click.option("--to-ship", is_flag=True, help="Only those of which something is to be shipped.")
@click.option("--refused", is_flag=True, help="Only those with a parcel that the platform refuses.")
@command
def list_orders(tool: Tool, attention: bool, to_ship: bool, refused: bool) -> None:
    """Orders, newest first."""
    request = pb.ListOrdersRequest(page_size=100, to_ship=to_ship, shipment_refused=refused)
    if attention:
        request.status = _Order.NEEDS_ATTENTION
    tool.output.rows(tool.hub.sync.ListOrders(request).items, _ORDER)


@orders.command("show")
@click.argument("order_id", type=click.IntRange(1))
@command
def show_order(tool: Tool, order_id: int) -> None:
    """The lines of one order, with what was shipped of each."""
    order = tool.hub.sync.GetOrder(pb.GetOrderRequest(id=order_id))
    title = f"{_PLATFORM(order.platform)} {order.account} {order.external_order_id}: {_Order.Status.Name(order.status)}"
    tool.output.rows(order.lines, _LINE, title=f"{title} {_shipping(order)} {'; '.join(map(_parcel, order.shipments))}")


@orders.command("resolve")
@click.argument("order_id", type=click.IntRange(1))
@click.option("--map", "mappings", multiple=True, metavar="LINE=SKU", help="Which SKU a line is; repeatable.")
@command
def resolve_order(tool: Tool, order_id: int, mappings: tuple[str, ...]) -> None:
    """Applies an order again, telling which SKU an unknown line is."""
    request = pb.ResolveOrderRequest(id=order_id, request_id=new_request_id())
    for line_id, sku in (_pair(one, "LINE=SKU") for one in mappings):
        request.mappings.add(line_id=line_id, sku=sku)
    tool.output.one(tool.hub.sync.ResolveOrder(request), _ORDER)


@orders.command("ship")
@click.argument("order_id", type=click.IntRange(1))
@click.option("--carrier", default="", help="Who carries it, e.g. UPS, USPS, FedEx, DHL.")
@click.option("--tracking", default="", help="The carrier's number.")
@click.option(
    "--line", "lines", multiple=True, metavar="LINE=UNITS", help="What is in it; all that is left if not given."
)
@click.option(
    "--at",
    "shipped_at",
    type=click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%d"]),
    help="When it left, UTC; now if not given.",
)
@command
def ship_order(
    tool: Tool, order_id: int, carrier: str, tracking: str, lines: tuple[str, ...], shipped_at: datetime | None
) -> None:
    """Records a parcel of an order and tells the marketplace."""
    request = pb.ShipOrderRequest(id=order_id, carrier=carrier, tracking_number=tracking, request_id=new_request_id())
    for line_id, units in (_pair(one, "LINE=UNITS") for one in lines):
        if not units.isdigit():
            raise click.BadParameter(f"{units!r}: write LINE=UNITS")
        request.lines.add(line_id=line_id, quantity=int(units))
    if shipped_at is not None:
        request.ship_time.FromDatetime(shipped_at.replace(tzinfo=UTC))
    tool.output.one(tool.hub.sync.ShipOrder(request), _ORDER)


@orders.command("retry-shipment")
@click.argument("order_id", type=click.IntRange(1))
@click.argument("shipment_id", type=click.IntRange(1))
@command
def retry_shipment(tool: Tool, order_id: int, shipment_id: int) -> None:
    """Tells the marketplace of a parcel again, now."""
    request = pb.RetryShipmentRequest(order_id=order_id, id=shipment_id, request_id=new_request_id())
    tool.output.one(tool.hub.sync.RetryShipment(request), _ORDER)


@orders.command("withdraw-shipment")
@click.argument("order_id", type=click.IntRange(1))
@click.argument("shipment_id", type=click.IntRange(1))
@command
def withdraw_shipment(tool: Tool, order_id: int, shipment_id: int) -> None:
    """Takes back a parcel that the marketplace does not know of, as one with a wrong number."""
    request = pb.WithdrawShipmentRequest(order_id=order_id, id=shipment_id, request_id=new_request_id())
    tool.output.one(tool.hub.sync.WithdrawShipment(request), _ORDER)


def _pair(text: str, form: str) -> tuple[str, str]:
    name, separator, value = text.rpartition("=")
    if not separator:
        raise click.BadParameter(f"{text!r}: write {form}")
    return name, value


COMMANDS = [orders]
