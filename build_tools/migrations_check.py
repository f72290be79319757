"""Proves on a real Postgres that models and migrations describe one schema, and that every migration can be undone and redone.

`python -m build_tools.migrations_check` uses a database of its own, on the server of DATABASE_URL or on one it starts.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, MetaData, inspect, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from build_tools.layout import ROOT, SERVICE_PACKAGES
from build_tools.schema_snapshot import differences, snapshot
from chassis.migrations import only
from deploy.local.ports import Ports
from deploy.local.postgres import EmbeddedPostgres, PostgresPlace


@dataclass(frozen=True)
class Migrations:
    """The migrations and models of one service."""

    schema: str
    folder: Path
    metadata: MetaData

    def config(self, connection: Connection) -> Config:
        config = Config()
        config.set_main_option("script_location", str(self.folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        return config


def migrations_of(package: str) -> Migrations:
    """Those of a service, "auth_svc"."""
    tables = import_module(f"{package}.storage.tables")
    return Migrations(tables.SCHEMA, ROOT / package / "migrations", tables.metadata)


def problems(connection: Connection, migrations: Migrations) -> list[str]:
    """Migrates an empty database up, compares it with the models, then undoes and redoes each revision."""
    connection.execute(text(f'CREATE SCHEMA "{migrations.schema}"'))
    connection.commit()
    command.upgrade(migrations.config(connection), "head")
    found = _model_differences(connection, migrations) + _check_differences(connection, migrations)
    return found + _undo_differences(connection, migrations)


def _model_differences(connection: Connection, migrations: Migrations) -> list[str]:
    context = MigrationContext.configure(
        connection,
        opts={"include_schemas": True, "include_name": only(migrations.schema), "compare_type": True},
    )
    found = [f"models and migrations differ: {one}" for one in compare_metadata(context, migrations.metadata)]
    connection.rollback()
    return found


def _check_differences(connection: Connection, migrations: Migrations) -> list[str]:
    """Alembic does not compare CHECK constraints; their names are what errors are told by."""
    preparer = connection.dialect.identifier_preparer
    inspector = inspect(connection)
    found = []
    for table in migrations.metadata.sorted_tables:
        checks = [one for one in table.constraints if isinstance(one, CheckConstraint)]
        modelled = {str(preparer.format_constraint(one)).strip('"') for one in checks}
        migrated = {one["name"] for one in inspector.get_check_constraints(table.name, migrations.schema)}
        found += [f"{table}: the models have no CHECK {name}" for name in sorted(migrated - modelled, key=str)]
        found += [f"{table}: the migrations have no CHECK {name}" for name in sorted(modelled - migrated)]
    connection.rollback()
    return found


def _undo_differences(connection: Connection, migrations: Migrations) -> list[str]:
    """From the newest revision to the first: down, up, compare, and down again to reach the one before."""
    config = migrations.config(connection)
    found = []
    for revision in ScriptDirectory.from_config(config).walk_revisions():
        before = _read(connection, migrations.schema)
        command.downgrade(config, "-1")
        command.upgrade(config, revision.revision)
        after = _read(connection, migrations.schema)
        found += [f"undoing and redoing {revision.revision}: {one}" for one in differences(before, after)]
        command.downgrade(config, "-1")
    return found + [f"left behind by all downgrades: {name}" for name in _read(connection, migrations.schema)]


def _read(connection: Connection, schema: str) -> dict[str, str]:
    found = snapshot(connection, schema)
    connection.rollback()
    return found


async def on_connection(url: str, work: Callable[[Connection], list[str]]) -> list[str]:
    """Runs synchronous work on a connection to the database of the address."""
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=pool.NullPool
    )
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


@asynccontextmanager
async def scratch_server() -> AsyncIterator[str]:
    """The address of an administrator on a server: that of DATABASE_URL, or one that lives as long as the context."""
    given = os.environ.get("DATABASE_URL", "")
    if given:
        scheme, _, rest = given.partition("://")
        yield f"{scheme.partition('+')[0]}://{rest}"
        return
    with tempfile.TemporaryDirectory() as folder, Ports() as ports:
        place = PostgresPlace(Path(folder) / "data", Path(folder) / "log", ports.take_free(), secrets.token_hex(16))
        server = EmbeddedPostgres(place, {"fsync": "off"})
        await server.start()
        try:
            yield place.url("postgres")
        finally:
            await server.stop()


@asynccontextmanager
async def scratch_database(server_url: str) -> AsyncIterator[str]:
    """The address of a new database, dropped at the end."""
    name = f"migrations_check_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(server_url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.close()


async def check_service(server_url: str, package: str) -> list[str]:
    """The problems of one service's migrations; none is good."""
    migrations = migrations_of(package)
    async with scratch_database(server_url) as url:
        return await on_connection(url, lambda connection: problems(connection, migrations))


async def _check_all() -> int:
    failed = 0
    async with scratch_server() as server_url:
        for package in SERVICE_PACKAGES:
            found = await check_service(server_url, package)
            print(f"{package}: {'; '.join(found) if found else 'models and migrations agree'}")
            failed += bool(found)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(asyncio.run(_check_all()))
