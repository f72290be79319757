"""A migrated schema `sync` per test, cloned from a template."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest

from chassis.database import Database
from deploy.local.migrate import migrate
from deploy.local.ports import Ports
from deploy.local.postgres import EmbeddedPostgres, PostgresPlace
from tests.factories.sync.engine import Engine
from tests.factories.sync.platform import FakePlatform
from tests.factories.sync.upstream import FakeHub

TEMPLATE = "sync_template"


@pytest.fixture(scope="session")
async def sync_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    folder = tmp_path_factory.mktemp("pg")
    ports = Ports()
    place = PostgresPlace(data=folder / "data", log=folder / "log", port=ports.take_free(), password="p" * 20)
    server = EmbeddedPostgres(place, {"fsync": "off"})
    await server.start()
    await migrate(place.url(TEMPLATE), "role-secret", ("sync",))
    yield place.url("postgres")
    await server.stop()
    ports.release()


@pytest.fixture
async def db_url(sync_server: str) -> AsyncIterator[str]:
    name = f"sync_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(sync_server)
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE {TEMPLATE}')
    yield sync_server.rpartition("/")[0] + f"/{name}"
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


@pytest.fixture
async def db(db_url: str) -> AsyncIterator[Database]:
    made = await Database.open(db_url, schema="sync")
    yield made
    await made.close()


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform()


@pytest.fixture
def hub() -> FakeHub:
    return FakeHub()


@pytest.fixture
async def engine(db: Database, hub: FakeHub, platform: FakePlatform) -> AsyncIterator[Engine]:
    made = Engine(db, hub, {"EBAY": platform})
    yield made
    await made.connectors.aclose()
