"""Order lines from protos and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from usav.inventory.v1 import allocation_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from chassis.errors import InvalidArgument
from inventory_svc.convert.items import item_message
from inventory_svc.convert.values import to_money
from inventory_svc.domain.allocation import AskedLine
from inventory_svc.domain.errors import VariantNotFound
from inventory_svc.domain.money import Money
from inventory_svc.domain.variant import KnownVariant
from inventory_svc.operations.allocate_units import AllocatedLine


def asked_lines(request: service.AllocateUnitsRequest, known: Mapping[str, KnownVariant]) -> list[AskedLine]:
    """The lines asked for, with the variants of their SKUs. Raises VariantNotFound, InvalidArgument."""
    lines = []
    for position, line in enumerate(request.lines):
        variant = known.get(line.sku)
        if variant is None:
            raise VariantNotFound.by_sku(line.sku, f"lines[{position}].sku")
        price = _sale_price(line, position, sell=request.sell)
        lines.append(AskedLine(line.line_id, variant.sku, variant.variant_id, line.quantity, price))
    return lines


def _sale_price(line: service.AllocateUnitsRequest.Line, position: int, *, sell: bool) -> Money | None:
    if not line.HasField("sale_price"):
        return None
    if not sell:
        raise InvalidArgument.of(f"lines[{position}].sale_price", "may be told only with sell")
    return to_money(line.sale_price, f"lines[{position}].sale_price")


def allocated_messages(lines: Sequence[AllocatedLine]) -> list[allocation_pb2.AllocatedLine]:
    """The lines with their units."""
    return [
        allocation_pb2.AllocatedLine(
            line_id=each.line.line_id,
            sku=each.line.sku,
            quantity=each.line.quantity,
            state=allocation_pb2.AllocatedLine.State.Value(each.line.state.value),
            items=[item_message(item) for item in each.items],
        )
        for each in lines
    ]
