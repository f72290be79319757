"""Channels, their runs, and how they stand."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text

from chassis.database import Database
from sync_svc.domain.channel import Channel
from sync_svc.domain.scope import Channels, check_channel
from sync_svc.queries.pages import Page, count, cut
from sync_svc.storage import channels as stored
from sync_svc.storage.tables import channel, channel_run

# Reads only what is not synced, through a partial index; listings in all are counted apart.
_STANDINGS = text("""
SELECT c.id, c.last_order_at, c.last_poll_at, coalesce(l.pending, 0) AS pending, coalesce(l.dirty, 0) AS dirty,
  coalesce(l.failed, 0) AS failed, l.oldest_pending_at,
  (SELECT count(*) FROM sync.channel_order o WHERE o.channel_id = c.id AND o.status = 'NEEDS_ATTENTION') AS attention,
  (SELECT count(*) FROM sync.shipment s WHERE s.channel_id = c.id AND s.status = 'REFUSED') AS refused_shipments
FROM sync.channel c LEFT JOIN (
  SELECT channel_id, count(*) FILTER (WHERE status = 'PENDING') AS pending,
    count(*) FILTER (WHERE status = 'DIRTY') AS dirty, count(*) FILTER (WHERE status = 'ERROR') AS failed,
    min(coalesce(last_synced_at, created_at)) FILTER (WHERE status IN ('PENDING', 'DIRTY')) AS oldest_pending_at
  FROM sync.listing WHERE status <> 'SYNCED' AND deleted_at IS NULL GROUP BY channel_id) l ON l.channel_id = c.id
ORDER BY c.id
""")
_TOTALS = text("SELECT channel_id, count(*) AS listings FROM sync.listing WHERE deleted_at IS NULL GROUP BY channel_id")
_TOTALS_SHARE = 100


class ListingTotals:
    """How many listings each channel has: counted again only after a hundred times as long as the last count took."""

    def __init__(self, db: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._clock = clock
        self._totals: Mapping[int, int] = {}
        self._good_until = -math.inf

    async def get(self) -> Mapping[int, int]:
        """Per channel; a channel without listings is absent."""
        started = self._clock()
        if started < self._good_until:
            return self._totals
        async with self._db.translated(), self._db.read.connect() as conn:
            self._totals = {row.channel_id: row.listings for row in await conn.execute(_TOTALS)}
        ended = self._clock()
        self._good_until = ended + _TOTALS_SHARE * (ended - started)
        return self._totals


@dataclass(frozen=True, slots=True)
class Run:
    """One exchange with a platform."""

    id: int
    channel_id: int
    kind: str
    started_at: datetime
    duration_ms: int
    item_count: int
    failed_count: int
    message: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How one channel's listings and orders stand."""

    channel: Channel
    listings: int
    pending: int
    dirty: int
    failed: int
    attention: int
    refused_shipments: int
    oldest_pending_at: datetime | None
    last_order_at: datetime | None
    last_poll_at: datetime | None


async def get_channel(db: Database, channel_id: int, bound: Channels) -> Channel:
    """One channel. Raises ChannelNotFound, OutsideChannels."""
    check_channel(bound, channel_id)
    return await stored.get_channel(db, channel_id)


async def list_channels(
    db: Database, inside: Channels, *, platform: str, state: str, after_id: int, most: int
) -> Page[Channel]:
    """One page, by id."""
    given = {channel.c.platform: platform, channel.c.state: state}
    conditions: list[Any] = [column == value for column, value in given.items() if value]
    if inside is not None:
        conditions.append(channel.c.id.in_(sorted(inside)))
    paged = select(channel).where(*conditions, channel.c.id > after_id).order_by(channel.c.id).limit(most + 1)
    async with db.translated(), db.read.connect() as conn:
        items = [stored.as_channel(row) for row in await conn.execute(paged)]
        total = await count(conn, select(channel.c.id).where(*conditions))
    return cut(items, most, total)


async def list_runs(
    db: Database, channel_id: int, bound: Channels, *, kind: str, before_id: int | None, most: int
) -> Page[Run]:
    """One page, newest first. Raises ChannelNotFound, OutsideChannels."""
    check_channel(bound, channel_id)
    conditions: list[Any] = [channel_run.c.channel_id == channel_id]
    if kind:
        conditions.append(channel_run.c.kind == kind)
    found = select(channel_run).where(*conditions)
    paged = found if before_id is None else found.where(channel_run.c.id < before_id)
    await stored.get_channel(db, channel_id)
    async with db.translated(), db.read.connect() as conn:
        rows = (await conn.execute(paged.order_by(channel_run.c.id.desc()).limit(most + 1))).mappings()
        items = [Run(**row) for row in rows]
        total = await count(conn, select(channel_run.c.id).where(*conditions))
    return cut(items, most, total)


async def standings(db: Database, totals: ListingTotals, inside: Channels) -> list[Standing]:
    """How every channel stands, by id."""
    listings = await totals.get()
    channels = {one.id: one for one in await stored.list_channels(db)}
    async with db.translated(), db.read.connect() as conn:
        rows = (await conn.execute(_STANDINGS)).mappings().all()
    return [
        Standing(
            channel=channels[row["id"]],
            listings=listings.get(row["id"], 0),
            **{name: value for name, value in row.items() if name != "id"},
        )
        for row in rows
        if row["id"] in channels and (inside is None or row["id"] in inside)
    ]
