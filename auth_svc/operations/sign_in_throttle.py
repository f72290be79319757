"""Slows guessing down: looks whether a sign-in has to wait, and counts the failed ones."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.errors import SignInThrottled
from auth_svc.domain.throttle import ThrottleKeys
from auth_svc.domain.user import User
from auth_svc.storage.repositories import sessions, throttles


async def check_not_throttled(
    conn: AsyncConnection, keys: ThrottleKeys, user: User | None, address: str, at: datetime
) -> None:
    """Raises SignInThrottled with the time to wait."""
    ends = await throttles.blocked_until(conn, [keys.account_at_address, keys.address])
    if _waits(ends.get(keys.address), at) and user is not None and await sessions.is_known_at(conn, user.id, address):
        del ends[keys.address]
    until = max(ends.values(), default=None)
    if until is not None and until > at:
        raise SignInThrottled((until - at).total_seconds())


def _waits(until: datetime | None, at: datetime) -> bool:
    return until is not None and until > at


async def count_failure(conn: AsyncConnection, keys: ThrottleKeys, at: datetime) -> None:
    """Counts a failed sign-in under both counters and sets the waits that follow."""
    for key, rule in keys.rules():
        failures = await throttles.count_failure(conn, key, at, at - rule.memory)
        delay = rule.delay(failures)
        if delay:
            await throttles.block(conn, key, at + delay)


async def count_success(conn: AsyncConnection, keys: ThrottleKeys) -> None:
    """Forgets the failures of the account at this address, and half of those of the address."""
    await throttles.halve(conn, keys.address)
    await throttles.clear(conn, keys.account_at_address)
