"""The database a restore replaces, worked on from beside it: closed, filled under another name, and exchanged by renaming.

Until the exchange the hub's own database is only closed, never changed; a restore that is broken off leaves it as it was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import asyncpg

from chassis.hosts import plain_url
from deploy.backup.errors import BackupError, BackupRefused
from deploy.backup.snapshot import connect
from deploy.local.migrate import SCHEMAS, database_of

_LOCK = 0x72657374  # "rest": one restore at a time on a cluster
_OLDEST_SERVER = 160000
_CLOSED, _OPEN = 0, -1
_END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"
# What tells an operator which hub he is about to replace.
_CONTENTS = (
    ("users", "auth.users"),
    ("families", "catalog.family"),
    ("units", "inventory.item"),
    ("listings", "sync.listing"),
)


@dataclass(frozen=True)
class Target:
    """One database of a cluster. `connection` is to another database of it, as a database in use cannot be renamed."""

    url: str = field(repr=False)
    connection: asyncpg.Connection

    @property
    def name(self) -> str:
        """The database that is replaced."""
        return database_of(self.url)

    @property
    def draft(self) -> str:
        """Where the backup is restored to first."""
        return f"{self.name}_restoring"

    @property
    def former(self) -> str:
        """What the replaced database is called afterwards."""
        return f"{self.name}_before_restore"

    def url_of(self, database: str) -> str:
        """The administrator's address of another database of the cluster."""
        return urlsplit(plain_url(self.url))._replace(path=f"/{database}").geturl()

    async def exists(self, database: str) -> bool:
        """Whether the cluster has it."""
        return bool(await self.connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database))

    async def contents(self) -> str:
        """What the hub in it holds, in words; empty when there is no hub in it."""
        if not await self.exists(self.name):
            return ""
        if await self.is_closed():
            return "a hub that a broken-off restore took offline"
        inside = await connect(self.url)
        try:
            if not await inside.fetchval("SELECT 1 FROM pg_namespace WHERE nspname = ANY($1) LIMIT 1", list(SCHEMAS)):
                return ""
            return ", ".join([await _counted(inside, word, table) for word, table in _CONTENTS])
        finally:
            await inside.close()

    async def is_closed(self) -> bool:
        """Whether a restore took the hub offline and was broken off before it ended."""
        limit = await self.connection.fetchval("SELECT datconnlimit FROM pg_database WHERE datname = $1", self.name)
        return bool(limit == _CLOSED)

    async def close(self) -> None:
        """Takes the hub offline: its services lose their sessions and get no new ones. Its administrator still may."""
        if await self.exists(self.name):
            await self._limit(_CLOSED)
            await self.connection.execute(_END_SESSIONS, self.name)

    async def open(self) -> None:
        """Brings the hub back, whichever database has its name now."""
        if await self.exists(self.name):
            await self._limit(_OPEN)

    async def make_draft(self) -> str:
        """An empty database to restore into; what an earlier restore left is removed. Answers its address."""
        await self.drop(self.draft)
        await self.connection.execute(f'CREATE DATABASE "{self.draft}" TEMPLATE template0')
        return self.url_of(self.draft)

    async def exchange(self) -> None:
        """Puts the draft in the place of the hub's database, in one transaction: both names change or none."""
        for database in (self.name, self.draft):
            await self.connection.execute(_END_SESSIONS, database)
        if await self.exists(self.name):
            await self.drop(self.former)
        async with self.connection.transaction():
            if await self.exists(self.name):
                await self.connection.execute(f'ALTER DATABASE "{self.name}" RENAME TO "{self.former}"')
            await self.connection.execute(f'ALTER DATABASE "{self.draft}" RENAME TO "{self.name}"')

    async def drop(self, database: str) -> None:
        """Removes a database of the cluster, with the sessions on it. Safe to repeat."""
        await self.connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    async def _limit(self, connections: int) -> None:
        await self.connection.execute(f'ALTER DATABASE "{self.name}" CONNECTION LIMIT {connections}')


@asynccontextmanager
async def target_of(url: str) -> AsyncIterator[Target]:
    """Holds the right to restore on a cluster. Raises BackupRefused while another restore is under way, BackupError."""
    beside = urlsplit(plain_url(url))._replace(path="/postgres").geturl()
    connection = await connect(beside)
    try:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
            raise BackupRefused("another restore is under way on this Postgres")
        if int(await connection.fetchval("SHOW server_version_num")) < _OLDEST_SERVER:
            raise BackupRefused("the hub needs Postgres 16 or later")
        yield Target(url, connection)
    except asyncpg.PostgresError as error:
        raise BackupError(f"Postgres: {error}") from error
    finally:
        await connection.close()


async def _counted(connection: asyncpg.Connection, word: str, table: str) -> str:
    schema, _, name = table.partition(".")
    if await connection.fetchval("SELECT to_regclass($1)", f'"{schema}"."{name}"') is None:
        return f"no {word}"
    count = await connection.fetchval(f'SELECT count(*) FROM "{schema}"."{name}"')
    return f"{count} {word}"
