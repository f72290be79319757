"""An empty copy of the chassis's sample schema per test."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import create_async_engine

from chassis.database import Database
from deploy.local.ports import Ports
from deploy.local.postgres import EmbeddedPostgres, PostgresPlace
from tests.factories.folders import scratch_folder
from tests.integration.chassis.schema import SCHEMA, metadata, outbox


@pytest.fixture(scope="session")
async def server_url() -> AsyncIterator[str]:
    with scratch_folder() as folder, Ports() as ports:
        place = PostgresPlace(data=folder / "data", log=folder / "log", port=ports.take_free(), password="p" * 20)
        server = EmbeddedPostgres(place, {"fsync": "off"})
        await server.start()
        yield place.url("postgres")
        await server.stop()


@pytest.fixture
async def db(server_url: str) -> AsyncIterator[Database]:
    name = f"chassis_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(server_url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    url = server_url.rpartition("/")[0] + f"/{name}"
    await make_schema(url)
    made = await Database.open(url, schema=SCHEMA)
    yield made
    await made.close()
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


async def make_schema(url: str) -> None:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as conn:
        await conn.execute(text(f"CREATE SCHEMA {SCHEMA}"))
        await conn.run_sync(metadata.create_all)
        await conn.execute(insert(outbox.state))
    await engine.dispose()
