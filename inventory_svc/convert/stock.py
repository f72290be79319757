"""Counts, availability and value to protos."""

from __future__ import annotations

from collections.abc import Mapping

from usav.inventory.v1 import allocation_pb2, item_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from inventory_svc.convert.items import STATUS_VALUE, to_status
from inventory_svc.convert.values import to_moment, to_money_message
from inventory_svc.domain.availability import Reading
from inventory_svc.domain.item import ON_HAND, Status
from inventory_svc.domain.variant import KnownVariant
from inventory_svc.queries.value import Value, ValueFilter, ValuePart


def summary_message(variant: KnownVariant, counts: Mapping[Status, int]) -> service.StockSummary:
    """The counts of one variant."""
    return service.StockSummary(
        variant_id=variant.variant_id,
        sku=variant.sku,
        available_units=counts[Status.AVAILABLE],
        reserved_units=counts[Status.RESERVED],
        sold_units=counts[Status.SOLD],
        rma_units=counts[Status.RMA],
        damaged_units=counts[Status.DAMAGED],
        written_off_units=counts[Status.WRITTEN_OFF],
        in_transit_units=counts[Status.IN_TRANSIT],
        on_hand_units=sum(counts[status] for status in ON_HAND),
        total_units=sum(counts.values()),
    )


def availability_message(variant: KnownVariant, reading: Reading) -> allocation_pb2.Availability:
    """The free units of one variant."""
    return allocation_pb2.Availability(
        variant_id=variant.variant_id,
        sku=variant.sku,
        free_units=reading.free_units,
        revision=reading.revision,
        buildable_units=reading.buildable_units,
    )


def value_filter(request: service.GetStockValueRequest) -> ValueFilter:
    """Which stock to value."""
    return ValueFilter(
        status=to_status(request.status),
        location=request.location.strip() or None,
        product_id=request.product_id if request.HasField("product_id") else None,
        condition_code=request.condition_code.strip().upper() or None,
        as_of=to_moment(request.as_of, "as_of") if request.HasField("as_of") else None,
    )


def value_message(value: Value) -> service.StockValue:
    """The value in all and divided."""
    return service.StockValue(
        total=_part(value.total),
        by_status=[_part(part, status=STATUS_VALUE[Status(str(part.key))]) for part in value.by_status],
        by_location=[_part(part, location=str(part.key)) for part in value.by_location],
        by_family=[_part(part, product_id=int(part.key)) for part in value.by_family],
        by_condition=[_part(part, condition_code=str(part.key)) for part in value.by_condition],
    )


def _part(
    part: ValuePart,
    *,
    status: item_pb2.Item.Status.ValueType = item_pb2.Item.STATUS_UNSPECIFIED,
    location: str = "",
    product_id: int = 0,
    condition_code: str = "",
) -> service.StockValuePart:
    return service.StockValuePart(
        status=status,
        location=location,
        product_id=product_id,
        condition_code=condition_code,
        units=part.units,
        units_without_cost=part.units_without_cost,
        values=[to_money_message(value) for value in part.values],
    )
