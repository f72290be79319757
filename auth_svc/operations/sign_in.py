"""The password grant: a user signs in and a session starts."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.errors import CredentialsWrong
from auth_svc.domain.event import EventKind
from auth_svc.domain.throttle import ThrottleKeys, network_of, throttle_keys
from auth_svc.domain.user import User
from auth_svc.operations.audit import record
from auth_svc.operations.runtime import Runtime
from auth_svc.operations.sign_in_throttle import check_not_throttled, count_failure, count_success
from auth_svc.operations.token_mint import Holder, IssuedTokens, hash_token
from auth_svc.storage.repositories import sessions, users

# The second time finds the user as another sign-in at the same moment has left it.
_ATTEMPTS = 2


async def sign_in(runtime: Runtime, username: str, password: str, address: str) -> IssuedTokens:
    """Checks the password and starts a session. Each call starts another one.

    Raises CredentialsWrong, whichever of name, password and state is at fault and in the same time; SignInThrottled.
    """
    keys = throttle_keys(username, address)
    for _ in range(_ATTEMPTS):
        user = await check_password(runtime, keys, username, password, address)
        tokens = await _sign_in_checked(runtime, keys, user, address)
        if tokens is not None:
            await _renew_hash(runtime, user, password, address)
            return tokens
    raise CredentialsWrong


async def _sign_in_checked(runtime: Runtime, keys: ThrottleKeys, user: User, address: str) -> IssuedTokens | None:
    """None when the user has changed since the check: deactivated, or given another hash by a sign-in at the same time."""
    refresh_token = runtime.mint.new_refresh_token()
    at = runtime.clock()
    session_id = str(uuid.uuid4())

    async def work(conn: AsyncConnection) -> User | None:
        present = await users.mark_signed_in(conn, user, at)
        if present is not None:
            await count_success(conn, keys)
            await _start_session(conn, runtime, present, session_id, refresh_token, address, at)
        return present

    present = await runtime.db.run(work)
    if present is None:
        return None
    holder = Holder(str(present.id), present.username, present.role, session_id, present.scope)
    return runtime.mint.issue(holder, at, refresh_token)


async def _renew_hash(runtime: Runtime, user: User, password: str, address: str) -> None:
    """Stores the password as the hub hashes today; now is the only time that it is known."""
    if not runtime.hasher.is_outdated(user.password_hash):
        return
    renewed = await runtime.hasher.hash(password, address)
    at = runtime.clock()

    async def work(conn: AsyncConnection) -> None:
        if await users.renew_hash(conn, user, renewed):
            await record(
                conn,
                EventKind.PASSWORD_REHASHED,
                at,
                subject_id=str(user.id),
                subject_name=user.username,
                address=address,
            )

    await runtime.db.run(work)


async def check_password(runtime: Runtime, keys: ThrottleKeys, username: str, password: str, address: str) -> User:
    """The active user with this name and password. Raises CredentialsWrong and counts it; raises SignInThrottled."""
    # The throttle is looked at before the turn, so that guesses do not fill the queue, and within it, so that those that
    # wait together do not all slip past.
    await _unthrottled(runtime, keys, username, address)
    async with runtime.hasher.turn(network_of(address)):
        user = await _unthrottled(runtime, keys, username, address)
        matches = await runtime.hasher.matches(user.password_hash if user else None, password)
        if user is None or not matches or not user.is_active:
            await _note_failure(runtime, keys, user, address)
            raise CredentialsWrong
        return user


async def _unthrottled(runtime: Runtime, keys: ThrottleKeys, username: str, address: str) -> User | None:
    """The user of that name, if there is one. Raises SignInThrottled."""
    async with runtime.db.translated(), runtime.db.read.connect() as conn:
        user = await users.find_by_username(conn, username)
        await check_not_throttled(conn, keys, user, address, runtime.clock())
        return user


async def _note_failure(runtime: Runtime, keys: ThrottleKeys, user: User | None, address: str) -> None:
    at = runtime.clock()
    # An unknown name is not written down: it may be a password typed into the wrong field.
    subject = (str(user.id), user.username) if user else ("", "")

    async def work(conn: AsyncConnection) -> None:
        await count_failure(conn, keys, at)
        await record(
            conn, EventKind.SIGN_IN_FAILED, at, subject_id=subject[0], subject_name=subject[1], address=address
        )

    await runtime.db.run(work)


async def _start_session(
    conn: AsyncConnection,
    runtime: Runtime,
    user: User,
    session_id: str,
    refresh_token: str,
    address: str,
    at: datetime,
) -> None:
    lifetimes = runtime.mint.lifetimes
    ends_at = at + lifetimes.session
    await sessions.start(conn, session_id, user.id, address, at, ends_at)
    await sessions.add_token(conn, hash_token(refresh_token), session_id, at, min(at + lifetimes.refresh, ends_at))
    await record(
        conn,
        EventKind.SIGNED_IN,
        at,
        subject_id=str(user.id),
        subject_name=user.username,
        address=address,
        after={"session_id": session_id},
    )
