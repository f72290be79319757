"""What counts as a difference, and what it puts at risk."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sync_svc.channels.base import ListingPhase, ListingState, LiveListing
from sync_svc.planner import difference


def wanted(quantity: int = 3, price: str | None = "10.00") -> ListingState:
    return ListingState(1, "A", quantity=quantity, price=None if price is None else Decimal(price), generation=7)


def live(quantity: int | None = 3, price: str | None = "10.00", **values: Any) -> LiveListing:
    shown = None if price is None else Decimal(price)
    return LiveListing(1, "A", **{"exists": True, "quantity": quantity, "price": shown, **values})


GONE = LiveListing(1, "A", exists=False)


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (wanted(), live()),
        (wanted(price=None), live(price="99.00")),
        (wanted(), live(price=None)),
        (wanted(), live(quantity=None)),
        (wanted(0), GONE),
        (wanted(0), live(5, phase=ListingPhase.ENDED)),
    ],
)
def test_what_is_as_wanted_or_not_told_or_offers_nothing_is_no_difference(
    state: ListingState, shown: LiveListing
) -> None:
    assert difference(state, shown) is None


@pytest.mark.parametrize(
    ("state", "shown", "aspects", "units", "money"),
    [
        (wanted(), live(5), "Q", 2, "20.00"),
        (wanted(), live(1), "Q", 0, "0.00"),
        (wanted(0), live(2, "12.50"), "QP", 2, "25.00"),
        (wanted(), live(3, "8.00"), "P", 0, "6.00"),
        (wanted(), live(3, "11.00"), "P", 0, "0.00"),
        (wanted(), live(4, "8.00"), "QP", 1, "14.00"),
        (wanted(), GONE, "S", 0, "0.00"),
        (wanted(), live(9, phase=ListingPhase.ENDED), "S", 0, "0.00"),
    ],
)
def test_units_and_money_at_risk(state: ListingState, shown: LiveListing, aspects: str, units: int, money: str) -> None:
    found = difference(state, shown)
    assert found is not None
    assert (found.quantity, found.price, found.state) == tuple(letter in aspects for letter in "QPS")
    assert (found.units_at_risk, found.money_at_risk, found.generation) == (units, Decimal(money), 7)
