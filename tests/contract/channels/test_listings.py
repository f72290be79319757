"""Every connector: listings are made, matched, changed, ended and read back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from sync_svc.channels.base import LISTING_ID, ListingPhase, Outcome
from sync_svc.channels.registry import installed_connectors
from tests.contract.channels.market import Market, state


async def test_account_can_be_checked(market: Market) -> None:
    await market.channel.check()
    assert market.channel.quotas()


async def test_new_listing_shows_what_was_asked_and_reads_back(market: Market) -> None:
    (result,) = await market.push(state())
    assert (result.outcome, result.message) == (Outcome.DONE, "")
    assert result.external_ids[LISTING_ID]
    assert await market.quantity("SKU00001") == 3
    (live,) = await market.channel.read([state(external_ids=result.external_ids)])
    assert (live.exists, live.quantity, live.price) == (True, 3, Decimal("49.99"))
    assert live.phase is ListingPhase.LIVE


async def test_known_listing_takes_new_quantity_and_price(market: Market) -> None:
    known = await market.settle(state())
    (result,) = await market.push(replace(known, quantity=1, price=Decimal("44.50")))
    assert result.outcome is Outcome.DONE
    (live,) = await market.channel.read([known])
    assert (live.quantity, live.price) == (1, Decimal("44.50"))
    assert await market.quantity("SKU00001") == 1


async def test_quantity_alone_leaves_the_price(market: Market) -> None:
    known = await market.settle(state())
    await market.settle(replace(known, quantity=0, price=None))
    (live,) = await market.channel.read([known])
    assert (live.quantity, live.price, live.phase) == (0, Decimal("49.99"), ListingPhase.LIVE)


async def test_changed_content_is_sent(market: Market) -> None:
    known = await market.settle(state())
    await market.settle(replace(known, title="Bose 201, tested", content_changed=True, quantity=2))
    (shown,) = await market.shown("SKU00001")
    assert shown["title"] == "Bose 201, tested"
    assert shown["quantity"] == 2


async def test_pushing_the_same_again_changes_nothing(market: Market) -> None:
    known = await market.settle(state())
    again = await market.settle(replace(known, content_changed=True))
    assert again.external_ids == known.external_ids
    assert await market.quantity("SKU00001") == 3


async def test_forgotten_listing_is_found_by_its_sku(market: Market) -> None:
    known = await market.settle(state())
    (result,) = await market.push(state(quantity=7))
    assert (result.outcome, result.external_ids) == (Outcome.DONE, known.external_ids)
    assert await market.quantity("SKU00001") == 7


async def test_ended_listing_is_gone_and_comes_back(market: Market) -> None:
    known = await market.settle(state())
    ended = await market.settle(replace(known, phase=ListingPhase.ENDED))
    assert not await market.quantity("SKU00001")
    (live,) = await market.channel.read([ended])
    assert not live.exists or live.phase is ListingPhase.ENDED
    await market.settle(replace(ended, phase=ListingPhase.ENDED))
    await market.settle(replace(ended, phase=ListingPhase.LIVE, quantity=4))
    assert await market.quantity("SKU00001") == 4


async def test_listing_that_never_was_is_absent_and_ended_already(market: Market) -> None:
    (live,) = await market.channel.read([state(9)])
    assert not live.exists
    (result,) = await market.push(state(9, phase=ListingPhase.ENDED))
    assert result.outcome is Outcome.DONE


async def test_what_was_never_offered_is_read_without_a_call_for_each(market: Market) -> None:
    await market.settle(state(7))
    wanted = [state(number, quantity=0) for number in range(1, 41)]
    before = len(await market.calls())
    live = {one.platform_sku: one for one in await market.channel.read(wanted)}
    # A token, and of a batch its polls.
    assert len(await market.calls()) - before <= 15
    assert [sku for sku, one in live.items() if one.exists] == ["SKU00007"], "somebody offers it there"
    assert live["SKU00007"].quantity == 3


async def test_nothing_to_sell_makes_no_listing_until_there_is_something(market: Market) -> None:
    known = await market.settle(state(quantity=0))
    assert not await market.quantity("SKU00001")
    await market.settle(replace(known, quantity=2))
    assert await market.quantity("SKU00001") == 2


async def test_new_listing_without_a_price_is_refused_for_a_person(market: Market) -> None:
    (result,) = await market.push(state(price=None))
    assert result.outcome is Outcome.PERMANENT
    assert "price" in result.message


async def test_channel_that_makes_none_only_matches(market: Market) -> None:
    known = await market.settle(state())
    channel = installed_connectors().create(replace(market.settings, options={"create_listings": False}))
    results = {result.listing_id: result for result in await channel.push([state(quantity=1), state(2)])}
    await channel.aclose()
    assert (results[1].outcome, results[1].external_ids) == (Outcome.DONE, known.external_ids)
    assert (results[2].outcome, results[2].code) == (Outcome.PERMANENT, "not_listed")
    assert not await market.shown("SKU00002")


@pytest.mark.parametrize("sku", ["154572446665", "00845-P-1-WY-N", "JD-K49H-5DU4", "01279-B"])
async def test_skus_of_the_real_catalog_work(market: Market, sku: str) -> None:
    known = await market.settle(state(platform_sku=sku))
    await market.settle(replace(known, quantity=1))
    assert await market.quantity(sku) == 1


async def test_batch_of_many_is_made_and_changed(market: Market) -> None:
    count = min(market.channel.max_batch, 60)
    batch = [state(number) for number in range(1, count + 1)]
    results = await market.push(*batch)
    assert {(result.outcome, result.message) for result in results} == {(Outcome.DONE, "")}
    known = [
        replace(one, external_ids=result.external_ids, content_changed=False, quantity=one.listing_id % 5)
        for one, result in zip(batch, results, strict=True)
    ]
    before = len(await market.calls())
    assert {result.outcome for result in await market.push(*known)} == {Outcome.DONE}
    if market.has_bulk_writes:
        assert len(await market.calls()) - before < count / 2
    live = await market.channel.read(known)
    assert [one.quantity for one in live] == [one.quantity for one in known]


async def test_pushes_of_one_listing_at_once_do_not_hurt_each_other(market: Market) -> None:
    known = await market.settle(state())
    pushes = [market.push(replace(known, quantity=5)) for _ in range(6)]
    ended = [result for results in await asyncio.gather(*pushes) for result in results]
    assert {(result.outcome, result.message) for result in ended} == {(Outcome.DONE, "")}
    assert {call["status"] for call in await market.calls()} <= {200, 201, 204, 207, 404}
    assert await market.quantity("SKU00001") == 5


async def test_account_stays_within_its_quota_however_hard_it_is_driven(market: Market) -> None:
    market = await market.with_published_limits()
    most = 9 if market.platform == "ZOHO" else 200
    batch = [state(number) for number in range(1, min(market.channel.max_batch, most) + 1)]
    for quantity in range(1, 5):
        await market.push(*(replace(one, quantity=quantity) for one in batch))
    await market.channel.aclose()
    stats = (await market.control.get("/_control/stats")).json()
    assert set(stats["over_quota"].values()) == {0}


async def test_one_bad_listing_of_a_batch_spoils_no_other(market: Market) -> None:
    good, bad, fine = await market.push(state(1), state(2, price=None), state(3))
    assert [good.outcome, bad.outcome, fine.outcome] == [Outcome.DONE, Outcome.PERMANENT, Outcome.DONE]
    assert await market.quantity("SKU00003") == 3
