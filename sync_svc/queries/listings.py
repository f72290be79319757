"""Listings and the tries to push them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select, text

from chassis.database import Database
from sync_svc.domain.listing import Listing
from sync_svc.domain.scope import Channels, check_channel
from sync_svc.queries.pages import Page, count, cut
from sync_svc.storage.channels import is_named
from sync_svc.storage.listings import SELECT_LISTINGS, as_listing, get_listing_in
from sync_svc.storage.tables import channel, listing, listing_attempt

# Written so that the partial indexes serve them.
_WAITING = text("listing.status IN ('PENDING', 'DIRTY')")
_FAILED = text("listing.status = 'ERROR'")
_UNSYNCED = text("listing.status <> 'SYNCED' AND listing.deleted_at IS NULL")


@dataclass(frozen=True, slots=True)
class ListingFilter:
    """Which listings to list; what is unset does not filter."""

    platform: str = ""
    channel: str = ""
    status: str = ""
    sku: str = ""
    variant_id: int = 0
    error_class: str = ""
    show_deleted: bool = False
    only_waiting: bool = False
    only_failed: bool = False
    only_unsynced: bool = False
    # What the caller is bound to.
    inside: Channels = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to push one listing."""

    id: int
    listing_id: int
    run_id: int
    generation: int
    quantity: int | None
    price: Decimal | None
    currency: str
    outcome: str
    message: str
    code: str
    started_at: datetime
    duration_ms: int
    late: bool


async def get_listing(db: Database, listing_id: int, bound: Channels) -> Listing:
    """One listing. Raises ListingNotFound, OutsideChannels."""
    async with db.translated(), db.read.connect() as conn:
        found = await get_listing_in(conn, listing_id)
    check_channel(bound, found.channel_id)
    return found


async def list_listings(db: Database, wanted: ListingFilter, *, after_id: int, most: int) -> Page[Listing]:
    """One page, by id."""
    found = SELECT_LISTINGS.where(*_conditions(wanted))
    paged = found.where(listing.c.id > after_id).order_by(listing.c.id).limit(most + 1)
    async with db.translated(), db.read.connect() as conn:
        items = [as_listing(row) for row in await conn.execute(paged)]
        total = await count(conn, select(listing.c.id).join(channel).where(*_conditions(wanted)))
    return cut(items, most, total)


async def list_attempts(
    db: Database, listing_id: int, bound: Channels, *, before_id: int | None, most: int
) -> Page[Attempt]:
    """One page, newest first. Raises ListingNotFound, OutsideChannels."""
    mine = listing_attempt.c.listing_id == listing_id
    found = select(listing_attempt).where(mine)
    paged = found if before_id is None else found.where(listing_attempt.c.id < before_id)
    async with db.translated(), db.read.connect() as conn:
        check_channel(bound, (await get_listing_in(conn, listing_id, deleted=True)).channel_id)
        rows = (await conn.execute(paged.order_by(listing_attempt.c.id.desc()).limit(most + 1))).mappings()
        items = [Attempt(**row) for row in rows]
        total = await count(conn, select(listing_attempt.c.id).where(mine))
    return cut(items, most, total)


def _conditions(wanted: ListingFilter) -> list[Any]:
    given = {
        listing.c.status: wanted.status,
        channel.c.platform: wanted.platform,
        listing.c.variant_id: wanted.variant_id,
        listing.c.error_class: wanted.error_class,
    }
    conditions: list[Any] = [column == value for column, value in given.items() if value]
    if wanted.channel:
        conditions.append(is_named(wanted.channel))
    if wanted.inside is not None:
        conditions.append(listing.c.channel_id.in_(sorted(wanted.inside)))
    if wanted.sku:
        conditions.append(or_(listing.c.sku == wanted.sku.upper(), listing.c.platform_sku == wanted.sku))
    if not wanted.show_deleted:
        conditions.append(listing.c.deleted_at.is_(None))
    if wanted.only_waiting:
        conditions.append(_WAITING)
    if wanted.only_unsynced:
        conditions.append(_UNSYNCED)
    if wanted.only_failed:
        conditions.append(_FAILED)
    return conditions
