"""Deletes what nobody needs any more: old sessions, counters at rest, secrets that ended, stored answers, told changes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.operations.runtime import Runtime
from auth_svc.storage.repositories import service_accounts, sessions, throttles
from chassis.feed import Feed
from chassis.idempotency import Idempotency

_EVERY_SECONDS = 3600.0
# Ended sessions are kept so that the reuse of a stolen token is still recognized and written down.
_SESSIONS_KEPT = timedelta(days=30)
_COUNTERS_KEPT = timedelta(hours=24)
_SECRETS_KEPT = timedelta(hours=24)


async def tidy(runtime: Runtime, once: Idempotency, feed: Feed) -> None:
    """Deletes once. Safe to repeat and to run on replicas at once."""
    at = runtime.clock()

    async def work(conn: AsyncConnection) -> None:
        await sessions.remove_old(conn, at - _SESSIONS_KEPT)
        await throttles.remove_old(conn, at - _COUNTERS_KEPT)
        await service_accounts.remove_old_secrets(conn, at - _SECRETS_KEPT)

    await runtime.db.run(work)
    await once.trim()
    await feed.trim()


async def keep_tidy(runtime: Runtime, once: Idempotency, feed: Feed) -> None:
    """Deletes every hour, for as long as the service runs."""
    while True:
        await tidy(runtime, once, feed)
        await asyncio.sleep(_EVERY_SECONDS)
