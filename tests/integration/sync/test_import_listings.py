"""Live listings of an account become listings of the hub, once, by name; what has no name in the hub is kept for later."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from usav.sync.v1 import listing_pb2, unmatched_pb2
from usav.sync.v1 import sync_service_pb2 as pb

from sync_svc.channels.base import ChannelError, FoundPage, Outcome
from sync_svc.domain.channel import Channel
from sync_svc.storage.tables import listing
from sync_svc.workers.imports import ListingImporter
from tests.factories.sync.engine import Engine, running, until
from tests.factories.sync.platform import FakeChannel, FakePlatform, Shelf
from tests.factories.sync.upstream import FakeHub
from tests.integration.sync.harness import Refused, SyncApi


class Imports:
    """The account and what the API says of its imports."""

    def __init__(self, api: SyncApi, channel: Channel, platform: FakePlatform) -> None:
        self.api, self.engine, self.channel, self.platform = api, api.engine, channel, platform

    def offer(self, *skus: str) -> None:
        """Listings that were made without the hub."""
        for sku in skus:
            self.platform.shelves[sku] = Shelf(f"L-{sku}", sku, 4, Decimal("77.00"))

    async def run(self) -> Any:
        """One import to its end."""
        await self.api.call("ImportListings", unmatched_pb2.ImportListingsRequest(id=self.channel.id))
        async with running(self.engine.importer(self.channel).run):
            await until(self._is_finished)
        return await self.state()

    async def state(self) -> Any:
        return await self.api.call("GetListingImport", unmatched_pb2.GetListingImportRequest(id=self.channel.id))

    async def _is_finished(self) -> bool:
        return bool((await self.state()).HasField("finish_time"))

    async def unmatched(self, **wanted: Any) -> list[str]:
        answer = await self.api.call("ListUnmatchedListings", unmatched_pb2.ListUnmatchedListingsRequest(**wanted))
        assert answer.total_size == len(answer.items)
        return [one.platform_sku for one in answer.items]

    async def unmatched_id(self) -> int:
        answer = await self.api.call("ListUnmatchedListings", unmatched_pb2.ListUnmatchedListingsRequest())
        return int(answer.items[0].id)

    async def listed(self) -> dict[str, str]:
        """Platform SKU to our SKU."""
        async with self.engine.db.read.connect() as conn:
            here = select(listing).where(listing.c.channel_id == self.channel.id, listing.c.deleted_at.is_(None))
            return {row.platform_sku: row.sku for row in await conn.execute(here)}


@pytest.fixture
async def imports(api: SyncApi, engine: Engine, platform: FakePlatform) -> Imports:
    return Imports(api, await engine.add_channel(), platform)


async def test_listings_called_like_variants_are_matched_and_keep_what_buyers_see(
    imports: Imports, engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    platform.max_batch = 2
    hub.add(1, "00845-BK", 3, price="10.00")
    hub.add(2, "00846", 0)
    imports.offer("00845-bk", "00846", "TB-0GO7", "X 1", "ZZZ")
    state = await imports.run()
    assert (state.found_count, state.known_count, state.matched_count, state.unmatched_count) == (5, 0, 2, 3)
    assert await imports.listed() == {"00845-bk": "00845-BK", "00846": "00846"}
    assert await imports.unmatched() == ["TB-0GO7", "X 1", "ZZZ"]
    async with running(engine.push_worker(imports.channel).run):
        await engine.settled()
    shelf = platform.shelves["00845-bk"]
    assert (shelf.quantity, shelf.price) == (3, Decimal("77.00")), "stock is the hub's, the price stays"
    assert {one.title for one in platform.journal} == {"Live 00845-bk", "Live 00846"}
    assert not any(one.content_changed for one in platform.journal)


async def test_repeat_changes_nothing_and_forgets_what_is_offered_no_more(
    imports: Imports, hub: FakeHub, platform: FakePlatform
) -> None:
    hub.add(1, "00845", 3)
    imports.offer("00845", "AAA", "BBB")
    first = await imports.run()
    second = await imports.run()
    assert (first.matched_count, second.matched_count, second.known_count) == (1, 0, 1)
    assert await imports.unmatched() == ["AAA", "BBB"]
    del platform.shelves["AAA"]
    await imports.run()
    assert await imports.unmatched() == ["BBB"]
    assert await imports.listed() == {"00845": "00845"}


async def test_what_other_channels_sell_under_the_name_is_matched_if_they_agree(
    imports: Imports, engine: Engine, hub: FakeHub
) -> None:
    hub.add(1, "00845", 3)
    hub.add(2, "00846", 3)
    others = [await engine.add_channel(account=name) for name in ("USAV", "DRAGON")]
    for other, variant in zip(others, (1, 2), strict=True):
        await engine.add_listing(other, 1, "00845", "SAME")
        await engine.add_listing(other, variant, f"0084{variant + 4}", "DIFFERS")
    imports.offer("SAME", "DIFFERS")
    await imports.run()
    assert await imports.listed() == {"SAME": "00845"}
    assert await imports.unmatched() == ["DIFFERS"]


async def test_deleted_listing_is_not_taken_up_again(imports: Imports, engine: Engine, hub: FakeHub) -> None:
    hub.add(1, "00845", 3)
    imports.offer("00845")
    listing_id = await engine.add_listing(imports.channel, 1, "00845")
    await imports.api.call("DeleteListing", pb.DeleteListingRequest(id=listing_id))
    state = await imports.run()
    assert (state.known_count, state.matched_count) == (1, 0)
    assert (await imports.listed(), await imports.unmatched()) == ({}, [])


async def test_person_matches_and_dismisses(imports: Imports, hub: FakeHub) -> None:
    hub.add(1, "00845", 3)
    imports.offer("AAA", "BBB")
    await imports.run()
    match = unmatched_pb2.MatchListingRequest(id=await imports.unmatched_id(), sku="00845", request_id="once")
    made = await imports.api.call("MatchListing", match, "SALES_REP")
    assert (made.platform_sku, made.sku) == ("AAA", "00845")
    assert await imports.api.call("MatchListing", match, "SALES_REP") == made
    again = unmatched_pb2.MatchListingRequest(id=match.id, sku="00845")
    with pytest.raises(Refused) as caught:
        await imports.api.call("MatchListing", again)
    assert caught.value.reason == "UNMATCHED_NOT_FOUND"
    with pytest.raises(Refused) as caught:
        await imports.api.call(
            "MatchListing", unmatched_pb2.MatchListingRequest(id=await imports.unmatched_id(), sku="99999")
        )
    assert caught.value.reason == "VARIANT_UNKNOWN"
    dismiss = unmatched_pb2.DismissUnmatchedListingRequest(id=await imports.unmatched_id())
    assert (await imports.api.call("DismissUnmatchedListing", dismiss)).dismissed
    hub.add(2, "BBB", 1)
    await imports.run()
    assert (await imports.unmatched(), await imports.unmatched(show_dismissed=True)) == ([], ["BBB"])
    assert "BBB" not in await imports.listed(), "a dismissed one is never matched by itself"


async def test_variant_that_appears_later_is_matched_by_the_feed(
    imports: Imports, engine: Engine, hub: FakeHub
) -> None:
    imports.offer("00845")
    await imports.run()
    assert await imports.unmatched() == ["00845"]
    feed = engine.feed
    async with running(feed.run):
        await asyncio.sleep(0.1)
        hub.add(1, "00845", 3)
        hub.tell_variant("00845")
        await until(lambda: _is_listed(imports, "00845"))
    assert await imports.unmatched() == []


async def test_listing_made_elsewhere_matches_what_is_called_alike(
    imports: Imports, engine: Engine, hub: FakeHub
) -> None:
    hub.add(1, "00845", 3)
    imports.offer("TB-1", "TB-2")
    await imports.run()
    other = await engine.add_channel(account="USAV")
    for sku in ("TB-1", "TB-2"):
        channel = other if sku == "TB-1" else imports.channel
        new = listing_pb2.Listing(channel_id=channel.id, sku="00845", platform_sku=sku)
        await imports.api.call("CreateListing", pb.CreateListingRequest(listing=new))
    assert await imports.listed() == {"TB-1": "00845", "TB-2": "00845"}
    assert await imports.unmatched() == []


async def test_import_goes_on_where_a_failure_or_a_dead_worker_left_it(
    imports: Imports, engine: Engine, platform: FakePlatform
) -> None:
    platform.max_batch = 1
    imports.offer("A", "B", "C")
    cursors: list[str] = []

    class Failing(FakeChannel):
        async def live_listings(self, cursor: str) -> FoundPage:
            cursors.append(cursor)
            if len(cursors) == 2:
                raise ChannelError(Outcome.RETRY, "busy", code="http_503", retry_after_s=0.1)
            if len(cursors) == 4:
                raise RuntimeError("killed")
            return await super().live_listings(cursor)

    def importer() -> ListingImporter:
        return ListingImporter(
            imports.channel, Failing(platform), engine.import_tools, engine.alarms.imports.of(imports.channel.id)
        )

    await imports.api.call("ImportListings", unmatched_pb2.ImportListingsRequest(id=imports.channel.id))
    with pytest.raises(RuntimeError):
        await importer().run()
    await imports.api.call("ImportListings", unmatched_pb2.ImportListingsRequest(id=imports.channel.id))
    async with engine.db.transaction() as conn:
        await conn.exec_driver_sql("UPDATE sync.listing_import SET lease_until = now()")
    async with running(importer().run, importer().run):
        await until(imports._is_finished)
    assert cursors == ["", "A", "A", "B", "B"]
    assert await imports.unmatched() == ["A", "B", "C"]


async def test_channel_that_cannot_be_spoken_with_is_refused(api: SyncApi, engine: Engine) -> None:
    channel = await engine.add_channel(platform="AMAZON")
    for channel_id, reason in ((channel.id, "NO_CONNECTOR"), (channel.id + 9, "CHANNEL_NOT_FOUND")):
        with pytest.raises(Refused) as caught:
            await api.call("ImportListings", unmatched_pb2.ImportListingsRequest(id=channel_id))
        assert caught.value.reason == reason


async def _is_listed(imports: Imports, sku: str) -> bool:
    return sku in await imports.listed()
