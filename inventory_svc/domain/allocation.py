"""Units promised to the lines of an order: what a repeat may ask, and how many units a line still lacks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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


class QuantityChange(StrEnum):
    """What another quantity than a line was allocated with before means."""

    REFUSED = "REFUSED"
    RAISE = "RAISE"
    SET = "SET"


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
    quantity_change: QuantityChange = QuantityChange.REFUSED

    def quantity_over(self, before: int) -> int:
        """The quantity of a line that was allocated with `before`."""
        return max(before, self.quantity) if self.quantity_change is QuantityChange.RAISE else self.quantity


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

    @property
    def had(self) -> Mapping[int, int | None]:
        """The units it has, and those that were sold to it and came back, with their variants."""
        return {**self.returned, **{unit: self.variant_of.get(unit) for unit in self.units}}

    def surplus(self, quantity: int) -> tuple[int, ...]:
        """The units that are too many for so many units or bundles: held ones before sold ones, the newest first."""
        had = self.had
        if not self.recipe:
            return self._newest(self.units, len(had) - quantity)
        own = sum(variant_id == self.variant_id for variant_id in had.values())
        given = self._newest(self._units_of((self.variant_id,)), own - quantity)
        bundles = quantity - min(own, quantity)
        for each in self.recipe:
            count = sum(variant_id in each.variant_ids for variant_id in had.values())
            given += self._newest(self._units_of(each.variant_ids), count - bundles * each.quantity)
        return given

    def _units_of(self, variant_ids: Collection[int]) -> tuple[int, ...]:
        return tuple(unit for unit in self.units if self.variant_of.get(unit) in variant_ids)

    def _newest(self, units: Sequence[int], count: int) -> tuple[int, ...]:
        held = set(self.held)
        return tuple(sorted(units, key=lambda unit: (unit in held, unit), reverse=True)[: max(0, count)])

    def want(self, named: Sequence[int] = ()) -> Want:
        """What it still lacks: the named units, or as many of its variant, or bundles begun and not begun."""
        had = self.had
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
    """A line may be asked for again as it was, or with another quantity where it says so, unless it was released.

    Raises AllocationDiffers, AllocationReleased.
    """
    others = named and set(stored.units) - set(named)
    other_quantity = asked.quantity_change is QuantityChange.REFUSED and asked.quantity != stored.quantity
    if others or other_quantity or asked.variant_id != stored.variant_id:
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
