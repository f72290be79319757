"""What a listing should show."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from sync_svc.channels.base import ListingPhase, ListingState, LiveListing
from sync_svc.domain.channel import ChannelState
from sync_svc.domain.listing import LeasedListing, ListingIntent
from sync_svc.domain.rules import Rules
from sync_svc.planner import (
    Truth,
    VariantFacts,
    in_order_of_urgency,
    is_live_as_wanted,
    is_shown_already,
    plan,
    shown_price,
    shown_quantity,
)

FACTS = VariantFacts("Bose 201", Decimal("49.99"), "USD", "N")


def leased(**values: Any) -> LeasedListing:
    given: dict[str, Any] = {
        "id": 1,
        "variant_id": 7,
        "sku": "00845-N",
        "platform_sku": "SHOP-1",
        "external_ids": {},
        "name": "",
        "description": "",
        "price": None,
        "currency": "USD",
        "metadata": {},
        "intent": ListingIntent.ACTIVE,
        "deleted": False,
        "generation": 1,
        "attempts": 0,
        "content_changed": False,
        "was_left_unknown": False,
    }
    return LeasedListing(**{**given, **values})


def planned(
    units: int = 3, *, rules: Rules | None = None, state: ChannelState = ChannelState.ACTIVE, **values: Any
) -> ListingState:
    return plan(leased(**values), Truth({7: units}, {7: FACTS}), rules or Rules(), state)


@pytest.mark.parametrize(
    ("free", "buffer", "cap", "shown"),
    [(5, 0, 0, 5), (5, 2, 0, 3), (5, 9, 0, 0), (5, 0, 3, 3), (5, 1, 3, 3), (0, 0, 3, 0), (-1, 0, 0, 0)],
)
def test_quantity_is_free_units_less_buffer_capped(free: int, buffer: int, cap: int, shown: int) -> None:
    assert shown_quantity(free, Rules(buffer_units=buffer, cap_units=cap)) == shown


@pytest.mark.parametrize(
    ("own", "facts", "factor", "price"),
    [
        (Decimal("12.00"), FACTS, "2", "12.00"),
        (None, FACTS, "1", "49.99"),
        (None, FACTS, "1.1", "54.99"),
        (None, FACTS, "0.5", "25.00"),
        (None, None, "1", None),
        (None, replace(FACTS, price=None), "1", None),
    ],
)
def test_price_is_the_listings_else_the_variants_by_the_rule(
    own: Decimal | None, facts: VariantFacts | None, factor: str, price: str | None
) -> None:
    shown = shown_price(own, facts, Rules(price_factor=Decimal(factor)))
    assert shown == (None if price is None else Decimal(price))


def test_active_listing_shows_what_is_free() -> None:
    state = planned(3)
    assert (state.quantity, state.price, state.title, state.phase) == (
        3,
        Decimal("49.99"),
        "Bose 201",
        ListingPhase.LIVE,
    )
    assert state.condition == "N"


def test_paused_channel_and_inactive_listing_show_zero() -> None:
    assert planned(3, state=ChannelState.PAUSED).quantity == 0
    inactive = planned(3, intent=ListingIntent.INACTIVE)
    assert (inactive.quantity, inactive.phase) == (0, ListingPhase.LIVE)


def test_deleted_variant_shows_zero() -> None:
    state = plan(leased(), Truth({7: 3}, {}), Rules(), ChannelState.ACTIVE)
    assert (state.quantity, state.price, state.title) == (0, None, "00845-N")


@pytest.mark.parametrize("values", [{"deleted": True}, {"intent": ListingIntent.ENDED}])
def test_deleted_or_ended_listing_ends(values: dict[str, Any]) -> None:
    state = planned(3, **values)
    assert (state.phase, state.quantity) == (ListingPhase.ENDED, 0)


def test_own_texts_win() -> None:
    state = planned(name="Mine", description="Long words")
    assert (state.title, state.description) == ("Mine", "Long words")
    assert planned(name="Mine").description == "Mine"


@pytest.mark.parametrize(
    ("values", "already"),
    [
        ({}, True),
        ({"pushed_quantity": 2}, False),
        ({"pushed_quantity": None}, False),
        ({"pushed_price": Decimal("1.00")}, False),
        ({"content_changed": True}, False),
        ({"was_left_unknown": True}, False),
        ({"shown_is_sure": False}, False),
    ],
)
def test_nothing_is_sent_only_when_everything_is_sure(values: dict[str, Any], already: bool) -> None:
    listing = leased(**{"pushed_quantity": 3, "pushed_price": Decimal("49.99"), **values})
    state = plan(listing, Truth({7: 3}, {7: FACTS}), Rules(), ChannelState.ACTIVE)
    assert is_shown_already(listing, state) is already


@pytest.mark.parametrize(
    ("live", "as_wanted"),
    [
        ({}, True),
        ({"quantity": 2}, False),
        ({"price": Decimal("1.00")}, False),
        ({"phase": ListingPhase.ENDED}, False),
        ({"exists": False}, False),
    ],
)
def test_read_back_counts_only_when_all_is_as_wanted(live: dict[str, Any], as_wanted: bool) -> None:
    given = {"exists": True, "quantity": 3, "price": Decimal("49.99")}
    assert is_live_as_wanted(planned(3), LiveListing(1, "SHOP-1", **{**given, **live})) is as_wanted


@pytest.mark.parametrize("live", [{"exists": False}, {"exists": True, "phase": ListingPhase.ENDED}])
def test_ended_is_as_wanted_when_gone(live: dict[str, Any]) -> None:
    assert is_live_as_wanted(planned(deleted=True), LiveListing(1, "SHOP-1", **live))


def test_zero_comes_first() -> None:
    states = [ListingState(1, "a", quantity=5), ListingState(2, "b", quantity=0), ListingState(3, "c", quantity=1)]
    assert [state.listing_id for state in in_order_of_urgency(states)] == [2, 1, 3]
