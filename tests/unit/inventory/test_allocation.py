"""What the lines of an order lack, and what a repeat may ask."""

from __future__ import annotations

from typing import Any

import pytest

from chassis.errors import InvalidArgument
from inventory_svc.domain.allocation import (
    AskedLine,
    LineState,
    StoredLine,
    check_repeat,
    demand,
    refuse_repeated_lines,
)
from inventory_svc.domain.errors import AllocationDiffers, AllocationReleased, OutOfStock, Shortage


def stored(**fields: Any) -> StoredLine:
    values: dict[str, Any] = {"id": 1, "line_id": "a", "variant_id": 5, "sku": "T-5", "quantity": 3}
    return StoredLine(**{**values, "state": LineState.HELD, **fields})


def test_line_lacks_what_it_neither_holds_nor_sold() -> None:
    assert stored().missing == 3
    assert stored(held=(1,), sold=(2,)).missing == 1
    assert stored(held=(1, 2, 3, 4)).missing == 0


def test_demand_adds_up_by_variant_in_a_fixed_order() -> None:
    lines = [
        stored(variant_id=9),
        stored(variant_id=5, held=(1,)),
        stored(variant_id=9),
        stored(variant_id=7, quantity=0),
    ]
    assert list(demand(lines).items()) == [(5, 2), (9, 6)]


def test_same_line_may_be_asked_for_again() -> None:
    check_repeat("O", AskedLine("a", "T-5", 5, 3, None), stored())


@pytest.mark.parametrize("asked", [AskedLine("a", "T-5", 5, 4, None), AskedLine("a", "T-6", 6, 3, None)])
def test_other_sku_or_quantity_is_refused(asked: AskedLine) -> None:
    with pytest.raises(AllocationDiffers):
        check_repeat("O", asked, stored())


def test_released_line_stays_released() -> None:
    with pytest.raises(AllocationReleased):
        check_repeat("O", AskedLine("a", "T-5", 5, 3, None), stored(state=LineState.RELEASED))


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
