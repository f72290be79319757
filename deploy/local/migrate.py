"""Brings a database up to date: the database itself, roles, schemas, each service's Alembic migrations, then the grants.

Safe to repeat and to run twice at once: an advisory lock lets one run work while the other waits, then finds nothing to do.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg

from deploy.local import roles

SCHEMAS = ("auth", "catalog", "inventory", "sync")
_LOCK = 0x75736176  # "usav"
_CONNECT_SECONDS = 60.0


class MigrationError(Exception):
    """The database could not be brought up to date; the text says why."""


async def migrate(admin_url: str, role_secret: str, schemas: tuple[str, ...] = SCHEMAS) -> None:
    """Does all of it on the database of the address. Raises MigrationError or what the failing migration raises."""
    database = database_of(admin_url)
    connection = await _connect(admin_url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await roles.close_database(connection, database)
        for schema in schemas:
            await roles.prepare_schema(connection, database, schema, role_secret)
            await _upgrade(admin_url, schema)
            await roles.grant(connection, schema, grants_of(schema))
    finally:
        await connection.close()


def grants_of(schema: str) -> dict[str, str]:
    """What the service says its role may do, by table."""
    module = f"{schema}_svc.storage.tables"
    if not _exists(module):
        return {}
    return dict(getattr(importlib.import_module(module), "GRANTS", {}))


def database_of(url: str) -> str:
    """The database an address names. Raises MigrationError when it names none."""
    name = unquote(urlsplit(url).path.lstrip("/"))
    if not name or '"' in name:
        raise MigrationError("DATABASE_URL has to name a database: postgresql://user:password@host:port/database")
    return name


async def _upgrade(admin_url: str, schema: str) -> None:
    folder = _migrations_folder(schema)
    if folder is None:
        return
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import Connection, pool
    from sqlalchemy.ext.asyncio import create_async_engine

    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))

    def upgrade(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(_plain(admin_url)), poolclass=pool.NullPool
    )
    async with engine.connect() as connection:
        await connection.run_sync(upgrade)
        await connection.commit()
    await engine.dispose()


def _migrations_folder(schema: str) -> Path | None:
    module = f"{schema}_svc.migrations"
    if not _exists(module):
        return None
    found = find_spec(module)
    return Path(next(iter(found.submodule_search_locations or ()))) if found else None


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


async def _connect(admin_url: str) -> asyncpg.Connection:
    """Connects, waiting for a server that is about to start and making a database that is not there."""
    deadline = time.monotonic() + _CONNECT_SECONDS
    while True:
        try:
            return await asyncpg.connect(_plain(admin_url), timeout=10)
        except asyncpg.InvalidCatalogNameError:
            await _create_database(admin_url)
        except (OSError, asyncpg.CannotConnectNowError) as error:
            if time.monotonic() > deadline:
                raise MigrationError(f"Postgres does not answer: {error}") from error
            await asyncio.sleep(0.05)
        except asyncpg.InvalidPasswordError as error:
            raise MigrationError(f"Postgres refuses DATABASE_URL's user: {error}") from error


async def _create_database(admin_url: str) -> None:
    parts = urlsplit(_plain(admin_url))
    connection = await asyncpg.connect(parts._replace(path="/postgres").geturl(), timeout=10)
    try:
        await connection.execute(f'CREATE DATABASE "{database_of(admin_url)}"')
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        return
    finally:
        await connection.close()


def _plain(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}{separator}{rest}"


def main() -> int:
    """Migrates the database of DATABASE_URL with the roles' passwords derived from HUB_ROLE_SECRET."""
    try:
        asyncio.run(migrate(os.environ["DATABASE_URL"], os.environ["HUB_ROLE_SECRET"]))
    except MigrationError as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
