"""Reads on a standby, for questions that take long: answered there when it has all the primary has at this moment, else here.

So the promise that an answer of success is seen by the next read holds for them as well, and nobody notices a standby that lags
or is gone.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import asyncpg
from sqlalchemy import text

from chassis.connections import Connections
from chassis.database import Database, HotTransaction, Statement
from chassis.metrics import counter

log = logging.getLogger(__name__)

READS = counter("hub_replica_reads_total", "Reads that a standby may answer, by who did: replica or primary.", ["by"])

_POOL_SIZE = 4
_CONNECT_SECONDS = 1.0
_ASK_AGAIN_SECONDS = 10.0
# A standby is usually some milliseconds behind; for a question that takes long it is worth waiting for them.
_TRIES, _PAUSE_SECONDS = 5, 0.02

_WRITTEN = Statement(text("SELECT pg_current_wal_flush_lsn()::text AS position"))
# A standby that was promoted goes a way of its own, so it does not answer either.
_HAS_ALL = "SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= $1::text::pg_lsn"
_NOT_THERE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class Replica:
    """A standby of a service's database. `fetch` may be given whatever `Database.fetch` may, as long as it only reads."""

    def __init__(self, primary: Database, url: str) -> None:
        self._primary = primary
        connections = Connections(url, application=f"hub_{primary.schema}_reads", mode=primary.connections.mode)
        self._keeps_statements = connections.keeps_statements
        self._pool = connections.hot_pool(_POOL_SIZE, timeout=_CONNECT_SECONDS)
        self._not_before = 0.0

    async def fetch(self, statement: Statement, **parameters: Any) -> list[asyncpg.Record]:
        """All rows of a compiled statement, as fresh as on the primary. Raises HubError."""
        rows = await self._ask(statement, parameters)
        if rows is not None:
            READS.labels("replica").inc()
            return rows
        READS.labels("primary").inc()
        return await self._primary.fetch(statement, **parameters)

    async def close(self) -> None:
        """Closes its connections."""
        self._pool.terminate()

    async def _ask(self, statement: Statement, parameters: dict[str, Any]) -> list[asyncpg.Record] | None:
        """The standby's answer; None when it cannot give one that is fresh."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._not_before:
            return None
        written = await self._primary.fetchval(_WRITTEN)
        try:
            await self._pool  # Makes it ready, the first time.
            # One transaction, so that behind a pooler it is one standby that is asked for both.
            async with self._pool.acquire(timeout=_CONNECT_SECONDS) as connection, connection.transaction():
                if not await self._has_all(connection, written):
                    return None
                return list(await HotTransaction(connection, self._keeps_statements).rows(statement, **parameters))
        except _NOT_THERE as error:
            # What is wrong with the question itself the primary says in the proper words.
            log.info("the standby does not answer just now: %s", type(error).__name__)
            if not isinstance(error, asyncpg.PostgresError):
                self._not_before = loop.time() + _ASK_AGAIN_SECONDS
            return None

    async def _has_all(self, connection: Any, written: str) -> bool:
        for _ in range(_TRIES):
            if await connection.fetchval(_HAS_ALL, written):
                return True
            await asyncio.sleep(_PAUSE_SECONDS)
        return False
