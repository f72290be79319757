"""Shipments: proto to domain and back."""

from __future__ import annotations

from datetime import UTC, datetime

from usav.sync.v1 import order_pb2, sync_service_pb2

from chassis.errors import InvalidArgument
from sync_svc.convert.common import timestamp
from sync_svc.domain.shipment import NewShipment, Shipment

_Shipment = order_pb2.Order.Shipment


def new_shipment(request: sync_service_pb2.ShipOrderRequest, *, recorded_by: str, now: datetime) -> NewShipment:
    """The parcel of a request. Raises InvalidArgument when a line stands twice, or the time is none."""
    units = {line.line_id: line.quantity for line in request.lines}
    if len(units) < len(request.lines):
        raise InvalidArgument.of("lines", "names a line twice")
    return NewShipment(
        carrier=" ".join(request.carrier.split()),
        tracking_number="".join(request.tracking_number.split()),
        units=units,
        shipped_at=_time(request) if request.HasField("ship_time") else now,
        recorded_by=recorded_by,
    )


def _time(request: sync_service_pb2.ShipOrderRequest) -> datetime:
    try:
        return request.ship_time.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidArgument.of("ship_time", "is no time") from None


def shipment_to_proto(shipment: Shipment) -> order_pb2.Order.Shipment:
    """A shipment."""
    return _Shipment(
        id=shipment.id,
        carrier=shipment.carrier,
        tracking_number=shipment.tracking_number,
        lines=[_Shipment.Line(line_id=line_id, quantity=quantity) for line_id, quantity in shipment.units],
        ship_time=timestamp(shipment.shipped_at),
        status=_Shipment.Status.Value(shipment.status),
        external_id=shipment.external_id,
        by_another=shipment.by_another,
        message=shipment.message,
        error_code=shipment.error_code,
        attempts=shipment.attempts,
        next_attempt_time=timestamp(shipment.next_attempt_at),
        told_time=timestamp(shipment.told_at),
        recorded_by=shipment.recorded_by,
        create_time=timestamp(shipment.created_at),
    )
