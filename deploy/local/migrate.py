"""Brings a database up to date: the database itself, roles, schemas, each service's Alembic migrations, then the grants.

Safe to repeat and to run twice at once: an advisory lock lets one run work while the other waits, then finds nothing to do.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import time
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import asyncpg

from chassis.hosts import Hosts, plain_url
from chassis.settings import SettingsError, load, setting
from deploy.local import roles
from deploy.local.own_database import own_database
from deploy.local.postgres import PostgresError
from deploy.local.settings import load_settings
from deploy.local.state import StateInUse

SCHEMAS = ("auth", "catalog", "inventory", "sync")
# Held by whoever changes schemas, shared by whoever copies them; "usav".
MIGRATION_LOCK = 0x75736176
_CONNECT_SECONDS = 60.0
_EACH_SECONDS = 10.0
_LOCK_PAUSE_SECONDS = 0.1


class MigrationError(Exception):
    """The database could not be brought up to date; the text says why."""


@dataclass(frozen=True, kw_only=True)
class _Given:
    """What the step takes when it is told all of it."""

    database_url: str = setting("DATABASE_URL", "", "An administrator's address.", secret=True)
    role_secret: str = setting("HUB_ROLE_SECRET", "", "What the roles' passwords come from.", secret=True)


async def migrate(admin_url: str, role_secret: str, schemas: tuple[str, ...] = SCHEMAS) -> None:
    """Does all of it on the database of the address. Raises MigrationError or what the failing migration raises."""
    database = database_of(admin_url)
    connection = await _connect(admin_url)
    try:
        await take_migration_lock(connection)
        await roles.close_database(connection, database)
        for schema in schemas:
            await roles.prepare_schema(connection, database, schema, role_secret)
            await _upgrade(admin_url, schema)
            await roles.grant(connection, schema, grants_of(schema))
    finally:
        await connection.close()


async def take_migration_lock(connection: asyncpg.Connection, *, shared: bool = False) -> None:
    """Waits for the lock by asking again and again, and keeps it until the connection is closed.

    A statement that waited inside the database would hold a snapshot, and an index that is made concurrently waits for those.
    """
    kind = "_shared" if shared else ""
    while not await connection.fetchval(f"SELECT pg_try_advisory_lock{kind}($1)", MIGRATION_LOCK):  # noqa: ASYNC110  # see above
        await asyncio.sleep(_LOCK_PAUSE_SECONDS)


def grants_of(schema: str) -> dict[str, str]:
    """What the service says its role may do, by table."""
    tables = importlib.import_module(f"{schema}_svc.storage.tables")
    return dict(tables.GRANTS)


def database_of(url: str) -> str:
    """The database an address names. Raises MigrationError when it names none."""
    name = unquote(urlsplit(url).path.lstrip("/"))
    if not name or '"' in name:
        raise MigrationError("DATABASE_URL has to name a database: postgresql://user:password@host:port/database")
    return name


async def _upgrade(admin_url: str, schema: str) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import Connection, pool
    from sqlalchemy.ext.asyncio import create_async_engine

    config = Config()
    config.set_main_option("script_location", f"{schema}_svc:migrations")

    def upgrade(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: Hosts(admin_url).connect(timeout=_EACH_SECONDS),
        poolclass=pool.NullPool,
    )
    async with engine.connect() as connection:
        await connection.run_sync(upgrade)
        await connection.commit()
    await engine.dispose()


async def _connect(admin_url: str) -> asyncpg.Connection:
    """Connects, waiting for a server that starts or is about to take writes, and making a database that is not there."""
    hosts = Hosts(admin_url)
    deadline = time.monotonic() + _CONNECT_SECONDS
    while True:
        try:
            return await hosts.connect(timeout=_EACH_SECONDS)
        except asyncpg.InvalidCatalogNameError:
            await _create_database(admin_url)
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.TargetServerAttributeNotMatched) as error:
            if time.monotonic() > deadline:
                raise MigrationError(f"Postgres does not answer: {error}") from error
            await asyncio.sleep(0.05)
        except asyncpg.InvalidPasswordError as error:
            raise MigrationError(f"Postgres refuses DATABASE_URL's user: {error}") from error


async def _create_database(admin_url: str) -> None:
    parts = urlsplit(plain_url(admin_url))
    connection = await Hosts(parts._replace(path="/postgres").geturl()).connect(timeout=_EACH_SECONDS)
    try:
        await connection.execute(f'CREATE DATABASE "{database_of(admin_url)}"')
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        return
    finally:
        await connection.close()


async def _migrate_own() -> None:
    """Whatever database the settings name: another Postgres, the running hub's, or the one in the state folder."""
    async with own_database(load_settings(os.environ)) as (url, secrets):
        await migrate(url, secrets.role_secret)


def main() -> int:
    """Exits 1 with the reason when the database could not be brought up to date, 2 on a wrong setting."""
    try:
        given = load(_Given, os.environ)
        # The runner and containers hand over both; a user at most the first.
        if given.database_url and given.role_secret:
            asyncio.run(migrate(given.database_url, given.role_secret))
        else:
            asyncio.run(_migrate_own())
            print("the database is up to date")
    except (MigrationError, PostgresError) as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 1
    except (SettingsError, StateInUse) as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
