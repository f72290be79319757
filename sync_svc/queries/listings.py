"""Listings and the tries to push them.

What waits, what failed and what Zoho does not show yet is walked channel by channel in the order of a partial index, and the
heads of the walks are merged: a page costs the same whatever the other channels hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Integer, Select, any_, bindparam, func, or_, select, text, true

from chassis.database import Database
from sync_svc.domain.listing import Listing
from sync_svc.domain.scope import Channels, check_channel
from sync_svc.queries.pages import MOST_COUNTED, Page, count, cut
from sync_svc.storage.channels import channel_number
from sync_svc.storage.listings import SELECT_LISTINGS, as_listing, get_listing_in
from sync_svc.storage.tables import channel, listing, listing_attempt

_ONE, _OWNER = listing.alias("one"), channel.alias("owner")
# Written so that the partial indexes serve them.
_WAITING = "one.status IN ('PENDING', 'DIRTY') AND one.deleted_at IS NULL"
_FAILED = "one.status = 'ERROR' AND one.deleted_at IS NULL"
_UNSYNCED = "one.status <> 'SYNCED' AND one.deleted_at IS NULL"
_AFTER_ID, _MOST = bindparam("after_id", type_=BigInteger), bindparam("most", type_=Integer)
_OF_OWNER: dict[str, Any] = {
    "platform": _OWNER.c.platform == bindparam("platform"),
    "channel": or_(_OWNER.c.id == bindparam("channel_number"), _OWNER.c.account == bindparam("channel")),
    "inside": _OWNER.c.id == any_(bindparam("inside", type_=ARRAY(BigInteger))),
}
_OF_LISTING: dict[str, Any] = {
    "status": _ONE.c.status == bindparam("status"),
    "variant_id": _ONE.c.variant_id == bindparam("variant_id"),
    "error_class": _ONE.c.error_class == bindparam("error_class"),
    "sku": or_(_ONE.c.sku == bindparam("sku"), _ONE.c.platform_sku == bindparam("platform_sku")),
}


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

    def values(self) -> dict[str, Any]:
        """What is filtered by, by name."""
        given: dict[str, Any] = {
            "platform": self.platform,
            "channel": self.channel.upper(),
            "status": self.status,
            "sku": self.sku.upper(),
            "variant_id": self.variant_id,
            "error_class": self.error_class,
        }
        values = {name: value for name, value in given.items() if value}
        if self.channel:
            values["channel_number"] = channel_number(self.channel)
        if self.sku:
            values["platform_sku"] = self.sku
        if self.inside is not None:
            values["inside"] = sorted(self.inside)
        return values

    @property
    def kinds(self) -> tuple[str, ...]:
        """The lists that are asked for."""
        kinds = {_WAITING: self.only_waiting, _FAILED: self.only_failed, _UNSYNCED: self.only_unsynced}
        return tuple(kind for kind, is_asked in kinds.items() if is_asked)

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
    values = wanted.values()
    page, counted = _statements(frozenset(values), wanted.walk, wanted.kinds, show_deleted=wanted.show_deleted)
    async with db.translated(), db.read.connect() as conn:
        rows = await conn.execute(page, {**values, "after_id": after_id, "most": most + 1})
        items = [as_listing(row) for row in rows]
        total = (await conn.execute(counted, {**values, "after_id": 0, "most": MOST_COUNTED})).scalar_one()
    return cut(items, most, int(total))


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


@cache
def _statements(
    asked: frozenset[str], walk: str, kinds: tuple[str, ...], *, show_deleted: bool
) -> tuple[Select[Any], Select[Any]]:
    """A page and its count, for filters by these values: made once, as making them takes longer than running them."""
    conditions = [_OF_LISTING[name] for name in _OF_LISTING if name in asked]
    conditions += [text(kind) for kind in sorted({walk, *kinds} - {""})]
    if not show_deleted:
        conditions.append(_ONE.c.deleted_at.is_(None))
    of_owner = [_OF_OWNER[name] for name in _OF_OWNER if name in asked]
    found = (_walked if walk else _searched)(of_owner, conditions)
    page = SELECT_LISTINGS.where(listing.c.id.in_(found)).order_by(listing.c.id)
    return page, select(func.count()).select_from(found.order_by(None).subquery())


def _searched(of_owner: Sequence[Any], conditions: Sequence[Any]) -> Select[Any]:
    """The ids of a page, by the channel's or the SKU's index or in a walk over all."""
    found = select(_ONE.c.id).join(_OWNER).where(*of_owner, *conditions, _ONE.c.id > _AFTER_ID)
    return found.order_by(_ONE.c.id).limit(_MOST)


def _walked(of_owner: Sequence[Any], conditions: Sequence[Any]) -> Select[Any]:
    """The ids of a page, from the walks of each channel."""
    mine = select(_ONE.c.id).where(_ONE.c.channel_id == _OWNER.c.id, _ONE.c.id > _AFTER_ID, *conditions)
    head = mine.order_by(_ONE.c.id).limit(_MOST).correlate(_OWNER).lateral("head")
    found = select(head.c.id).select_from(_OWNER.join(head, true())).where(*of_owner)
    return found.order_by(head.c.id).limit(_MOST)
