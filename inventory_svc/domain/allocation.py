"""Units promised to the lines of an order: what a repeat may ask, and how many units a line still lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from chassis.errors import InvalidArgument
from inventory_svc.domain.errors import AllocationDiffers, AllocationNotHeld, AllocationReleased
from inventory_svc.domain.money import STEP, Money
from inventory_svc.domain.picking import Want
from inventory_svc.domain.recipe import Recipe


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
    serial_numbers: tuple[str, ...] = ()
    recipe: Recipe = ()


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A line as it was stored, with the units it has: held by a hold that lasts, or sold under it and not come back."""

    id: int
    line_id: str
    variant_id: int
    sku: str
    quantity: int
    state: LineState
    held: tuple[int, ...] = ()
    sold: tuple[int, ...] = ()
    recipe: Recipe = ()
    # The variant of each unit held or sold.
    variant_of: Mapping[int, int] = field(default_factory=dict)
    # Units that were sold to it and came back, with the variants they were sold as: nothing is picked in their place.
    returned: Mapping[int, int] = field(default_factory=dict)

    @property
    def units(self) -> tuple[int, ...]:
        """The units it has, by id."""
        return tuple(sorted((*self.held, *self.sold)))

    def want(self, named: Sequence[int] = ()) -> Want:
        """What it still lacks: the named units, or as many of its variant, or bundles begun and not begun."""
        had = {**self.returned, **{unit: self.variant_of.get(unit) for unit in self.units}}
        if named:
            return Want(self.id, self.line_id, self.sku, self.variant_id, 0, tuple(set(named) - had.keys()))
        if not self.recipe:
            return Want(self.id, self.line_id, self.sku, self.variant_id, max(0, self.quantity - len(had)))
        have = [sum(variant_id in each.variant_ids for variant_id in had.values()) for each in self.recipe]
        bundles = max(-(-count // each.quantity) for count, each in zip(have, self.recipe, strict=True))
        begun = tuple(bundles * each.quantity - count for count, each in zip(have, self.recipe, strict=True))
        own = sum(variant_id == self.variant_id for variant_id in had.values())
        count = max(0, self.quantity - own - bundles)
        return Want(self.id, self.line_id, self.sku, self.variant_id, count, (), self.recipe, begun)

    def prices(self, price: Money | None, more: Mapping[int, int]) -> dict[int, Money | None]:
        """What each unit is sold for when the line costs `price` apiece; `more` are units just picked, with their variants.

        A bundle's price is spread evenly over its units, to the last ten-thousandth.
        """
        variants = {**self.variant_of, **more}
        if price is None or not self.recipe:
            return dict.fromkeys(variants, price)
        own = [unit for unit, variant_id in variants.items() if variant_id == self.variant_id]
        parts = sorted(variants.keys() - set(own))
        return {**dict.fromkeys(own, price), **_spread(price, self.quantity - len(own), parts)}


def _spread(price: Money, bundles: int, units: Sequence[int]) -> dict[int, Money | None]:
    steps = int(price.amount * max(0, bundles) / STEP)
    return {
        unit: Money(STEP * (steps * (place + 1) // len(units) - steps * place // len(units)), price.currency)
        for place, unit in enumerate(units)
    }


def check_repeat(order_reference: str, asked: AskedLine, stored: StoredLine, named: Sequence[int] = ()) -> None:
    """A line may be asked for again as it was, unless it was released. Raises AllocationDiffers, AllocationReleased."""
    others = named and set(stored.units) - set(named)
    if others or (asked.variant_id, asked.quantity) != (stored.variant_id, stored.quantity):
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


def check_held(order_reference: str, line: StoredLine) -> None:
    """Passes when the line holds all its units. Raises AllocationNotHeld."""
    if line.state is not LineState.HELD:
        raise AllocationNotHeld.settled(order_reference, line.line_id, line.state.value)
    if not line.want().is_empty:
        raise AllocationNotHeld.expired(order_reference, line.line_id)
