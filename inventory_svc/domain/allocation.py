"""Units promised to the lines of an order: what a repeat may ask, and how many units a line still lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from chassis.errors import InvalidArgument
from inventory_svc.domain.errors import AllocationDiffers, AllocationReleased
from inventory_svc.domain.money import Money


class LineState(StrEnum):
    """What became of an order line."""

    HELD = "HELD"
    SOLD = "SOLD"
    RELEASED = "RELEASED"


@dataclass(frozen=True, slots=True)
class AskedLine:
    """A line as it is asked for, its variant found."""

    line_id: str
    sku: str
    variant_id: int
    quantity: int
    sale_price: Money | None


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A line as it was stored, with the units it has: held by a hold that lasts, or sold under it."""

    id: int
    line_id: str
    variant_id: int
    sku: str
    quantity: int
    state: LineState
    held: tuple[int, ...] = ()
    sold: tuple[int, ...] = ()

    @property
    def missing(self) -> int:
        """How many units the line still lacks."""
        return max(0, self.quantity - len(self.held) - len(self.sold))


def check_repeat(order_reference: str, asked: AskedLine, stored: StoredLine) -> None:
    """A line may be asked for again as it was, unless it was released. Raises AllocationDiffers, AllocationReleased."""
    if (asked.variant_id, asked.quantity) != (stored.variant_id, stored.quantity):
        raise AllocationDiffers.of(order_reference, asked.line_id)
    if stored.state is LineState.RELEASED:
        raise AllocationReleased.of(order_reference, asked.line_id)


def refuse_repeated_lines(line_ids: Sequence[str]) -> None:
    """Passes when every line id stands once. Raises InvalidArgument naming the second place."""
    seen: set[str] = set()
    for position, line_id in enumerate(line_ids):
        if line_id in seen:
            raise InvalidArgument.of(f"lines[{position}].line_id", f"the line {line_id!r} stands twice in this request")
        seen.add(line_id)


def demand(lines: Sequence[StoredLine]) -> dict[int, int]:
    """How many units of each variant the lines lack together, by rising variant id."""
    lacking: dict[int, int] = {}
    for line in sorted(lines, key=lambda item: item.variant_id):
        if line.missing:
            lacking[line.variant_id] = lacking.get(line.variant_id, 0) + line.missing
    return lacking
