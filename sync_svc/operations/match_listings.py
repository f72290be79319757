"""Importing an account's live listings, and what a person says of those that could not be matched."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from sync_svc.domain.errors import UnmatchedNotFound, VariantUnknown
from sync_svc.domain.listing import Listing
from sync_svc.domain.scope import Channels, check_channel
from sync_svc.operations.channels import check_usable
from sync_svc.operations.desk import Desk
from sync_svc.storage import unmatched as stored
from sync_svc.storage.channels import lock_channel
from sync_svc.storage.listings import get_listing_in
from sync_svc.upstream import KnownVariant


async def import_listings(desk: Desk, conn: AsyncConnection, channel_id: int, bound: Channels) -> None:
    """Have an account's live listings imported by a worker. Safe to repeat.

    Raises OutsideChannels, ChannelNotFound, NoConnector, CredentialsMissing.
    """
    check_channel(bound, channel_id)
    await check_usable(desk, await lock_channel(conn, channel_id))
    await stored.begin_import(conn, channel_id)


async def find_variant(desk: Desk, sku: str) -> KnownVariant:
    """The variant of a SKU. Raises VariantUnknown, Unavailable."""
    found = await desk.truth.find_variant(sku=sku.strip().upper())
    if found is None:
        raise VariantUnknown("sku", sku)
    return found


async def match_listing(conn: AsyncConnection, unmatched_id: int, variant: KnownVariant, bound: Channels) -> Listing:
    """Make an unmatched listing one of the hub's; what is called alike on other channels follows.

    Raises UnmatchedNotFound, OutsideChannels.
    """
    await _check_reach(conn, unmatched_id, bound)
    matched = await stored.match_one(conn, unmatched_id, variant_id=variant.id, sku=variant.sku)
    if matched is None:
        raise UnmatchedNotFound(unmatched_id)
    await stored.match_listed(conn, [matched.platform_sku])
    return await get_listing_in(conn, matched.id)


async def dismiss_unmatched(conn: AsyncConnection, unmatched_id: int, bound: Channels, *, dismissed: bool) -> None:
    """Say whether one is any of the hub's business. Safe to repeat. Raises UnmatchedNotFound, OutsideChannels."""
    await _check_reach(conn, unmatched_id, bound)
    await stored.dismiss(conn, unmatched_id, dismissed=dismissed)


async def _check_reach(conn: AsyncConnection, unmatched_id: int, bound: Channels) -> None:
    channel_id = await stored.channel_of(conn, unmatched_id)
    if channel_id is None:
        raise UnmatchedNotFound(unmatched_id)
    check_channel(bound, channel_id)
