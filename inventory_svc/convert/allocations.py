"""Order lines from protos and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from usav.inventory.v1 import allocation_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from chassis.errors import InvalidArgument
from inventory_svc.convert.items import item_message
from inventory_svc.convert.values import to_money, to_timestamp
from inventory_svc.domain.allocation import AskedLine, QuantityChange, refuse_repeated_lines
from inventory_svc.domain.errors import VariantNotFound
from inventory_svc.domain.money import Money
from inventory_svc.domain.recipe import Recipe
from inventory_svc.domain.variant import KnownVariant
from inventory_svc.operations.allocate_units import AllocatedLine

_QUANTITY_CHANGES = {
    service.AllocateUnitsRequest.QUANTITY_CHANGE_UNSPECIFIED: QuantityChange.REFUSED,
    service.AllocateUnitsRequest.RAISE: QuantityChange.RAISE,
    service.AllocateUnitsRequest.SET: QuantityChange.SET,
}


def asked_lines(
    request: service.AllocateUnitsRequest, known: Mapping[str, KnownVariant], recipes: Mapping[int, Recipe]
) -> list[AskedLine]:
    """The lines asked for, with the variants and recipes of their SKUs. Raises VariantNotFound, InvalidArgument."""
    lines = []
    for position, line in enumerate(request.lines):
        variant = known.get(line.sku)
        if variant is None:
            raise VariantNotFound.by_sku(line.sku, f"lines[{position}].sku")
        lines.append(
            AskedLine(
                line.line_id,
                variant.sku,
                variant.variant_id,
                _quantity(line, position),
                _sale_price(line, position, sell=request.sell),
                tuple(line.serial_numbers),
                recipes.get(variant.variant_id, ()),
                _quantity_change(line, position),
            )
        )
    return lines


def _quantity(line: service.AllocateUnitsRequest.Line, position: int) -> int:
    named = len(line.serial_numbers)
    if named and line.quantity not in (0, named):
        raise InvalidArgument.of(f"lines[{position}].quantity", f"there are {named} serial numbers; leave quantity out")
    if not (named or line.quantity):
        raise InvalidArgument.of(f"lines[{position}].quantity", "must be at least 1")
    return named or line.quantity


def _quantity_change(line: service.AllocateUnitsRequest.Line, position: int) -> QuantityChange:
    if line.quantity_change and line.serial_numbers:
        raise InvalidArgument.of(f"lines[{position}].quantity_change", "may not be told together with serial numbers")
    return _QUANTITY_CHANGES[line.quantity_change]


def _sale_price(line: service.AllocateUnitsRequest.Line, position: int, *, sell: bool) -> Money | None:
    if not line.HasField("sale_price"):
        return None
    if not sell:
        raise InvalidArgument.of(f"lines[{position}].sale_price", "may be told only with sell")
    return to_money(line.sale_price, f"lines[{position}].sale_price")


def commit_prices(request: allocation_pb2.CommitAllocationRequest) -> dict[str, Money | None]:
    """The price of each line to sell, by line id. Raises InvalidArgument."""
    refuse_repeated_lines([line.line_id for line in request.lines])
    return {
        line.line_id: to_money(line.sale_price, f"lines[{place}].sale_price") if line.HasField("sale_price") else None
        for place, line in enumerate(request.lines)
    }


def allocation_message(order_reference: str, lines: Sequence[AllocatedLine]) -> allocation_pb2.Allocation:
    """An order with its lines."""
    return allocation_pb2.Allocation(order_reference=order_reference, lines=allocated_messages(lines))


def allocated_response(order_reference: str, lines: Sequence[AllocatedLine]) -> service.AllocateUnitsResponse:
    """The answer of an allocation."""
    return service.AllocateUnitsResponse(order_reference=order_reference, lines=allocated_messages(lines))


def allocated_messages(lines: Sequence[AllocatedLine]) -> list[allocation_pb2.AllocatedLine]:
    """The lines with their units."""
    return [_line_message(each) for each in lines]


def _line_message(each: AllocatedLine) -> allocation_pb2.AllocatedLine:
    ends = [item.hold.expires_at for item in each.items if item.hold]
    return allocation_pb2.AllocatedLine(
        line_id=each.line.line_id,
        sku=each.line.sku,
        quantity=each.line.quantity,
        state=allocation_pb2.AllocatedLine.State.Value(each.line.state.value),
        items=[item_message(item) for item in each.items],
        expire_time=to_timestamp(min(ends)) if ends else None,
        returned_units=len(each.line.returned.keys() - set(each.line.units)),
    )
