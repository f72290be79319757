"""The audit trail as admins look at it, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Row, func, select

from auth_svc.domain.event import Event, EventKind
from auth_svc.storage.tables import events
from chassis.database import Database


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events; what is empty lets every value through."""

    kinds: tuple[str, ...] = ()
    subject_id: str = ""
    actor_id: str = ""
    address: str = ""
    from_time: datetime | None = None
    to_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventPage:
    """One page of events with their ids, whether more follow, and how many there are over all pages."""

    items: list[tuple[int, Event]]
    is_last: bool
    total: int


_e = events.c


async def list_events(db: Database, wanted: EventFilter, before_id: int | None, most: int) -> EventPage:
    """At most `most` events older than `before_id`."""
    # Built for each call: with only the conditions that are asked for, the right index is found.
    conditions = list(_conditions(wanted))
    behind = [] if before_id is None else [_e.id < before_id]
    page = select(events).where(*conditions, *behind).order_by(_e.id.desc()).limit(most + 1)
    count = select(func.count()).select_from(events).where(*conditions)
    async with db.translated(), db.read.connect() as conn:
        rows = (await conn.execute(page)).all()
        total = int((await conn.execute(count)).scalar_one())
    return EventPage([_event_of(row) for row in rows[:most]], len(rows) <= most, total)


def _conditions(wanted: EventFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.kinds:
        yield _e.kind.in_(wanted.kinds)
    for column, value in (
        (_e.subject_id, wanted.subject_id),
        (_e.actor_id, wanted.actor_id),
        (_e.address, wanted.address),
    ):
        if value:
            yield column == value
    if wanted.from_time is not None:
        yield _e.happened_at >= wanted.from_time
    if wanted.to_time is not None:
        yield _e.happened_at < wanted.to_time


def _event_of(row: Row[tuple[object, ...]]) -> tuple[int, Event]:
    values = dict(row._mapping)
    event_id = values.pop("id")
    return event_id, Event(**{**values, "kind": EventKind(values["kind"])})
