"""Slows guessing down: looks whether a sign-in has to wait, and counts the failed ones."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.errors import SignInThrottled
from auth_svc.domain.throttle import ALARM, HELD_FAILURES, ThrottleKeys, adds_to_alarm
from auth_svc.domain.user import User
from auth_svc.storage.repositories import sessions, throttles


async def check_not_throttled(
    conn: AsyncConnection, keys: ThrottleKeys, user: User | None, address: str, at: datetime
) -> None:
    """Raises SignInThrottled with the time to wait."""
    counters = await throttles.find(conn, [keys.account_at_address, keys.address, keys.account])
    ends = [counters[key].blocked_until for key in (keys.account_at_address,) if key in counters]
    address_ends = counters[keys.address].blocked_until if keys.address in counters else at
    held = keys.rings(counters, at)
    if (address_ends > at or held) and not await _is_known(conn, user, address):
        ends.append(address_ends)
        if held:
            ends.append(at + held)
            await throttles.hold(conn, keys.account_at_address, HELD_FAILURES, at, at + held)
    until = max(ends, default=at)
    if until > at:
        raise SignInThrottled((until - at).total_seconds())


async def _is_known(conn: AsyncConnection, user: User | None, address: str) -> bool:
    return user is not None and await sessions.is_known_at(conn, user.id, address)


async def count_failure(conn: AsyncConnection, keys: ThrottleKeys, at: datetime) -> None:
    """Counts a failed sign-in under all counters and sets the waits that follow."""
    failures = 0
    for key, rule in keys.rules():
        failures = await throttles.count_failure(conn, key, at, at - rule.memory)
        delay = rule.delay(failures)
        if delay:
            await throttles.block(conn, key, at + delay)
    if adds_to_alarm(failures):
        await throttles.count_failure(conn, keys.account, at, at - ALARM.memory)


async def count_success(conn: AsyncConnection, keys: ThrottleKeys) -> None:
    """Forgets the failures of the account at this address, and half of those of the address."""
    await throttles.halve(conn, keys.address)
    await throttles.clear(conn, keys.account_at_address)
