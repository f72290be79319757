"""A catalog service per test module, on a copy of a database that is migrated once."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from deploy.local.migrate import migrate
from deploy.local.ports import Ports
from deploy.local.postgres import EmbeddedPostgres, PostgresPlace
from tests.integration.catalog.harness import ROLE_SECRET, CatalogHub


@pytest.fixture(scope="session")
async def catalog_server_url() -> AsyncIterator[str]:
    # Not below pytest's own folder, which the user that Postgres runs as cannot reach.
    folder = Path(tempfile.mkdtemp(prefix="hub-catalog-pg-"))
    ports = Ports()
    place = PostgresPlace(data=folder / "data", log=folder / "log", port=ports.take_free(), password="p" * 20)
    server = EmbeddedPostgres(place, {"fsync": "off"})
    await server.start()
    await migrate(place.url("catalog_template"), ROLE_SECRET, ("catalog",))
    yield place.url("postgres")
    await server.stop()
    ports.release()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
async def database_url(catalog_server_url: str) -> AsyncIterator[str]:
    """A migrated, empty database; the address is the administrator's."""
    name = f"catalog_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(catalog_server_url)
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE catalog_template')
    yield catalog_server_url.rpartition("/")[0] + f"/{name}"
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


@pytest.fixture(scope="module")
async def hub(database_url: str) -> AsyncIterator[CatalogHub]:
    """A catalog service; sync does not answer it."""
    started = await CatalogHub.start(database_url)
    yield started
    await started.stop()
