"""Listings and the tries to push them.

What waits, what failed and what Zoho does not show yet is walked channel by channel in the order of a partial index, and the
heads of the walks are merged: a page costs the same whatever the other channels hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, or_, select, text, true

from chassis.database import Database
from sync_svc.domain.listing import Listing
from sync_svc.domain.scope import Channels, check_channel
from sync_svc.queries.pages import MOST_COUNTED, Page, count, cut
from sync_svc.storage.channels import is_named
from sync_svc.storage.listings import SELECT_LISTINGS, as_listing, get_listing_in
from sync_svc.storage.tables import channel, listing, listing_attempt

_ONE, _OWNER = listing.alias("one"), channel.alias("owner")
# Written so that the partial indexes serve them.
_WAITING = "one.status IN ('PENDING', 'DIRTY') AND one.deleted_at IS NULL"
_FAILED = "one.status = 'ERROR' AND one.deleted_at IS NULL"
_UNSYNCED = "one.status <> 'SYNCED' AND one.deleted_at IS NULL"


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

    @property
    def walk(self) -> str:
        """The condition of the index that gives the list in its order; empty where no such index narrows it."""
        if self.show_deleted or self.sku or self.variant_id:
            return ""
        if self.only_waiting or self.status in ("PENDING", "DIRTY"):
            return _WAITING
        if self.only_failed or self.status == "ERROR":
            return _FAILED
        return _UNSYNCED if self.only_unsynced else ""


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
    find = _walked if wanted.walk else _searched
    async with db.translated(), db.read.connect() as conn:
        paged = SELECT_LISTINGS.where(listing.c.id.in_(find(wanted, after_id, most + 1))).order_by(listing.c.id)
        items = [as_listing(row) for row in await conn.execute(paged)]
        total = await count(conn, find(wanted, 0, MOST_COUNTED))
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


def _searched(wanted: ListingFilter, after_id: int, most: int) -> Select[Any]:
    """The ids of a page, by the channel's or the SKU's index or in a walk over all."""
    found = select(_ONE.c.id).join(_OWNER).where(*_of_owner(wanted), *_of_listing(wanted), _ONE.c.id > after_id)
    return found.order_by(_ONE.c.id).limit(most)


def _walked(wanted: ListingFilter, after_id: int, most: int) -> Select[Any]:
    """The ids of a page, from the walks of each channel."""
    mine = select(_ONE.c.id).where(_ONE.c.channel_id == _OWNER.c.id, _ONE.c.id > after_id, *_of_listing(wanted))
    head = mine.order_by(_ONE.c.id).limit(most).correlate(_OWNER).lateral("head")
    found = select(head.c.id).select_from(_OWNER.join(head, true())).where(*_of_owner(wanted))
    return found.order_by(head.c.id).limit(most)


def _of_owner(wanted: ListingFilter) -> list[Any]:
    conditions: list[Any] = []
    if wanted.platform:
        conditions.append(_OWNER.c.platform == wanted.platform)
    if wanted.channel:
        conditions.append(_OWNER.c.id.in_(select(channel.c.id).where(is_named(wanted.channel)).correlate(None)))
    if wanted.inside is not None:
        conditions.append(_OWNER.c.id.in_(sorted(wanted.inside)))
    return conditions


def _of_listing(wanted: ListingFilter) -> list[Any]:
    given = {
        _ONE.c.status: wanted.status,
        _ONE.c.variant_id: wanted.variant_id,
        _ONE.c.error_class: wanted.error_class,
    }
    conditions: list[Any] = [column == value for column, value in given.items() if value]
    if wanted.sku:
        conditions.append(or_(_ONE.c.sku == wanted.sku.upper(), _ONE.c.platform_sku == wanted.sku))
    if not wanted.show_deleted:
        conditions.append(_ONE.c.deleted_at.is_(None))
    kinds = {_WAITING: wanted.only_waiting, _FAILED: wanted.only_failed, _UNSYNCED: wanted.only_unsynced}
    conditions += [text(kind) for kind, is_asked in kinds.items() if is_asked or kind == wanted.walk]
    return conditions
