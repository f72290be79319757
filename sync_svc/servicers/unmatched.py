"""The methods on the import of live listings, and on those that could not be matched."""

from __future__ import annotations

from grpc.aio import ServicerContext
from sqlalchemy.ext.asyncio import AsyncConnection
from usav.sync.v1 import listing_pb2, unmatched_pb2

from chassis.page_tokens import page_size
from sync_svc.convert.listings import listing_to_proto
from sync_svc.convert.unmatched import import_to_proto, unmatched_to_proto
from sync_svc.operations import match_listings as operations
from sync_svc.queries import unmatched as queries
from sync_svc.servicers.base import SyncRpcs, bound_channels


class UnmatchedRpcs(SyncRpcs):
    """ImportListings, GetListingImport, ListUnmatchedListings, MatchListing and DismissUnmatchedListing."""

    async def ImportListings(
        self, request: unmatched_pb2.ImportListingsRequest, context: ServicerContext
    ) -> unmatched_pb2.ListingImport:
        """Begun under the request id, then the worker is woken."""

        bound = bound_channels()

        async def work(conn: AsyncConnection) -> unmatched_pb2.ListingImport:
            await operations.import_listings(self.desk, conn, request.id, bound)
            return import_to_proto(request.id, await queries.get_import_in(conn, request.id))

        answer = await self.once.run(request, unmatched_pb2.ListingImport, work)
        self.desk.alarms.imports.of(request.id).ring_in(0)
        return answer

    async def GetListingImport(
        self, request: unmatched_pb2.GetListingImportRequest, context: ServicerContext
    ) -> unmatched_pb2.ListingImport:
        """One channel's."""
        return import_to_proto(request.id, await queries.get_import(self.desk.db, request.id, bound_channels()))

    async def ListUnmatchedListings(
        self, request: unmatched_pb2.ListUnmatchedListingsRequest, context: ServicerContext
    ) -> unmatched_pb2.ListUnmatchedListingsResponse:
        """One page, by id."""
        page = await queries.list_unmatched(
            self.desk.db,
            channel_name=request.channel,
            show_dismissed=request.show_dismissed,
            inside=bound_channels(),
            after_id=self.position(request) or 0,
            most=page_size(request.page_size),
        )
        return unmatched_pb2.ListUnmatchedListingsResponse(
            items=[unmatched_to_proto(one) for one in page.items],
            next_page_token=self.next_token(request, None if page.is_last else page.items[-1].id),
            total_size=page.total,
        )

    async def MatchListing(
        self, request: unmatched_pb2.MatchListingRequest, context: ServicerContext
    ) -> listing_pb2.Listing:
        """Asks the catalog for the variant, then matches under the request id."""
        variant, bound = await operations.find_variant(self.desk, request.sku), bound_channels()

        async def work(conn: AsyncConnection) -> listing_pb2.Listing:
            return listing_to_proto(await operations.match_listing(conn, request.id, variant, bound))

        answer = await self.once.run(request, listing_pb2.Listing, work)
        self.desk.alarms.pushes.of(answer.channel_id).ring_in(0)
        return answer

    async def DismissUnmatchedListing(
        self, request: unmatched_pb2.DismissUnmatchedListingRequest, context: ServicerContext
    ) -> unmatched_pb2.UnmatchedListing:
        """Stored under the request id."""
        bound = bound_channels()

        async def work(conn: AsyncConnection) -> unmatched_pb2.UnmatchedListing:
            await operations.dismiss_unmatched(conn, request.id, bound, dismissed=not request.undo)
            return unmatched_to_proto(await queries.get_unmatched_in(conn, request.id))

        return await self.once.run(request, unmatched_pb2.UnmatchedListing, work)
