"""Units to protos, and list filters and updates from them."""

from __future__ import annotations

from typing import Any

from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import item_pb2

from chassis import field_masks
from chassis.etags import etag
from inventory_svc.convert.values import to_moment, to_money, to_money_message, to_timestamp
from inventory_svc.domain.item import Hold, Item, Status
from inventory_svc.domain.scope import Warehouses
from inventory_svc.queries.items import ItemFilter, Place

STATUS_VALUE = {status: item_pb2.Item.Status.Value(status.value) for status in Status}
_STATUS = {value: status for status, value in STATUS_VALUE.items()}
_UPDATABLE = frozenset({"location", "notes", "unit_cost"})
# The path names the unit by its id; the others a caller may send back as he read them.
_LEFT_ALONE = frozenset({field.name for field in item_pb2.Item.DESCRIPTOR.fields}) - _UPDATABLE


def to_status(value: item_pb2.Item.Status.ValueType) -> Status | None:
    """The status of a filter; None for any."""
    return _STATUS.get(value)


def item_message(item: Item) -> item_pb2.Item:
    """The unit as callers see it."""
    message = item_pb2.Item(
        id=item.id,
        variant_id=item.variant_id,
        sku=item.sku,
        serial_number=item.serial_number,
        status=STATUS_VALUE[item.status],
        location=item.location,
        notes=item.notes,
        order_reference=item.order_reference,
        receive_time=to_timestamp(item.received_at),
        update_time=to_timestamp(item.updated_at),
        etag=etag(item.version),
        grade=item.grade,
        rma_number=item.rma_number,
        transfer_id=item.transfer_id,
    )
    if item.unit_cost is not None:
        message.unit_cost.CopyFrom(to_money_message(item.unit_cost))
    if item.hold is not None:
        message.reservation.CopyFrom(_reservation(item.hold))
    if item.sale_price is not None:
        message.sale_price.CopyFrom(to_money_message(item.sale_price))
    if item.sold_at is not None:
        message.sell_time.CopyFrom(to_timestamp(item.sold_at))
    return message


def _reservation(hold: Hold) -> item_pb2.Reservation:
    return item_pb2.Reservation(
        id=hold.id,
        order_reference=hold.order_reference,
        holder_id=hold.holder_id,
        holder_name=hold.holder_name,
        create_time=to_timestamp(hold.created_at),
        expire_time=to_timestamp(hold.expires_at),
    )


def item_filter(request: service.ListItemsRequest, inside: Warehouses) -> ItemFilter:
    """The filters of a list request, and what its caller is bound to."""
    after = to_moment(request.received_after, "received_after") if request.HasField("received_after") else None
    before = to_moment(request.received_before, "received_before") if request.HasField("received_before") else None
    return ItemFilter(
        variant_id=request.variant_id,
        sku=request.sku,
        status=to_status(request.status),
        location=request.location.strip(),
        serial_prefix=request.serial_prefix,
        received_after=after,
        received_before=before,
        inside=inside,
    )


def item_changes(request: service.UpdateItemRequest) -> dict[str, Any]:
    """The new values of an update; an amount that is unset becomes none, a text empty."""
    named = field_masks.changes(request.item, request.update_mask, updatable=_UPDATABLE, ignored=_LEFT_ALONE)
    changes: dict[str, Any] = {}
    for name, value in named.items():
        if name == "unit_cost":
            changes[name] = None if value is None else to_money(value, "item.unit_cost")
        else:
            changes[name] = (value or "").strip()
    return changes


def place_message(place: Place) -> service.StockPlace:
    """So many units at a place."""
    return service.StockPlace(location=place.location, status=STATUS_VALUE[place.status], units=place.units)
