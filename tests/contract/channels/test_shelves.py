"""Every connector: all that an account offers can be listed, page by page, and can then be pushed as if the hub had made it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from sandbox.amazon import listings as sandbox_listings
from sync_svc.channels.amazon import shelf as amazon_shelf
from sync_svc.channels.base import LISTING_ID, FoundListing, ListingPhase
from sync_svc.channels.ebay import shelf as ebay_shelf
from sync_svc.channels.ecwid import shelf as ecwid_shelf
from sync_svc.channels.zoho import client as zoho_client
from tests.contract.channels.market import Market, state


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven listings take several pages, and at Amazon several searches."""
    for module in (ebay_shelf, ecwid_shelf, zoho_client):
        monkeypatch.setattr(module, "PAGE_SIZE", 3)
    monkeypatch.setattr(sandbox_listings, "_MOST_FOUND", 40)
    assert amazon_shelf.INCLUDED


async def found(market: Market) -> list[FoundListing]:
    """All pages."""
    listings: list[FoundListing] = []
    cursor = ""
    for _ in range(60):
        page = await market.channel.live_listings(cursor)
        listings += page.listings
        cursor = page.cursor
        if not cursor:
            return listings
    raise AssertionError("it never ends")


async def test_empty_account_offers_nothing(market: Market) -> None:
    assert await found(market) == []


async def test_everything_offered_is_found_once_with_its_ids(market: Market) -> None:
    count = 45 if market.platform == "AMAZON" else 7
    known = [await market.settle(state(number, quantity=number)) for number in range(1, count + 1)]
    listings = {one.platform_sku: one for one in await found(market)}
    assert sorted(listings) == [one.platform_sku for one in known]
    for wanted in known:
        one = listings[wanted.platform_sku]
        assert (one.quantity, one.price) == (wanted.quantity, Decimal("49.99"))
        assert one.title == wanted.title
        assert one.external_ids[LISTING_ID] == wanted.external_ids[LISTING_ID]


async def test_what_was_taken_off_is_not_found(market: Market) -> None:
    known = await market.settle(state())
    await market.settle(state(2))
    await market.settle(replace(known, phase=ListingPhase.ENDED))
    assert [one.platform_sku for one in await found(market)] == ["SKU00002"]
