"""Sessions and their refresh tokens as rows. Whoever changes a line of tokens holds the lock of its session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import any_, bindparam, delete, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.session import RefreshToken, Session
from auth_svc.domain.user import Role, Scope
from auth_svc.storage.tables import refresh_tokens, sessions, users

_INSERT_SESSION = insert(sessions)
_INSERT_TOKEN = insert(refresh_tokens)
_LOCK_BY_TOKEN = (
    select(
        sessions.c.id,
        sessions.c.user_id,
        users.c.username,
        users.c.role,
        users.c.warehouses,
        users.c.channel_ids,
        users.c.is_active.label("user_is_active"),
        sessions.c.expires_at,
        sessions.c.ended_at,
    )
    .join(users, users.c.id == sessions.c.user_id)
    .where(
        sessions.c.id
        == select(refresh_tokens.c.session_id)
        .where(refresh_tokens.c.token_hash == bindparam("token_hash"))
        .scalar_subquery()
    )
    .with_for_update(of=sessions)
)
_TOKENS = select(refresh_tokens.c.token_hash, refresh_tokens.c.expires_at, refresh_tokens.c.used_at).where(
    refresh_tokens.c.token_hash == any_(bindparam("token_hashes", type_=ARRAY(BYTEA)))
)
_USE_TOKEN = (
    update(refresh_tokens).where(refresh_tokens.c.token_hash == bindparam("used_hash")).values(used_at=bindparam("at"))
)
_TOUCH = update(sessions).where(sessions.c.id == bindparam("session_id")).values(last_used_at=bindparam("at"))
_END = (
    update(sessions)
    .where(
        sessions.c.id == bindparam("session_id"),
        sessions.c.user_id == bindparam("the_user_id"),
        sessions.c.ended_at.is_(None),
    )
    .values(ended_at=bindparam("at"), end_reason=bindparam("reason"))
)
_END_OF_USER = (
    update(sessions)
    .where(
        sessions.c.user_id == bindparam("the_user_id"),
        sessions.c.ended_at.is_(None),
        sessions.c.id.is_distinct_from(bindparam("kept_id", type_=sessions.c.id.type)),
    )
    .values(ended_at=bindparam("at"), end_reason=bindparam("reason"))
    .returning(sessions.c.id, sessions.c.last_used_at)
)
_KNOWN = (
    select(sessions.c.id)
    .where(sessions.c.user_id == bindparam("the_user_id"), sessions.c.address == bindparam("the_address"))
    .limit(1)
)
_REMOVE_OLD = delete(sessions).where(
    (sessions.c.expires_at < bindparam("before")) | (sessions.c.ended_at < bindparam("before"))
)


async def start(
    conn: AsyncConnection, session_id: str, user_id: int, address: str, at: datetime, expires_at: datetime
) -> None:
    """Inserts a session."""
    values = {"id": session_id, "user_id": user_id, "address": address, "created_at": at, "last_used_at": at}
    await conn.execute(_INSERT_SESSION, {**values, "expires_at": expires_at})


async def is_known_at(conn: AsyncConnection, user_id: int, address: str) -> bool:
    """Whether the user has signed in from that address before, as far as sessions are kept."""
    values = {"the_user_id": user_id, "the_address": address}
    return (await conn.execute(_KNOWN, values)).first() is not None


async def add_token(
    conn: AsyncConnection, token_hash: bytes, session_id: str, at: datetime, expires_at: datetime
) -> None:
    """Inserts a refresh token of a session."""
    values = {"token_hash": token_hash, "session_id": session_id, "issued_at": at, "expires_at": expires_at}
    await conn.execute(_INSERT_TOKEN, values)


async def lock_by_token(conn: AsyncConnection, token_hash: bytes) -> Session | None:
    """The session a refresh token belongs to, locked until the transaction ends."""
    row = (await conn.execute(_LOCK_BY_TOKEN, {"token_hash": token_hash})).first()
    if row is None:
        return None
    values = dict(row._mapping)
    scope = Scope(tuple(values.pop("warehouses")), tuple(values.pop("channel_ids")))
    return Session(**{**values, "role": Role(row.role), "scope": scope})


async def find_tokens(conn: AsyncConnection, token_hashes: Sequence[bytes]) -> dict[bytes, RefreshToken]:
    """The tokens that are there, by hash. Read after the session is locked, so that they are as they are now."""
    rows = await conn.execute(_TOKENS, {"token_hashes": list(token_hashes)})
    return {bytes(row.token_hash): RefreshToken(row.expires_at, row.used_at) for row in rows}


async def use_token(conn: AsyncConnection, token_hash: bytes, session_id: str, at: datetime) -> None:
    """Marks a token as exchanged, and the session as used."""
    await conn.execute(_USE_TOKEN, {"used_hash": token_hash, "at": at})
    await conn.execute(_TOUCH, {"session_id": session_id, "at": at})


async def end(conn: AsyncConnection, user_id: int, session_id: str, reason: str, at: datetime) -> bool:
    """Ends a session of a user; False when there is none that has not ended."""
    done = await conn.execute(_END, {"session_id": session_id, "the_user_id": user_id, "reason": reason, "at": at})
    return done.rowcount > 0


async def end_of_user(
    conn: AsyncConnection, user_id: int, reason: str, at: datetime, kept_id: str | None = None
) -> list[str]:
    """Ends all sessions of a user but `kept_id`; their ids, those used last first."""
    values = {"the_user_id": user_id, "reason": reason, "at": at, "kept_id": kept_id}
    ended = (await conn.execute(_END_OF_USER, values)).all()
    return [row.id for row in sorted(ended, key=lambda row: row.last_used_at, reverse=True)]


async def remove_old(conn: AsyncConnection, before: datetime) -> int:
    """Deletes sessions, and by cascade their tokens, that ended or expired before that time; how many."""
    return (await conn.execute(_REMOVE_OLD, {"before": before})).rowcount
