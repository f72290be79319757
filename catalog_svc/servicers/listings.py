"""Listings, asked of the sync service on behalf of the caller: of one variant, of all, and those an import wants.

A variant is answered without them when sync is down; an import or an export fails then, and can be repeated.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

from usav.catalog.v1 import variant_pb2
from usav.sync.v1 import channel_pb2, listing_pb2, sync_service_pb2, sync_service_pb2_grpc

from catalog_svc.operations.importing.listings import ListingAnswer, WantedListing
from catalog_svc.queries.export import ExportedListing
from chassis.clients import Clients, as_caller, remote_errors, time_left
from chassis.errors import HubError

log = logging.getLogger(__name__)

_MOST = 1000
_BATCH_TIMEOUT = 30.0


class Listings:
    """The catalogue's view of sync."""

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

    async def upsert(self, wanted: Sequence[WantedListing], *, dry_run: bool) -> list[ListingAnswer]:
        """Finds or makes listings, an answer each. Safe to repeat. Raises Unavailable."""
        request = sync_service_pb2.BatchUpsertListingsRequest(
            listings=[_upsert(listing) for listing in wanted], validate_only=dry_run
        )
        async with remote_errors():
            answer = await self._stub().BatchUpsertListings(
                request, timeout=time_left(_BATCH_TIMEOUT), metadata=tuple(as_caller())
            )
        return [
            ListingAnswer(listing_pb2.ListingUpsertResult.Status.Name(item.status), item.reason, item.message)
            for item in answer.results
        ]

    async def pages(self) -> AsyncIterator[list[ExportedListing]]:
        """All listings that are not deleted, a page at a time. Raises Unavailable."""
        request = sync_service_pb2.ListListingsRequest(page_size=_MOST)
        while True:
            async with remote_errors():
                answer = await self._stub().ListListings(
                    request, timeout=time_left(_BATCH_TIMEOUT), metadata=tuple(as_caller())
                )
            yield [_exported(listing) for listing in answer.items]
            if not answer.next_page_token:
                return
            request.page_token = answer.next_page_token

    def _stub(self) -> Any:
        return sync_service_pb2_grpc.SyncServiceStub(self._clients.channel("sync"))

    async def _ask(self, variant_id: int) -> sync_service_pb2.ListListingsResponse:
        request = sync_service_pb2.ListListingsRequest(variant_id=variant_id, page_size=_MOST)
        answer: sync_service_pb2.ListListingsResponse = await self._stub().ListListings(
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


def _upsert(wanted: WantedListing) -> listing_pb2.ListingUpsert:
    return listing_pb2.ListingUpsert(
        variant_id=wanted.variant_id,
        sku=wanted.full_sku,
        platform=channel_pb2.Channel.Platform.Value(wanted.platform),
        account=wanted.account,
        platform_sku=wanted.platform_sku,
        asin=wanted.asin,
        name=wanted.name,
    )


def _exported(listing: listing_pb2.Listing) -> ExportedListing:
    return ExportedListing(
        variant_id=listing.variant_id,
        platform=channel_pb2.Channel.Platform.Name(listing.platform),
        account=listing.account,
        platform_sku=listing.platform_sku,
        asin=listing.asin,
        name=listing.name,
    )
