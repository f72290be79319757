"""What the lines of an order lack, and what a repeat may ask."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from chassis.errors import InvalidArgument
from inventory_svc.domain.allocation import (
    AskedLine,
    LineState,
    QuantityChange,
    StoredLine,
    check_held,
    check_repeat,
    refuse_repeated_lines,
)
from inventory_svc.domain.errors import AllocationDiffers, AllocationNotHeld, AllocationReleased, OutOfStock, Shortage
from inventory_svc.domain.money import Money
from inventory_svc.domain.recipe import Component


def stored(**fields: Any) -> StoredLine:
    values: dict[str, Any] = {"id": 1, "line_id": "a", "variant_id": 5, "sku": "T-5", "quantity": 3}
    return StoredLine(**{**values, "state": LineState.HELD, **fields})


def test_line_lacks_what_it_neither_holds_nor_sold() -> None:
    assert stored().want().count == 3
    assert stored(held=(1,), sold=(2,)).want().count == 1
    assert stored(held=(1, 2, 3, 4)).want().is_empty


def test_line_does_not_lack_what_was_sold_to_it_and_came_back() -> None:
    assert stored(sold=(1, 2), returned={3: 5}).want().is_empty
    assert stored(held=(1,), returned={3: 5, 1: 5}).want().count == 1
    assert stored(held=(1,), returned={3: 5}).want([1, 2, 3]).named == (2,)


def test_bundle_line_does_not_lack_a_component_that_came_back() -> None:
    recipe = (Component(7, "P", 2, (70, 71)), Component(8, "Q", 1, (80,)))
    line = stored(recipe=recipe, quantity=1, sold=(1, 2), variant_of={1: 70, 2: 80}, returned={3: 71})
    assert line.want().is_empty


def test_bundle_line_counts_its_own_units_and_those_begun() -> None:
    recipe = (Component(7, "P", 2, (70, 71)), Component(8, "Q", 1, (80,)))
    fields: dict[str, Any] = {"recipe": recipe, "quantity": 4}
    assert (stored(**fields).want().count, stored(**fields).want().begun) == (4, (0, 0))
    # One unit of its own, one bundle whole, one begun with a single P.
    has = stored(held=(1, 2, 3, 4, 5), variant_of={1: 5, 2: 70, 3: 71, 4: 80, 5: 70}, **fields).want()
    assert (has.count, has.begun) == (1, (1, 1))


def test_named_units_that_the_line_has_are_not_wanted_again() -> None:
    assert set(stored(held=(1,)).want([1, 2, 3]).named) == {2, 3}


def test_price_of_a_bundle_is_spread_over_its_units_exactly() -> None:
    line = stored(
        recipe=(Component(7, "P", 3, (70,)),), quantity=2, held=(1, 2, 3, 4), variant_of={1: 5, 2: 70, 3: 70, 4: 70}
    )
    prices = line.prices(Money(Decimal("10.00")), {})
    assert prices[1] == Money(Decimal("10.00"))
    parts = [price.amount for unit, price in prices.items() if unit != 1 and price]
    assert (sum(parts), max(parts) - min(parts)) == (Decimal("10.00"), Decimal("0.0001"))


def test_line_that_lost_a_unit_cannot_be_committed() -> None:
    check_held("O", stored(held=(1, 2, 3)))
    for line in (stored(held=(1, 2)), stored(state=LineState.SOLD, sold=(1, 2, 3)), stored(state=LineState.RELEASED)):
        with pytest.raises(AllocationNotHeld):
            check_held("O", line)


def test_other_named_units_than_it_has_are_refused() -> None:
    check_repeat("O", AskedLine("a", "T-5", 5, 3, None), stored(held=(1, 2)), [1, 2, 3])
    with pytest.raises(AllocationDiffers):
        check_repeat("O", AskedLine("a", "T-5", 5, 3, None), stored(held=(1, 4)), [1, 2, 3])


def test_same_line_may_be_asked_for_again() -> None:
    check_repeat("O", AskedLine("a", "T-5", 5, 3, None), stored())


@pytest.mark.parametrize("asked", [AskedLine("a", "T-5", 5, 4, None), AskedLine("a", "T-6", 6, 3, None)])
def test_other_sku_or_quantity_is_refused(asked: AskedLine) -> None:
    with pytest.raises(AllocationDiffers):
        check_repeat("O", asked, stored())


@pytest.mark.parametrize("change", [QuantityChange.RAISE, QuantityChange.SET])
def test_other_quantity_may_be_asked_for_where_it_is_said_but_no_other_sku(change: QuantityChange) -> None:
    check_repeat("O", AskedLine("a", "T-5", 5, 4, None, quantity_change=change), stored())
    with pytest.raises(AllocationDiffers):
        check_repeat("O", AskedLine("a", "T-6", 6, 4, None, quantity_change=change), stored())


def test_raise_never_lowers_a_quantity() -> None:
    def over(before: int, change: QuantityChange) -> int:
        return AskedLine("a", "T-5", 5, 2, None, quantity_change=change).quantity_over(before)

    assert [over(before, QuantityChange.RAISE) for before in (1, 3)] == [2, 3]
    assert [over(before, QuantityChange.SET) for before in (1, 3)] == [2, 2]


def test_surplus_is_held_units_before_sold_ones_the_newest_first() -> None:
    line = stored(held=(1, 2), sold=(3, 4), variant_of=dict.fromkeys((1, 2, 3, 4), 5))
    assert [line.surplus(quantity) for quantity in (4, 3, 1)] == [(), (2,), (2, 1, 4)]
    # What came back has been had: of three wanted, one is not there to give.
    assert stored(sold=(3, 4), returned={1: 5}).surplus(2) == (4,)
    assert stored(sold=(3,), returned={1: 5, 2: 5}).surplus(1) == (3,)


def test_surplus_of_a_bundle_is_whole_bundles_before_its_own_units() -> None:
    recipe = (Component(7, "P", 2, (70, 71)), Component(8, "Q", 1, (80,)))
    of = {1: 5, 2: 70, 3: 71, 4: 80, 5: 70, 6: 70, 7: 80}
    line = stored(recipe=recipe, quantity=3, held=tuple(of), variant_of=of)
    assert line.surplus(3) == ()
    assert set(line.surplus(2)) == {6, 5, 7}
    assert set(line.surplus(1)) == {2, 3, 4, 5, 6, 7}
    own = stored(recipe=recipe, quantity=3, sold=(1, 2, 3), variant_of=dict.fromkeys((1, 2, 3), 5))
    assert own.surplus(1) == (3, 2)


def test_released_line_stays_released() -> None:
    for change in QuantityChange:
        asked = AskedLine("a", "T-5", 5, 3, None, quantity_change=change)
        with pytest.raises(AllocationReleased):
            check_repeat("O", asked, stored(state=LineState.RELEASED))


def test_line_that_stands_twice_is_refused() -> None:
    with pytest.raises(InvalidArgument) as caught:
        refuse_repeated_lines(["a", "b", "a"])
    assert caught.value.violations[0].field == "lines[2].line_id"


def test_shortage_tells_asked_and_free_per_line() -> None:
    error = OutOfStock.of([Shortage("a", "T-5", 3, 1), Shortage("b", "T-6", 1, 0)])
    assert error.metadata == {
        "a.sku": "T-5", "a.asked": "3", "a.free": "1", "b.sku": "T-6", "b.asked": "1", "b.free": "0"
    }  # fmt: skip
    assert "T-5: asked 3, free 1" in error.message


def test_shortage_of_many_lines_tells_as_many_as_an_error_may_hold() -> None:
    few = OutOfStock.of([Shortage(str(number), f"00845-P-{number}-BK", 2, 1) for number in range(20)])
    assert len(few.metadata) == 60
    assert "follow" not in few.message
    many = OutOfStock.of([Shortage("x" * 128, "T" * 64, 2, 1, "P: needs 4, free 3; " * 20)] * 100)
    assert len(many.violations) == 1
    assert many.message.startswith("Not enough free units for 100 lines, of which 1 follow: T")
