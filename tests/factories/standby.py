"""A real standby of a test's Postgres: copied with pg_basebackup, following its primary, promoted when asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from deploy.local.postgres import EmbeddedPostgres, PostgresPlace, program


@asynccontextmanager
async def standby_of(primary: EmbeddedPostgres, folder: Path, port: int) -> AsyncIterator[EmbeddedPostgres]:
    """Runs it until the block ends."""
    place = PostgresPlace(folder / "standby", folder / "standby.log", port, primary.place.password)
    await _copy(primary.place.url("postgres"), place.data)
    server = EmbeddedPostgres(place, {"fsync": "off"})
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def caught_up(standby: EmbeddedPostgres, primary: EmbeddedPostgres) -> None:
    """Waits until the standby shows all that the primary has committed by now."""
    written = await _value(primary, "SELECT pg_current_wal_lsn()::text")
    for _ in range(200):
        if await _value(standby, f"SELECT pg_last_wal_replay_lsn() >= '{written}'"):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the standby does not follow")


async def promote(standby: EmbeddedPostgres) -> None:
    """Makes it take writes, as a manager does once the primary is gone."""
    assert await _value(standby, "SELECT pg_promote()")


async def _value(server: EmbeddedPostgres, query: str) -> Any:
    connection = await asyncpg.connect(server.place.url("postgres"))
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def _copy(url: str, data: Path) -> None:
    arguments = ("-d", url, "-D", str(data), "--checkpoint=fast", "--write-recovery-conf", "--no-sync")
    copying = await asyncio.create_subprocess_exec(str(program("pg_basebackup")), *arguments)
    assert await copying.wait() == 0
