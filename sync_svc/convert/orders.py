"""Orders, and what watchers are told."""

from __future__ import annotations

from usav.sync.v1 import channel_pb2, listing_pb2, order_pb2, sync_service_pb2

from chassis.clock import now
from sync_svc.convert.channels import platform_name
from sync_svc.convert.common import price_to_proto, timestamp
from sync_svc.convert.shipments import shipment_to_proto
from sync_svc.domain.order import Line, Order
from sync_svc.progress import Event, ListingPushed, OrderTaken
from sync_svc.queries.orders import OrderFilter

_Order = order_pb2.Order
_Event = sync_service_pb2.WatchSyncResponse


def filter_of(request: sync_service_pb2.ListOrdersRequest) -> OrderFilter:
    """The filters of a list."""
    return OrderFilter(
        platform=platform_name(request.platform),
        channel=request.channel,
        status=_Order.Status.Name(request.status) if request.status else "",
        external_order_id=request.external_order_id,
        to_ship=request.to_ship,
        shipment_refused=request.shipment_refused,
    )


def order_to_proto(order: Order) -> order_pb2.Order:
    """An order with its lines."""
    return _Order(
        id=order.id,
        channel_id=order.channel_id,
        platform=channel_pb2.Channel.Platform.Value(order.platform),
        account=order.account,
        external_order_id=order.external_order_id,
        order_reference=order.reference,
        status=_Order.Status.Value(order.status),
        reason=_Order.Reason.Value(order.reason) if order.reason else _Order.REASON_UNSPECIFIED,
        message=order.message,
        paid=order.paid,
        platform_status=order.platform_status,
        lines=[_line(line) for line in order.lines],
        placed_time=timestamp(order.placed_at),
        modified_time=timestamp(order.modified_at),
        create_time=timestamp(order.created_at),
        update_time=timestamp(order.updated_at),
        shipping=_Order.Shipping.Value(order.shipping),
        shipments=[shipment_to_proto(shipment) for shipment in order.shipments],
    )


def _line(line: Line) -> order_pb2.Order.Line:
    return _Order.Line(
        line_id=line.line_id,
        platform_sku=line.platform_sku,
        title=line.title,
        quantity=line.quantity,
        unit_price=price_to_proto(line.unit_price, line.currency),
        variant_id=line.variant_id,
        sku=line.sku,
        applied=line.applied,
        reason=_Order.Reason.Value(line.reason) if line.reason else _Order.REASON_UNSPECIFIED,
        message=line.message,
        shipped_quantity=line.has_left,
        cancelled=line.cancelled,
    )


def event_to_proto(event: Event | None) -> sync_service_pb2.WatchSyncResponse:
    """One event; None is a heartbeat."""
    if event is None:
        return _Event(event_time=timestamp(now()), heartbeat=_Event.Heartbeat())
    at = timestamp(event.at)
    if isinstance(event, OrderTaken):
        return _Event(event_time=at, order_taken=_taken(event))
    return _Event(event_time=at, listing_pushed=_pushed(event))


def _pushed(event: ListingPushed) -> sync_service_pb2.WatchSyncResponse.ListingPushed:
    return _Event.ListingPushed(
        listing_id=event.listing_id,
        channel_id=event.channel_id,
        platform=channel_pb2.Channel.Platform.Value(event.platform),
        account=event.account,
        sku=event.sku,
        platform_sku=event.platform_sku,
        quantity_before=event.quantity_before,
        quantity=event.quantity,
        price=price_to_proto(event.price, event.currency),
        outcome=listing_pb2.ListingAttempt.Outcome.Value(event.outcome),
        message=event.message,
        duration_ms=event.duration_ms,
    )


def _taken(event: OrderTaken) -> sync_service_pb2.WatchSyncResponse.OrderTaken:
    return _Event.OrderTaken(
        order_id=event.order_id,
        channel_id=event.channel_id,
        platform=channel_pb2.Channel.Platform.Value(event.platform),
        account=event.account,
        order_reference=event.order_reference,
        status=_Order.Status.Value(event.status),
        message=event.message,
    )
