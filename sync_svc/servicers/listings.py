"""The methods on listings."""

from __future__ import annotations

from dataclasses import replace

from grpc.aio import ServicerContext
from sqlalchemy.ext.asyncio import AsyncConnection
from usav.sync.v1 import listing_pb2, sync_service_pb2

from chassis.page_tokens import page_size
from sync_svc.convert import listings as convert
from sync_svc.operations import import_listings
from sync_svc.operations import listings as operations
from sync_svc.queries import listings as queries
from sync_svc.servicers.base import SyncRpcs, bound_channels

ListRequest = (
    sync_service_pb2.ListListingsRequest
    | sync_service_pb2.ListPendingListingsRequest
    | sync_service_pb2.ListErrorListingsRequest
)


class ListingRpcs(SyncRpcs):
    """ListListings to ListListingAttempts."""

    async def ListListings(
        self, request: sync_service_pb2.ListListingsRequest, context: ServicerContext
    ) -> sync_service_pb2.ListListingsResponse:
        """One page, by id."""
        return await self._page(request, convert.filter_of(request))

    async def ListPendingListings(
        self, request: sync_service_pb2.ListPendingListingsRequest, context: ServicerContext
    ) -> sync_service_pb2.ListListingsResponse:
        """One page of those that wait, by id."""
        return await self._page(request, convert.pending_filter(request))

    async def ListErrorListings(
        self, request: sync_service_pb2.ListErrorListingsRequest, context: ServicerContext
    ) -> sync_service_pb2.ListListingsResponse:
        """One page of those that failed, by id."""
        return await self._page(request, convert.error_filter(request))

    async def ListVariantsPendingZoho(
        self, request: sync_service_pb2.ListVariantsPendingZohoRequest, context: ServicerContext
    ) -> sync_service_pb2.ListVariantsPendingZohoResponse:
        """One page, by listing."""
        wanted = replace(convert.zoho_filter(request), inside=bound_channels())
        page = await queries.list_listings(
            self.desk.db,
            wanted,
            after_id=self.position(request) or 0,
            most=page_size(request.page_size),
        )
        return sync_service_pb2.ListVariantsPendingZohoResponse(
            items=[convert.zoho_to_proto(listing) for listing in page.items],
            next_page_token=self.next_token(request, None if page.is_last else page.items[-1].id),
            total_size=page.total,
        )

    async def GetVariantZohoSync(
        self, request: sync_service_pb2.GetVariantZohoSyncRequest, context: ServicerContext
    ) -> sync_service_pb2.VariantZohoSync:
        """The variant's listings on Zoho."""
        wanted = queries.ListingFilter("ZOHO", variant_id=request.variant_id, inside=bound_channels())
        page = await queries.list_listings(self.desk.db, wanted, after_id=0, most=page_size(0))
        return sync_service_pb2.VariantZohoSync(items=[convert.zoho_to_proto(listing) for listing in page.items])

    async def GetListing(
        self, request: sync_service_pb2.GetListingRequest, context: ServicerContext
    ) -> listing_pb2.Listing:
        """One listing."""
        return convert.listing_to_proto(await queries.get_listing(self.desk.db, request.id, bound_channels()))

    async def CreateListing(
        self, request: sync_service_pb2.CreateListingRequest, context: ServicerContext
    ) -> listing_pb2.Listing:
        """Asks the catalog for the variant, then stores the listing under the request id."""
        new = await operations.find_variant(self.desk, convert.new_listing(request.listing))
        bound = bound_channels()

        async def work(conn: AsyncConnection) -> listing_pb2.Listing:
            return convert.listing_to_proto(await operations.create_listing(self.desk, conn, new, bound))

        return self._pushing(await self.once.run(request, listing_pb2.Listing, work))

    async def UpdateListing(
        self, request: sync_service_pb2.UpdateListingRequest, context: ServicerContext
    ) -> listing_pb2.Listing:
        """Stores it under the request id."""
        wanted = request.listing
        changes, bound = convert.listing_changes(wanted, request.update_mask), bound_channels()

        async def work(conn: AsyncConnection) -> listing_pb2.Listing:
            changed = await operations.update_listing(self.desk, conn, wanted.id, wanted.etag, changes, bound)
            return convert.listing_to_proto(changed)

        return self._pushing(await self.once.run(request, listing_pb2.Listing, work))

    async def DeleteListing(
        self, request: sync_service_pb2.DeleteListingRequest, context: ServicerContext
    ) -> listing_pb2.Listing:
        """Stores it under the request id."""
        bound = bound_channels()

        async def work(conn: AsyncConnection) -> listing_pb2.Listing:
            return convert.listing_to_proto(await operations.delete_listing(self.desk, conn, request.id, bound))

        return self._pushing(await self.once.run(request, listing_pb2.Listing, work))

    async def MarkListingSynced(
        self, request: sync_service_pb2.MarkListingSyncedRequest, context: ServicerContext
    ) -> listing_pb2.Listing:
        """Stores it under the request id."""
        bound = bound_channels()

        async def work(conn: AsyncConnection) -> listing_pb2.Listing:
            marked = await operations.mark_listing_synced(
                conn,
                request.id,
                bound,
                generation=request.generation or None,
                external_id=request.external_id.strip() or None,
            )
            return convert.listing_to_proto(marked)

        return self._pushing(await self.once.run(request, listing_pb2.Listing, work))

    async def MarkListingError(
        self, request: sync_service_pb2.MarkListingErrorRequest, context: ServicerContext
    ) -> listing_pb2.Listing:
        """Stores it under the request id."""
        bound = bound_channels()

        async def work(conn: AsyncConnection) -> listing_pb2.Listing:
            marked = await operations.mark_listing_error(
                conn, request.id, bound, message=request.message, code=request.code
            )
            return convert.listing_to_proto(marked)

        return await self.once.run(request, listing_pb2.Listing, work)

    async def RetryListing(
        self, request: sync_service_pb2.RetryListingRequest, context: ServicerContext
    ) -> listing_pb2.Listing:
        """Queues under the request id, then wakes the workers."""
        bound = bound_channels()

        async def work(conn: AsyncConnection) -> listing_pb2.Listing:
            return convert.listing_to_proto(await operations.retry_listing(conn, request.id, bound))

        return self._pushing(await self.once.run(request, listing_pb2.Listing, work))

    async def BatchUpsertListings(
        self, request: sync_service_pb2.BatchUpsertListingsRequest, context: ServicerContext
    ) -> sync_service_pb2.BatchUpsertListingsResponse:
        """All rows in one transaction under the request id."""
        rows, bound = [convert.row_of(row) for row in request.listings], bound_channels()
        if not request.validate_only:
            self.desk.alarms.rush.note(len(rows))

        async def work(conn: AsyncConnection) -> sync_service_pb2.BatchUpsertListingsResponse:
            ends = await import_listings.upsert_listings(
                self.desk, conn, rows, bound, validate_only=request.validate_only
            )
            return convert.ends_to_proto(ends)

        return await self.once.run(request, sync_service_pb2.BatchUpsertListingsResponse, work)

    async def ListListingAttempts(
        self, request: sync_service_pb2.ListListingAttemptsRequest, context: ServicerContext
    ) -> sync_service_pb2.ListListingAttemptsResponse:
        """One page, newest first."""
        page = await queries.list_attempts(
            self.desk.db,
            request.id,
            bound_channels(),
            before_id=self.position(request),
            most=page_size(request.page_size),
        )
        return sync_service_pb2.ListListingAttemptsResponse(
            items=[convert.attempt_to_proto(attempt) for attempt in page.items],
            next_page_token=self.next_token(request, None if page.is_last else page.items[-1].id),
            total_size=page.total,
        )

    async def _page(self, request: ListRequest, wanted: queries.ListingFilter) -> sync_service_pb2.ListListingsResponse:
        wanted = replace(wanted, inside=bound_channels())
        page = await queries.list_listings(
            self.desk.db, wanted, after_id=self.position(request) or 0, most=page_size(request.page_size)
        )
        return sync_service_pb2.ListListingsResponse(
            items=[convert.listing_to_proto(listing) for listing in page.items],
            next_page_token=self.next_token(request, None if page.is_last else page.items[-1].id),
            total_size=page.total,
        )

    def _pushing(self, listing: listing_pb2.Listing) -> listing_pb2.Listing:
        self.desk.alarms.pushes.of(listing.channel_id).ring_in(0)
        return listing
