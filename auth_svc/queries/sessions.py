"""Sessions that have not ended, as people look at them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, DateTime, bindparam, func, select, tuple_

from auth_svc.storage.tables import sessions
from chassis.database import Database, Statement


@dataclass(frozen=True, slots=True)
class LiveSession:
    """One sign-in that still gets tokens."""

    id: str
    address: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SessionPage:
    """One page, whether more follow, and how many there are over all pages."""

    items: list[LiveSession]
    is_last: bool
    total: int


_s = sessions.c
_LIVE = (
    (_s.user_id == bindparam("user_id", type_=BigInteger))
    & _s.ended_at.is_(None)
    & (_s.expires_at > bindparam("at", type_=DateTime(timezone=True)))
)
_BEFORE = bindparam("before_time", type_=DateTime(timezone=True))
_PAGE = Statement(
    select(_s.id, _s.address, _s.created_at, _s.last_used_at, _s.expires_at)
    .where(
        _LIVE,
        _BEFORE.is_(None) | (tuple_(_s.created_at, _s.id) < tuple_(_BEFORE, bindparam("before_id", type_=_s.id.type))),
    )
    .order_by(_s.created_at.desc(), _s.id.desc())
    .limit(bindparam("most"))
)
_COUNT = Statement(select(func.count()).select_from(sessions).where(_LIVE))

Position = tuple[str, str]


async def list_sessions(db: Database, user_id: int, at: datetime, before: Position | None, most: int) -> SessionPage:
    """At most `most` sessions behind `before`, newest first; none for an unknown user."""
    time, session_id = before or (None, None)
    rows = await db.fetch(
        _PAGE,
        user_id=user_id,
        at=at,
        before_time=datetime.fromisoformat(time) if time else None,
        before_id=session_id,
        most=most + 1,
    )
    total = await db.fetchval(_COUNT, user_id=user_id, at=at)
    items = [LiveSession(str(row["id"]), *list(row.values())[1:]) for row in rows[:most]]
    return SessionPage(items, len(rows) <= most, int(total))


def position_of(session: LiveSession) -> Position:
    """Where the page behind this session starts."""
    return session.created_at.isoformat(), session.id
