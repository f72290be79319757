"""Amazon accepts first and judges later: changes that fail after acceptance, and feeds, against the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest

from sync_svc.channels.amazon import feeds, listings
from sync_svc.channels.base import ListingState, Outcome
from tests.contract.channels.market import EASED_SWITCHES, Market, connect, state


@pytest.fixture
async def amazon(sandbox_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Market]:
    monkeypatch.setattr(feeds, "_STATUS_KEPT_S", 0.0)
    async with httpx2.AsyncClient(base_url=sandbox_url, trust_env=False) as control:
        await control.post("/_control/reset")
        await control.patch("/_control/switches", json=EASED_SWITCHES)
        market = await connect(control, "AMAZON", "MAIN")
        yield market
        await market.clear_faults()
        await market.channel.aclose()


@pytest.fixture
def all_in_feeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "_MOST_SINGLE", 0)


async def fed(market: Market, *wanted: ListingState) -> list[ListingState]:
    """Sends states as one feed; the states as the hub keeps them."""
    results = await market.push(*wanted)
    assert {result.code for result in results} == {feeds.PENDING}
    return [
        replace(one, external_ids={**one.external_ids, **result.external_ids})
        for one, result in zip(wanted, results, strict=True)
    ]


async def ended(market: Market, wanted: ListingState) -> tuple[Outcome, dict[str, str]]:
    """Asks until the feed has ended."""
    for _ in range(100):
        (result,) = await market.push(wanted)
        if result.code != feeds.PENDING:
            return result.outcome, dict(result.external_ids)
        await asyncio.sleep(0.05)
    raise AssertionError("the feed never ended")


async def test_change_that_fails_after_acceptance_is_told_with_amazons_words(amazon: Market) -> None:
    known = await amazon.settle(state())
    # Long enough that the first look comes before it on any machine.
    await amazon.switch({"amazon": {"apply_delay_ms": 300}})
    await amazon.fault("accepted_then_failed", count=1)
    (result,) = await amazon.push(replace(known, quantity=1))
    assert (result.outcome, result.code) == (Outcome.PERMANENT, "8541")
    assert "conflicts with the Amazon catalog" in result.message
    assert await amazon.quantity("SKU00001") == 3
    await amazon.settle(replace(known, quantity=2))
    assert await amazon.quantity("SKU00001") == 2


async def test_many_changes_are_looked_at_together_and_none_waits_for_anothers_confirmation(amazon: Market) -> None:
    known = [await amazon.settle(state(number)) for number in range(1, 25)]
    # By its answers Amazon tells at which rates it may be called.
    await amazon.push(replace(known[0], quantity=2))
    await amazon.switch({"amazon": {"apply_delay_ms": 200}})
    before = len(await amazon.calls())
    results = await amazon.push(*(replace(one, quantity=1) for one in known))
    assert {result.outcome for result in results} == {Outcome.DONE}
    methods = [call["method"] for call in (await amazon.calls())[before:]]
    assert methods.count("PATCH") == 24
    assert methods.count("GET") < 36, "each is looked at three times"
    last = len(methods) - methods[::-1].index("PATCH")
    assert methods[:last].count("GET") <= 16, "nobody waited for the looks of those before"


async def test_one_that_fails_among_many_is_told(amazon: Market) -> None:
    known = [await amazon.settle(state(number)) for number in range(1, 9)]
    await amazon.switch({"amazon": {"apply_delay_ms": 300}})
    await amazon.fault("accepted_then_failed", count=1)
    results = await amazon.push(*(replace(one, quantity=1) for one in known))
    assert sorted(result.code for result in results) == ["", "", "", "", "", "", "", "8541"]


async def test_lead_time_a_person_set_is_kept(amazon: Market) -> None:
    attributes = {"fulfillment_availability": [{"lead_time_to_ship_max_days": 4}]}
    known = await amazon.settle(state(metadata={"attributes": attributes}))
    await amazon.settle(replace(known, quantity=1))
    assert await amazon.quantity("SKU00001") == 1
    listing = await amazon.channel._client.get_listing("SKU00001", ["attributes"])  # type: ignore[attr-defined]  # no other way to see it
    assert listing["attributes"]["fulfillment_availability"][0]["lead_time_to_ship_max_days"] == 4


async def test_feed_brings_its_listings_about(amazon: Market, all_in_feeds: None) -> None:
    known = [await amazon.settle(state(number)) for number in range(1, 4)]
    waiting = await fed(amazon, *(replace(one, quantity=8) for one in known))
    for one in waiting:
        outcome, learned = await ended(amazon, one)
        assert (outcome, learned[feeds.FEED]) == (Outcome.DONE, "")
        assert await amazon.quantity(one.platform_sku) == 8


async def test_listing_a_feed_refuses_is_told_alone(amazon: Market, all_in_feeds: None) -> None:
    known = [await amazon.settle(state(number)) for number in range(1, 3)]
    good, bad = await fed(amazon, replace(known[0], quantity=8), replace(known[1], title="", quantity=-1))
    assert (await ended(amazon, good))[0] is Outcome.DONE
    assert (await ended(amazon, bad))[0] is Outcome.PERMANENT


async def test_feed_that_breaks_off_is_read_back_and_mended(
    amazon: Market, all_in_feeds: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [await amazon.settle(state(number)) for number in range(1, 5)]
    await amazon.fault("feed_fatal", count=1)
    waiting = await fed(amazon, *(replace(one, quantity=8) for one in known))
    states = []
    for one in waiting:
        outcome, learned = await ended(amazon, one)
        assert outcome is Outcome.UNKNOWN
        states.append(replace(one, external_ids={**one.external_ids, **learned}, in_doubt=True))
    assert {live.quantity for live in await amazon.channel.read(states)} == {3, 8}
    monkeypatch.setattr(listings, "_MOST_SINGLE", 60)
    for one in states:
        await amazon.settle(one)
        assert await amazon.quantity(one.platform_sku) == 8
