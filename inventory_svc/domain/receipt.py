"""What comes into stock: lines of one unit with a serial number, or of several without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from inventory_svc.domain.errors import BatchTooLarge
from inventory_svc.domain.money import Money

MAX_UNITS = 100_000


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """Units of one variant, named by SKU or by id. A serial number means one unit."""

    sku: str
    variant_id: int
    serial_number: str
    count: int
    location: str
    unit_cost: Money | None
    notes: str


@dataclass(frozen=True, slots=True)
class NewUnit:
    """One unit to be taken into stock."""

    variant_id: int
    serial_number: str
    location: str
    unit_cost: Money | None
    notes: str


def check_size(lines: Iterable[ReceiptLine], limit: int = MAX_UNITS) -> int:
    """The number of units of a receipt. Raises BatchTooLarge."""
    total = sum(line.count for line in lines)
    if total > limit:
        raise BatchTooLarge.over("lines", limit)
    return total


def units(lines: Iterable[ReceiptLine], variant_ids: Iterable[int]) -> Iterator[NewUnit]:
    """The single units of the lines, in order; `variant_ids` gives each line's variant."""
    for line, variant_id in zip(lines, variant_ids, strict=True):
        unit = NewUnit(variant_id, line.serial_number, line.location, line.unit_cost, line.notes)
        for _ in range(line.count):
            yield unit
