"""Ends sessions, writes it down, and tells every service in the same transaction. Whoever calls these wakes the feed after
the commit (`Runtime.wake`).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.errors import SessionNotFound, UserNotFound
from auth_svc.domain.event import EventKind
from auth_svc.domain.user import User
from auth_svc.operations.audit import record
from auth_svc.storage.repositories import announcements, sessions, users

_IDS_WRITTEN_DOWN = 20


async def end_session(conn: AsyncConnection, user_id: int, session_id: str, at: datetime) -> None:
    """Ends one session of a user. Raises SessionNotFound when it is not the user's or has ended."""
    user = await users.get(conn, user_id)
    if user is None or not await sessions.end(conn, user_id, session_id, EventKind.SESSION_ENDED.value, at):
        raise SessionNotFound(session_id)
    await _tell(conn, user, [session_id], EventKind.SESSION_ENDED, at)


async def end_all_sessions(conn: AsyncConnection, user_id: int, at: datetime) -> None:
    """Ends all sessions of a user. Raises UserNotFound. Safe to repeat."""
    user = await users.lock(conn, user_id)
    if user is None:
        raise UserNotFound(user_id)
    await end_sessions_of(conn, user, EventKind.SESSION_ENDED, at)


async def end_sessions_of(
    conn: AsyncConnection, user: User, reason: EventKind, at: datetime, kept_id: str | None = None
) -> None:
    """Ends all sessions of a locked user but `kept_id`, because of `reason`."""
    ended = await sessions.end_of_user(conn, user.id, reason.value, at, kept_id)
    if ended:
        await _tell(conn, user, ended, reason, at)


async def end_stolen_session(conn: AsyncConnection, user_id: int, username: str, session_id: str, at: datetime) -> None:
    """Ends a session whose refresh token was used twice; the theft is the event."""
    await sessions.end(conn, user_id, session_id, EventKind.REFRESH_TOKEN_REUSED.value, at)
    await announcements.sessions_ended(conn, [session_id], at)
    await record(
        conn,
        EventKind.REFRESH_TOKEN_REUSED,
        at,
        subject_id=str(user_id),
        subject_name=username,
        after={"session_id": session_id},
    )


async def _tell(conn: AsyncConnection, user: User, ended: list[str], reason: EventKind, at: datetime) -> None:
    await announcements.sessions_ended(conn, ended, at)
    after = {"count": len(ended), "session_ids": ended[:_IDS_WRITTEN_DOWN], "reason": reason.value}
    await record(conn, EventKind.SESSION_ENDED, at, subject_id=str(user.id), subject_name=user.username, after=after)
