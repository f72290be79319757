"""An inventory service per test module, on a copy of a database that is migrated once; the catalog is a double."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest

from deploy.local.migrate import migrate
from deploy.local.ports import Ports
from deploy.local.postgres import EmbeddedPostgres, PostgresPlace
from tests.factories.folders import scratch_folder
from tests.integration.inventory.harness import ROLE_SECRET, InventoryHub


@pytest.fixture(scope="session")
async def inventory_server_url() -> AsyncIterator[str]:
    with scratch_folder() as folder, Ports() as ports:
        place = PostgresPlace(data=folder / "data", log=folder / "log", port=ports.take_free(), password="p" * 20)
        server = EmbeddedPostgres(place, {"fsync": "off"})
        await server.start()
        await migrate(place.url("inventory_template"), ROLE_SECRET, ("inventory",))
        yield place.url("postgres")
        await server.stop()


@pytest.fixture(scope="module")
async def database_url(inventory_server_url: str) -> AsyncIterator[str]:
    """A migrated, empty database; the address is the administrator's."""
    name = f"inventory_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(inventory_server_url)
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE inventory_template')
    yield inventory_server_url.rpartition("/")[0] + f"/{name}"
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


@pytest.fixture(scope="module")
async def hub(database_url: str) -> AsyncIterator[InventoryHub]:
    """An inventory service in this process."""
    started = await InventoryHub.start(database_url)
    yield started
    await started.stop()
