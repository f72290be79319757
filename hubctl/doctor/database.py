"""What an administrator of the database sees: migrations, settings, long transactions, room."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import asyncpg

from chassis.hosts import Hosts
from chassis.readiness import known_revisions
from deploy.local.topology import SERVICES
from hubctl.doctor.finding import Check, Finding, judged, skipped, well

# What keeps an acknowledged write safe; without it a power cut loses or breaks data.
_SAFE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": None}
_LEAST_VERSION = 160000
_LONG_TRANSACTION_S = 60
_WRAPAROUND_WARN, _WRAPAROUND_FAIL = 1_000_000_000, 1_800_000_000
_CLOCK_WARN_S = 2.0

Look = Callable[[asyncpg.Connection], Awaitable[list[Finding]]]


class DatabaseChecks:
    """Checks through an administrator's connection; without an address none can be made."""

    def __init__(self, url: str) -> None:
        self._url = url

    def all(self) -> list[tuple[str, Check]]:
        """In the order in which one would look."""
        if not self._url:
            return [("database", _no_address)]
        looks = (_version, _clock, _migrations, _settings, _connections, _transactions, _wraparound, _indexes, _size)
        return [("database", lambda: asyncio.run(self._look(looks)))]

    async def _look(self, looks: tuple[Look, ...]) -> list[Finding]:
        connection = await Hosts(self._url).connect(timeout=10)
        try:
            return [finding for look in looks for finding in await look(connection)]
        finally:
            await connection.close()


def _no_address() -> Iterator[Finding]:
    yield skipped("database", "no address is known; set DATABASE_URL or --database to an administrator's")


async def _version(connection: asyncpg.Connection) -> list[Finding]:
    number = int(await connection.fetchval("SHOW server_version_num"))
    said = await connection.fetchval("SHOW server_version")
    return [judged("Postgres version", str(said), "The hub needs Postgres 16 or later.", fail=number < _LEAST_VERSION)]


async def _clock(connection: asyncpg.Connection) -> list[Finding]:
    began = time.time()
    told = float(await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8"))
    off = max(0.0, told - time.time(), began - told)
    todo = "Let the database's machine keep its time (NTP): holds end and tokens are judged by it."
    return [judged("clock of the database", f"differs by {off:.1f} s from this one", todo, warn=off > _CLOCK_WARN_S)]


async def _migrations(connection: asyncpg.Connection) -> list[Finding]:
    found = []
    for service in SERVICES:
        schema = service.name
        known = known_revisions(f"{service.module}.migrations")
        there = await connection.fetchval("SELECT to_regclass($1)", f"{schema}.alembic_version")
        present = await connection.fetchval(f'SELECT version_num FROM "{schema}".alembic_version') if there else None
        behind = present is None or (present in known and present != known[-1])
        seen = f"at {present or 'nothing'}, the code knows {known[-1]}"
        found.append(judged(f"migrations of {schema}", seen, "Run `make migrate`, or the migration job.", fail=behind))
    return found


async def _settings(connection: asyncpg.Connection) -> list[Finding]:
    rows = await connection.fetch("SELECT name, setting FROM pg_settings")
    settings = {row["name"]: row["setting"] for row in rows}
    unsafe = [
        name for name, wanted in _SAFE.items() if (wanted and settings[name] != wanted) or settings[name] == "off"
    ]
    seen = f"{', '.join(unsafe)} off" if unsafe else "every acknowledged write is on disk"
    found = [judged("Postgres durability", seen, "Switch it on: a power cut would lose sales.", fail=bool(unsafe))]
    archives = settings["archive_mode"] != "off"
    found.append(
        judged(
            "Postgres archiving",
            "the log is archived" if archives else "the log is not archived",
            "Without it the data can be restored to the last backup only, not to a moment; see docs/operations.md.",
            warn=not archives,
        )
    )
    found.append(judged("autovacuum", settings["autovacuum"], "Switch it on.", fail=settings["autovacuum"] != "on"))
    return found


async def _connections(connection: asyncpg.Connection) -> list[Finding]:
    used = int(await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"))
    most = int(await connection.fetchval("SHOW max_connections"))
    todo = "Raise max_connections, or lower HUB_POOL_SIZE; runbook HubPoolExhausted."
    seen = f"{used} of {most} in use"
    return [judged("connections", seen, todo, warn=used > most * 0.8, fail=used >= most - 3)]


async def _transactions(connection: asyncpg.Connection) -> list[Finding]:
    row = await connection.fetchrow(
        "SELECT pid, coalesce(usename, '') AS usename, extract(epoch FROM now() - xact_start)::float8 AS age"
        " FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() ORDER BY xact_start LIMIT 1"
    )
    prepared = int(await connection.fetchval("SELECT count(*) FROM pg_prepared_xacts"))
    age = float(row["age"]) if row else 0.0
    seen = f"the oldest that writes is open for {age:.0f} s" + (
        f" (process {row['pid']}, {row['usename']})" if row else ""
    )
    todo = "It holds back every change feed. End it with pg_terminate_backend; runbook HubFeedStuck."
    found = [
        judged("long transactions", seen, todo, warn=age > _LONG_TRANSACTION_S / 2, fail=age > _LONG_TRANSACTION_S)
    ]
    if prepared:
        found.append(judged("prepared transactions", f"{prepared}", "Commit them or roll them back.", fail=True))
    return found


async def _wraparound(connection: asyncpg.Connection) -> list[Finding]:
    age = int(await connection.fetchval("SELECT max(age(datfrozenxid)) FROM pg_database"))
    todo = "VACUUM (FREEZE) the tables with the oldest transactions before Postgres stops taking writes."
    seen = f"the oldest transaction id is {age:,} old"
    return [judged("transaction ids", seen, todo, warn=age > _WRAPAROUND_WARN, fail=age > _WRAPAROUND_FAIL)]


async def _indexes(connection: asyncpg.Connection) -> list[Finding]:
    names = [
        str(row[0])
        for row in await connection.fetch("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
    ]
    todo = "REINDEX INDEX CONCURRENTLY each: it was being built when something broke off."
    return [judged("indexes", ", ".join(names) or "all are valid", todo, warn=bool(names))]


async def _size(connection: asyncpg.Connection) -> list[Finding]:
    size: Any = await connection.fetchval("SELECT pg_size_pretty(pg_database_size(current_database()))")
    return [well("size of the database", str(size))]
