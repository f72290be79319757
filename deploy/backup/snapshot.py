"""One moment of the database: what pg_dump copies and what is counted are the same rows.

Migrations wait while the moment is held, so that no table changes its shape between the count and the copy.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from chassis.hosts import Hosts
from deploy.backup.errors import BackupError, BackupRefused
from deploy.backup.manifest import TableState
from deploy.local.migrate import SCHEMAS, take_migration_lock

# How values are written as text depends on these, and the hash on the text.
_PLAIN_TEXT = {
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "xmloption": "content",
    "jit": "off",
}
_TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY($1) AND c.relkind = 'r' ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Snapshot:
    """A transaction that sees one moment; `name` lets others see the same."""

    connection: asyncpg.Connection
    name: str

    async def heads(self) -> dict[str, str]:
        """The migration each schema is at. Raises BackupRefused when a schema is missing."""
        found = {}
        for schema in SCHEMAS:
            if await self.connection.fetchval("SELECT to_regclass($1)", f'"{schema}".alembic_version') is None:
                raise BackupRefused(f"this database is no whole hub: it has no migrated schema {schema}")
            head = await self.connection.fetchval(f'SELECT version_num FROM "{schema}".alembic_version')
            found[schema] = str(head or "")
        return found

    async def tables(self) -> dict[str, TableState]:
        """Every table's rows, counted and hashed."""
        names = await self.connection.fetch(_TABLES, list(SCHEMAS))
        return {f"{schema}.{table}": await self._table(schema, table) for schema, table in names}

    async def _table(self, schema: str, table: str) -> TableState:
        # 64 bits of each row's sha256, summed: the order of rows does not matter, and sums do not overflow.
        row_hash = "('x' || encode(substr(sha256(convert_to(hub_row::text, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint"
        query = f'SELECT count(*), coalesce(sum({row_hash}), 0)::text FROM ONLY "{schema}"."{table}" AS hub_row'
        row: Any = await self.connection.fetchrow(query)
        return TableState(row[0], row[1])


@asynccontextmanager
async def snapshot(url: str) -> AsyncIterator[Snapshot]:
    """Holds one moment of the database of the address for as long as the context. Raises BackupError."""
    connection = await connect(url)
    try:
        await take_migration_lock(connection, shared=True)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            for name, value in _PLAIN_TEXT.items():
                await connection.execute(f"SET LOCAL {name} = '{value}'")
            yield Snapshot(connection, await connection.fetchval("SELECT pg_export_snapshot()"))
    finally:
        await connection.close()


async def connect(url: str) -> asyncpg.Connection:
    """A connection of the administrator, told from others by its name. Raises BackupError."""
    try:
        return await Hosts(url).connect(timeout=20, server_settings={"application_name": "hub_backup"})
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise BackupError(f"the database cannot be reached: {error}") from error
