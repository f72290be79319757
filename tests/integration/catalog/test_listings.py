"""GetVariant asks sync for the listings as the caller, and answers without them when sync does not."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest
from usav.catalog.v1 import variant_pb2
from usav.sync.v1 import channel_pb2, listing_pb2, sync_service_pb2

from tests.integration.catalog.harness import CatalogHub


class ListingsOnly:
    """A sync service that knows one listing and remembers who asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, str]] = []

    async def ListListings(
        self, request: sync_service_pb2.ListListingsRequest, context: grpc.aio.ServicerContext
    ) -> sync_service_pb2.ListListingsResponse:
        metadata = dict(context.invocation_metadata() or ())
        self.asked.append((request.variant_id, str(metadata["authorization"])))
        listing = listing_pb2.Listing(
            id=7,
            variant_id=request.variant_id,
            channel_id=3,
            platform=channel_pb2.Channel.Platform.EBAY,
            account="MEKONG",
            platform_sku="JD-K49H",
            name="Speaker",
            status=listing_pb2.Listing.Status.DIRTY,
        )
        return sync_service_pb2.ListListingsResponse(items=[listing])


@pytest.fixture(scope="module")
async def sync() -> AsyncIterator[tuple[ListingsOnly, str]]:
    server, servicer = grpc.aio.server(), ListingsOnly()
    handler = grpc.unary_unary_rpc_method_handler(
        servicer.ListListings,
        request_deserializer=sync_service_pb2.ListListingsRequest.FromString,
        response_serializer=sync_service_pb2.ListListingsResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("usav.sync.v1.SyncService", {"ListListings": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield servicer, f"127.0.0.1:{port}"
    await server.stop(None)


async def test_listings_are_shown_as_the_caller_may_see_them(database_url: str, sync: tuple[ListingsOnly, str]) -> None:
    servicer, address = sync
    hub = await CatalogHub.start(database_url, sync_address=address)
    try:
        made = await hub.variant()
        shown = await hub.caller("SALES_REP").GetVariant(variant_pb2.GetVariantRequest(id=made.id))
    finally:
        await hub.stop()
    summary = variant_pb2.ListingSummary(
        id=7, channel_id=3, platform="EBAY", account="MEKONG", platform_sku="JD-K49H", name="Speaker", status="DIRTY"
    )
    assert list(shown.listings) == [summary]
    assert not shown.listings_unavailable
    assert servicer.asked == [(made.id, "Bearer SALES_REP")]


async def test_variant_is_answered_while_sync_is_down(hub: CatalogHub) -> None:
    made = await hub.variant()
    shown = await hub.admin.GetVariant(variant_pb2.GetVariantRequest(id=made.id))
    assert shown.listings_unavailable
    shown.ClearField("listings_unavailable")
    assert shown == made
