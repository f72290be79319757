"""Making, changing, deleting and marking listings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import InvalidArgument
from chassis.etags import check_etag
from sync_svc.domain.errors import ListingBusy, PlatformSkuTaken, VariantUnknown
from sync_svc.domain.listing import Listing, ListingIntent, NewListing
from sync_svc.domain.scope import Channels, check_channel
from sync_svc.operations.desk import Desk
from sync_svc.storage import listings as stored
from sync_svc.storage.channels import lock_channel
from sync_svc.storage.generations import push_listing_afresh


async def find_variant(desk: Desk, new: NewListing) -> NewListing:
    """The listing with both variant id and SKU, as the catalog has them. Raises VariantUnknown, Unavailable."""
    if not (new.variant_id or new.sku):
        raise InvalidArgument.of("listing.variant_id", "give variant_id or sku")
    found = await desk.truth.find_variant(variant_id=new.variant_id, sku="" if new.variant_id else new.sku)
    if found is None or (new.sku and found.sku.upper() != new.sku.upper()):
        field = "listing.variant_id" if new.variant_id else "listing.sku"
        raise VariantUnknown(field, new.variant_id or new.sku)
    return replace(new, variant_id=found.id, sku=found.sku)


async def create_listing(desk: Desk, conn: AsyncConnection, new: NewListing, bound: Channels) -> Listing:
    """Make a listing, or take up a deleted one of the same platform SKU again.

    Raises OutsideChannels, ChannelNotFound, PlatformSkuTaken, ExternalIdTaken.
    """
    check_channel(bound, new.channel_id)
    if not new.platform_sku:
        raise InvalidArgument.of("listing.platform_sku", "is required")
    await lock_channel(conn, new.channel_id)
    former = await stored.find_by_platform_sku(conn, new.channel_id, new.platform_sku)
    if former is None:
        return await stored.get_listing_in(conn, await stored.insert_listing(conn, new))
    if former.deleted_at is None:
        raise PlatformSkuTaken(
            f"Listing {former.id} of this channel has the platform SKU {new.platform_sku} already.",
            metadata={
                "channel_id": str(new.channel_id),
                "platform_sku": new.platform_sku,
                "listing_id": str(former.id),
            },
        )
    return await take_up_again(desk, conn, former, new)


async def take_up_again(desk: Desk, conn: AsyncConnection, former: Listing, new: NewListing) -> Listing:
    """A deleted listing comes back with new values, under its old id."""
    await stored.change_listing(conn, former.id, {**stored.row_of(new), "deleted_at": None})
    await desk.generations.raise_listings(conn, [former.id], content=True)
    return await stored.get_listing_in(conn, former.id)


async def update_listing(
    desk: Desk, conn: AsyncConnection, listing_id: int, etag: str, changes: Mapping[str, Any], bound: Channels
) -> Listing:
    """Change a listing and queue it. Raises ListingNotFound, OutsideChannels, EtagMismatch, ExternalIdTaken."""
    listing = await _lock(conn, listing_id, bound)
    check_etag(etag, listing.version)
    if not changes:
        return listing
    await stored.change_listing(conn, listing_id, changes)
    await desk.generations.raise_listings(conn, [listing_id], content=True)
    return await stored.get_listing_in(conn, listing_id)


async def delete_listing(desk: Desk, conn: AsyncConnection, listing_id: int, bound: Channels) -> Listing:
    """Take a listing off its platform and forget it. Raises ListingNotFound, OutsideChannels."""
    listing = await _lock(conn, listing_id, bound)
    if listing.was_ever_pushed:
        await desk.generations.raise_listings(conn, [listing_id], content=True)
    else:
        # What the hub never showed may be there by somebody else's hand, and is not the hub's to end.
        await stored.cancel_push(conn, listing_id)
    gone = {"deleted_at": func.clock_timestamp(), "intent": ListingIntent.ENDED.value}
    await stored.change_listing(conn, listing_id, gone)
    return await stored.get_listing_in(conn, listing_id, deleted=True)


async def mark_listing_synced(
    conn: AsyncConnection, listing_id: int, bound: Channels, *, generation: int | None, external_id: str | None
) -> Listing:
    """Record that the platform shows the listing as wanted.

    Raises ListingNotFound, OutsideChannels, ListingBusy, ExternalIdTaken.
    """
    await _lock_idle(conn, listing_id, bound)
    await stored.mark_synced(conn, listing_id, generation, external_id)
    return await stored.get_listing_in(conn, listing_id)


async def mark_listing_error(
    conn: AsyncConnection, listing_id: int, bound: Channels, *, message: str, code: str
) -> Listing:
    """Record a permanent error. Raises ListingNotFound, OutsideChannels, ListingBusy."""
    await _lock_idle(conn, listing_id, bound)
    await stored.mark_error(conn, listing_id, message, code)
    return await stored.get_listing_in(conn, listing_id)


async def retry_listing(conn: AsyncConnection, listing_id: int, bound: Channels) -> Listing:
    """Queue a listing at once, whatever its error. Safe to repeat. Raises ListingNotFound, OutsideChannels."""
    await _lock(conn, listing_id, bound)
    await push_listing_afresh(conn, listing_id)
    return await stored.get_listing_in(conn, listing_id)


async def _lock(conn: AsyncConnection, listing_id: int, bound: Channels) -> Listing:
    listing = await stored.lock_listing(conn, listing_id)
    check_channel(bound, listing.channel_id)
    return listing


async def _lock_idle(conn: AsyncConnection, listing_id: int, bound: Channels) -> None:
    await _lock(conn, listing_id, bound)
    if await stored.is_being_pushed(conn, listing_id):
        raise ListingBusy(listing_id)
