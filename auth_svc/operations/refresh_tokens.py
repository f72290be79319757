"""The refresh_token grant, and the end of a session by its token."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.errors import RefreshTokenInvalid
from auth_svc.domain.session import RefreshVerdict, Session, judge_refresh
from auth_svc.operations.end_sessions import end_session, end_stolen_session
from auth_svc.operations.runtime import Runtime
from auth_svc.operations.token_mint import Holder, IssuedTokens, hash_token
from auth_svc.storage.repositories import sessions


async def refresh_tokens(runtime: Runtime, refresh_token: str) -> IssuedTokens:
    """Exchanges a refresh token for its successor and a new access token.

    A repeat within ten seconds gets the same successor; a later one ends the session. Raises RefreshTokenInvalid.
    """
    at = runtime.clock()
    successor = runtime.mint.successor(refresh_token)
    session = await runtime.db.run(lambda conn: _exchange(conn, runtime, refresh_token, successor, at))
    if session is None:
        runtime.wake()
        raise RefreshTokenInvalid
    holder = Holder(str(session.user_id), session.username, session.role, session.id, session.scope)
    return runtime.mint.issue(holder, at, successor)


async def _exchange(
    conn: AsyncConnection, runtime: Runtime, refresh_token: str, successor: str, at: datetime
) -> Session | None:
    """The session when the exchange holds; None when it is refused, with a stolen session ended."""
    shown, next_ = hash_token(refresh_token), hash_token(successor)
    session = await sessions.lock_by_token(conn, shown)
    if session is None:
        return None
    tokens = await sessions.find_tokens(conn, [shown, next_])
    verdict = judge_refresh(session, tokens[shown], tokens.get(next_), at) if shown in tokens else RefreshVerdict.REFUSE
    if verdict is RefreshVerdict.ROTATE:
        await sessions.use_token(conn, shown, session.id, at)
        expires_at = min(at + runtime.mint.lifetimes.refresh, session.expires_at)
        await sessions.add_token(conn, next_, session.id, at, expires_at)
    elif verdict is RefreshVerdict.STOLEN:
        await end_stolen_session(conn, session.user_id, session.username, session.id, at)
    return session if verdict in (RefreshVerdict.ROTATE, RefreshVerdict.REPEAT) else None


async def revoke_token(runtime: Runtime, token: str) -> None:
    """Ends the session of a refresh token; nothing when there is none (RFC 7009). Safe to repeat."""
    at = runtime.clock()

    async def work(conn: AsyncConnection) -> None:
        session = await sessions.lock_by_token(conn, hash_token(token))
        if session is not None and session.ended_at is None:
            await end_session(conn, session.user_id, session.id, at)

    await runtime.db.run(work)
    runtime.wake()
