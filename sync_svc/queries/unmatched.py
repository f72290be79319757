"""Unmatched listings, and how imports went."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from sync_svc.domain.errors import UnmatchedNotFound
from sync_svc.domain.scope import Channels, check_channel
from sync_svc.domain.unmatched import ImportPass, Unmatched
from sync_svc.queries.pages import Page, count, cut
from sync_svc.storage.channels import get_channel, is_named
from sync_svc.storage.tables import channel, listing_import, unmatched_listing

_COLUMNS = [unmatched_listing.c[name] for name in Unmatched.__dataclass_fields__ if name not in ("platform", "account")]
_SELECT = select(*_COLUMNS, channel.c.platform, channel.c.account).join(channel)


async def list_unmatched(
    db: Database, *, channel_name: str, show_dismissed: bool, inside: Channels, after_id: int, most: int
) -> Page[Unmatched]:
    """One page, by id, of the channels that the caller is bound to."""
    conditions: list[Any] = [] if show_dismissed else [unmatched_listing.c.dismissed.is_(False)]
    if inside is not None:
        conditions.append(unmatched_listing.c.channel_id.in_(sorted(inside)))
    if channel_name:
        conditions.append(is_named(channel_name))
    found = _SELECT.where(*conditions, unmatched_listing.c.id > after_id).order_by(unmatched_listing.c.id)
    async with db.translated(), db.read.connect() as conn:
        items = [Unmatched(**row) for row in (await conn.execute(found.limit(most + 1))).mappings()]
        total = await count(conn, select(unmatched_listing.c.id).join(channel).where(*conditions))
    return cut(items, most, total)


async def get_unmatched_in(conn: AsyncConnection, unmatched_id: int) -> Unmatched:
    """One unmatched listing. Raises UnmatchedNotFound."""
    row = (await conn.execute(_SELECT.where(unmatched_listing.c.id == unmatched_id))).mappings().first()
    if row is None:
        raise UnmatchedNotFound(unmatched_id)
    return Unmatched(**row)


async def get_import(db: Database, channel_id: int, bound: Channels) -> ImportPass | None:
    """How the channel's import goes; None when there was none. Raises OutsideChannels, ChannelNotFound."""
    check_channel(bound, channel_id)
    await get_channel(db, channel_id)
    async with db.translated(), db.read.connect() as conn:
        return await get_import_in(conn, channel_id)


async def get_import_in(conn: AsyncConnection, channel_id: int) -> ImportPass | None:
    """The same within a transaction."""
    row = (await conn.execute(select(listing_import).where(listing_import.c.channel_id == channel_id))).first()
    if row is None:
        return None
    waiting = int((await conn.execute(_waiting(channel_id))).scalar_one())
    return ImportPass(
        channel_id=channel_id,
        started_at=row.started_at,
        finished_at=row.finished_at,
        found=row.found_count,
        known=row.known_count,
        matched=row.matched_count,
        unmatched=waiting,
        message=row.message,
    )


def _waiting(channel_id: int) -> Select[int]:
    here = (unmatched_listing.c.channel_id == channel_id) & unmatched_listing.c.dismissed.is_(False)
    return select(func.count()).select_from(unmatched_listing).where(here)
