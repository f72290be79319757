"""Receipts from protos: one unit, some of a SKU, or the lines of a batch."""

from __future__ import annotations

from google.type.money_pb2 import Money as MoneyMessage
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import item_pb2

from chassis.errors import InvalidArgument
from inventory_svc.convert.values import to_money
from inventory_svc.domain.money import Money
from inventory_svc.domain.receipt import ReceiptLine
from inventory_svc.domain.serial_numbers import clean


def line_of_item(item: item_pb2.Item) -> ReceiptLine:
    """The receipt of one unit. Raises InvalidArgument when it does not name its variant one way."""
    if bool(item.sku) == bool(item.variant_id):
        raise InvalidArgument.of("item.sku", "exactly one of item.sku and item.variant_id must be set")
    cost = to_money(item.unit_cost, "item.unit_cost") if item.HasField("unit_cost") else None
    return ReceiptLine(
        sku=item.sku,
        variant_id=item.variant_id,
        serial_number=clean(item.serial_number),
        count=1,
        location=item.location.strip(),
        unit_cost=cost,
        notes=item.notes,
    )


def lines_of_receipt(request: service.ReceiveItemsRequest) -> list[ReceiptLine]:
    """One line per serial number, or one for the count."""
    cost = to_money(request.unit_cost, "unit_cost") if request.HasField("unit_cost") else None
    numbers = list(request.serial_numbers) or ([request.serial_number] if request.serial_number else [])
    if numbers and request.count not in (0, len(numbers)):
        raise InvalidArgument.of("count", f"there are {len(numbers)} serial numbers; leave count out")
    return [
        ReceiptLine(
            sku=request.sku,
            variant_id=request.variant_id,
            serial_number=clean(number),
            count=1 if numbers else max(1, request.count),
            location=request.location.strip(),
            unit_cost=cost,
            notes=request.notes,
        )
        for number in numbers or [""]
    ]


class LineReader:
    """Reads the lines of a batch; amounts repeat, so each different one is converted once."""

    def __init__(self) -> None:
        self._amounts: dict[tuple[str, int, int], Money] = {}

    def read(self, line: service.ReceiptLine, position: int) -> ReceiptLine:
        """The line at that position of the batch. Raises InvalidArgument."""
        cost = self._amount(line.unit_cost, position) if line.HasField("unit_cost") else None
        if line.serial_number and line.count > 1:
            raise InvalidArgument.of(f"lines[{position}].count", "a serial number belongs to one unit")
        return ReceiptLine(
            line.sku,
            line.variant_id,
            clean(line.serial_number),
            line.count or 1,
            line.location.strip(),
            cost,
            line.notes,
        )

    def _amount(self, message: MoneyMessage, position: int) -> Money:
        key = (message.currency_code, message.units, message.nanos)
        amount = self._amounts.get(key)
        if amount is None:
            amount = self._amounts[key] = to_money(message, f"lines[{position}].unit_cost")
        return amount
