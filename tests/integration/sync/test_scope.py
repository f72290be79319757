"""Callers who are bound to channels: the listings and orders of others are neither shown nor changed.

The tables name every rpc that somebody who is no admin may call, so that a new one has to be decided about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from sqlalchemy import insert
from usav.sync.v1 import channel_pb2, listing_pb2, order_pb2, sync_service_pb2, unmatched_pb2

from chassis.access import ALL_ROLES, policies
from sync_svc.domain.channel import Channel
from sync_svc.progress import OrderTaken
from sync_svc.storage.tables import unmatched_listing
from tests.factories.sync.engine import Engine, running, until
from tests.factories.sync.platform import FakePlatform
from tests.factories.sync.upstream import FakeHub
from tests.integration.sync.harness import Refused, SyncApi

pb = sync_service_pb2
OUTSIDE = "OUTSIDE_YOUR_CHANNELS"
_POLICIES = {
    path.rpartition("/")[2]: policy
    for path, policy in policies([pb.DESCRIPTOR.services_by_name["SyncService"]]).items()
}


@dataclass
class Shops:
    """A channel of the caller's and one of somebody else's, with a listing each; and an order to resolve at the other."""

    api: SyncApi
    engine: Engine
    mine: Channel
    theirs: Channel
    my_listing: int
    their_listing: int
    order_id: int
    unmatched_id: int

    async def bound(self, rpc: str, request: Message) -> Any:
        """The call of somebody who may call the rpc, bound to the own channel."""
        role = min(_POLICIES[rpc].roles - {"ADMIN"})
        return await self.api.call(rpc, request, f"{role}@{self.mine.id}")

    async def refused(self, rpc: str, request: Message) -> Refused:
        with pytest.raises(Refused) as caught:
            await self.bound(rpc, request)
        return caught.value


@pytest.fixture
async def shops(api: SyncApi, engine: Engine, hub: FakeHub, platform: FakePlatform) -> Shops:
    hub.add(1, "00845", 3)
    theirs = await engine.add_channel(account="DRAGON")
    their_listing = await engine.add_listing(theirs, 1, "00845", "THEIRS-1")
    platform.buy("MYSTERY")
    async with running(engine.supervisor.run):

        async def needs_attention() -> bool:
            found = await api.call("ListOrders", pb.ListOrdersRequest())
            return [order.status for order in found.items] == [order_pb2.Order.NEEDS_ATTENTION]

        await until(needs_attention)
    (order,) = (await api.call("ListOrders", pb.ListOrdersRequest())).items
    mine = await engine.add_channel()
    my_listing = await engine.add_listing(mine, 1, "00845", "MINE-1")
    async with engine.db.transaction() as conn:
        found = insert(unmatched_listing).values(channel_id=theirs.id, platform_sku="ALIEN")
        unmatched_id = (await conn.execute(found.returning(unmatched_listing.c.id))).scalar_one()
    return Shops(api, engine, mine, theirs, my_listing, their_listing, order.id, unmatched_id)


Make = Callable[[Shops], Message]

REFUSED: list[tuple[str, Make]] = [
    ("GetChannel", lambda s: pb.GetChannelRequest(id=s.theirs.id)),
    ("ListChannelRuns", lambda s: pb.ListChannelRunsRequest(id=s.theirs.id)),
    ("GetListing", lambda s: pb.GetListingRequest(id=s.their_listing)),
    ("ListListingAttempts", lambda s: pb.ListListingAttemptsRequest(id=s.their_listing)),
    (
        "CreateListing",
        lambda s: pb.CreateListingRequest(
            listing=listing_pb2.Listing(channel_id=s.theirs.id, variant_id=1, platform_sku="NEW-1")
        ),
    ),
    (
        "UpdateListing",
        lambda s: pb.UpdateListingRequest(listing=listing_pb2.Listing(id=s.their_listing, name="mine now")),
    ),
    ("DeleteListing", lambda s: pb.DeleteListingRequest(id=s.their_listing)),
    ("RetryListing", lambda s: pb.RetryListingRequest(id=s.their_listing)),
    ("MarkListingSynced", lambda s: pb.MarkListingSyncedRequest(id=s.their_listing)),
    ("MarkListingError", lambda s: pb.MarkListingErrorRequest(id=s.their_listing, message="no")),
    (
        "BatchUpsertListings",
        lambda s: pb.BatchUpsertListingsRequest(listings=[_row("MEKONG", "MINE-2"), _row("DRAGON", "THEIRS-2")]),
    ),
    ("GetListingImport", lambda s: unmatched_pb2.GetListingImportRequest(id=s.theirs.id)),
    ("MatchListing", lambda s: unmatched_pb2.MatchListingRequest(id=s.unmatched_id, sku="00845")),
    ("DismissUnmatchedListing", lambda s: unmatched_pb2.DismissUnmatchedListingRequest(id=s.unmatched_id)),
    ("GetOrder", lambda s: pb.GetOrderRequest(id=s.order_id)),
    ("ShipOrder", lambda s: pb.ShipOrderRequest(id=s.order_id, carrier="UPS", tracking_number="1Z")),
    ("RetryShipment", lambda s: pb.RetryShipmentRequest(order_id=s.order_id, id=1)),
    ("WithdrawShipment", lambda s: pb.WithdrawShipmentRequest(order_id=s.order_id, id=1)),
    (
        "ResolveOrder",
        lambda s: pb.ResolveOrderRequest(
            id=s.order_id, mappings=[pb.ResolveOrderRequest.Mapping(line_id="1", sku="00845")]
        ),
    ),
]
NARROWED = {
    "ListChannels", "ListListings", "ListPendingListings", "ListErrorListings", "ListVariantsPendingZoho",
    "GetVariantZohoSync", "GetSyncStatus", "ListUnmatchedListings", "ListOrders", "WatchSync",
}  # fmt: skip


def _row(account: str, platform_sku: str) -> listing_pb2.ListingUpsert:
    return listing_pb2.ListingUpsert(
        variant_id=1, sku="00845", platform=channel_pb2.Channel.EBAY, account=account, platform_sku=platform_sku
    )


def test_every_rpc_is_decided_about() -> None:
    decided = {rpc for rpc, _ in REFUSED} | NARROWED
    assert decided == {rpc for rpc, policy in _POLICIES.items() if policy.roles & ALL_ROLES - {"ADMIN"}}


async def test_what_belongs_to_other_channels_is_refused_and_stays_as_it_is(shops: Shops) -> None:
    before = await _state(shops)
    for rpc, make in REFUSED:
        refused = await shops.refused(rpc, make(shops))
        assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, OUTSIDE), rpc
        assert dict(refused.info.metadata)["channel_ids"] == str(shops.mine.id)
        assert await _state(shops) == before, rpc


async def _state(shops: Shops) -> Any:
    found = await shops.api.call("ListListings", pb.ListListingsRequest(show_deleted=True))
    orders = await shops.api.call("ListOrders", pb.ListOrdersRequest())
    unmatched = await shops.api.call("ListUnmatchedListings", unmatched_pb2.ListUnmatchedListingsRequest())
    assert len(unmatched.items) == 1
    return found, orders, unmatched


async def test_lists_are_narrowed_with_their_totals(shops: Shops) -> None:
    listings = await shops.bound("ListListings", pb.ListListingsRequest())
    assert ([one.id for one in listings.items], listings.total_size) == ([shops.my_listing], 1)
    pending = await shops.bound("ListPendingListings", pb.ListPendingListingsRequest())
    assert {one.channel_id for one in pending.items} <= {shops.mine.id}
    channels = await shops.bound("ListChannels", pb.ListChannelsRequest())
    assert ([one.id for one in channels.items], channels.total_size) == ([shops.mine.id], 1)
    status = await shops.bound("GetSyncStatus", pb.GetSyncStatusRequest())
    assert [one.channel_id for one in status.channels] == [shops.mine.id]
    orders = await shops.bound("ListOrders", pb.ListOrdersRequest())
    assert (len(orders.items), orders.total_size) == (0, 0)
    errors = await shops.bound("ListErrorListings", pb.ListErrorListingsRequest())
    assert len(errors.items) == 0
    unmatched = await shops.bound("ListUnmatchedListings", unmatched_pb2.ListUnmatchedListingsRequest())
    assert (len(unmatched.items), unmatched.total_size) == (0, 0)


async def test_zohos_listings_are_narrowed(shops: Shops) -> None:
    zoho = await shops.engine.add_channel("ZOHO", "BOOKS")
    await shops.engine.add_listing(zoho, 1, "00845", "Z-1")
    request = pb.GetVariantZohoSyncRequest(variant_id=1)
    assert len((await shops.api.call("GetVariantZohoSync", request)).items) == 1
    assert len((await shops.bound("GetVariantZohoSync", request)).items) == 0
    waiting = pb.ListVariantsPendingZohoRequest()
    assert (await shops.api.call("ListVariantsPendingZoho", waiting)).total_size == 1
    assert (await shops.bound("ListVariantsPendingZoho", waiting)).total_size == 0


async def test_in_the_own_channel_all_is_as_ever(shops: Shops) -> None:
    changed = pb.UpdateListingRequest(listing=listing_pb2.Listing(id=shops.my_listing, name="New name"))
    assert (await shops.bound("UpdateListing", changed)).name == "New name"
    new = listing_pb2.Listing(channel_id=shops.mine.id, variant_id=1, platform_sku="MINE-3")
    made = await shops.bound("CreateListing", pb.CreateListingRequest(listing=new))
    await shops.bound("RetryListing", pb.RetryListingRequest(id=made.id))
    await shops.bound("DeleteListing", pb.DeleteListingRequest(id=made.id))
    upserted = await shops.bound("BatchUpsertListings", pb.BatchUpsertListingsRequest(listings=[_row("MEKONG", "M-9")]))
    assert len(upserted.results) == 1
    assert (await shops.bound("GetChannel", pb.GetChannelRequest(id=shops.mine.id))).id == shops.mine.id


async def test_a_watcher_is_told_of_the_own_channel_only(shops: Shops) -> None:
    metadata = shops.api.metadata(f"SALES_REP@{shops.mine.id}")
    foreign = shops.api.stub.WatchSync(pb.WatchSyncRequest(channel_id=shops.theirs.id), metadata=metadata)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await foreign.read()
    assert Refused(caught.value).reason == OUTSIDE
    stream = shops.api.stub.WatchSync(pb.WatchSyncRequest(), metadata=metadata)
    assert (await stream.read()).HasField("heartbeat")
    for channel in (shops.theirs, shops.mine):
        shops.engine.progress.tell(_taken(channel))
    event = await stream.read()
    stream.cancel()
    assert event.order_taken.account == "MEKONG"


def _taken(channel: Channel) -> OrderTaken:
    return OrderTaken(
        at=channel.created_at,
        order_id=1,
        channel_id=channel.id,
        platform="EBAY",
        account=channel.account,
        order_reference="E-1",
        status="SOLD",
        message="",
    )
