"""The audit trail of channels as admins look at it, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, select

from chassis.database import Database
from sync_svc.domain.channel_event import ChannelEvent, ChannelEventKind
from sync_svc.queries.pages import Page, count, cut
from sync_svc.storage.tables import channel_event

_e = channel_event.c


@dataclass(frozen=True, slots=True)
class ChannelEventFilter:
    """Which events; what is empty lets every value through."""

    channel_id: int = 0
    kinds: tuple[str, ...] = ()
    actor_id: str = ""
    from_time: datetime | None = None
    to_time: datetime | None = None


async def list_channel_events(
    db: Database, wanted: ChannelEventFilter, *, before_id: int | None, most: int
) -> Page[tuple[int, ChannelEvent]]:
    """One page of events with their ids."""
    conditions = list(_conditions(wanted))
    behind = [] if before_id is None else [_e.id < before_id]
    found = select(channel_event).where(*conditions, *behind).order_by(_e.id.desc()).limit(most + 1)
    async with db.translated(), db.read.connect() as conn:
        items = [_event_of(row) for row in (await conn.execute(found)).mappings()]
        total = await count(conn, select(_e.id).where(*conditions))
    return cut(items, most, total)


def _conditions(wanted: ChannelEventFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.channel_id:
        yield _e.channel_id == wanted.channel_id
    if wanted.kinds:
        yield _e.kind.in_(wanted.kinds)
    if wanted.actor_id:
        yield _e.actor_id == wanted.actor_id
    if wanted.from_time is not None:
        yield _e.happened_at >= wanted.from_time
    if wanted.to_time is not None:
        yield _e.happened_at < wanted.to_time


def _event_of(row: RowMapping) -> tuple[int, ChannelEvent]:
    values = dict(row)
    event_id = int(values.pop("id"))
    return event_id, ChannelEvent(**{**values, "kind": ChannelEventKind(values["kind"])})
