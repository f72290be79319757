"""A variant's listings, asked of the sync service on behalf of the caller. The catalogue answers without them when it is down."""

from __future__ import annotations

import logging

from usav.catalog.v1 import variant_pb2
from usav.sync.v1 import channel_pb2, listing_pb2, sync_service_pb2, sync_service_pb2_grpc

from chassis.clients import Clients, as_caller, remote_errors, time_left
from chassis.errors import HubError

log = logging.getLogger(__name__)

_MOST = 1000


class Listings:
    """Composes the listings of one variant."""

    def __init__(self, clients: Clients, timeout: float) -> None:
        self._clients = clients
        self._timeout = timeout

    async def add_to(self, variant: variant_pb2.Variant) -> variant_pb2.Variant:
        """Fills in the listings, or says that they are unavailable. Never fails."""
        try:
            async with remote_errors():
                found = await self._ask(variant.id)
        except HubError as error:
            log.warning("no listings from sync: %s", error.message)
            variant.listings_unavailable = True
            return variant
        variant.listings.extend(_summary(listing) for listing in found.items)
        return variant

    async def _ask(self, variant_id: int) -> sync_service_pb2.ListListingsResponse:
        stub = sync_service_pb2_grpc.SyncServiceStub(self._clients.channel("sync"))
        request = sync_service_pb2.ListListingsRequest(variant_id=variant_id, page_size=_MOST)
        answer: sync_service_pb2.ListListingsResponse = await stub.ListListings(
            request, timeout=time_left(self._timeout), metadata=tuple(as_caller())
        )
        return answer


def _summary(listing: listing_pb2.Listing) -> variant_pb2.ListingSummary:
    return variant_pb2.ListingSummary(
        id=listing.id,
        channel_id=listing.channel_id,
        platform=channel_pb2.Channel.Platform.Name(listing.platform),
        account=listing.account,
        platform_sku=listing.platform_sku,
        external_id=listing.external_id,
        name=listing.name,
        price=listing.price if listing.HasField("price") else None,
        status=listing_pb2.Listing.Status.Name(listing.status),
    )
