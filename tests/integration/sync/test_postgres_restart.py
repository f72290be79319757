"""Postgres goes away under load: workers go on by themselves, and afterwards the marketplace shows what is true."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from chassis.database import Database
from deploy.local.migrate import migrate
from deploy.local.ports import Ports
from deploy.local.postgres import EmbeddedPostgres, PostgresPlace
from sync_svc.storage.constraints import CONSTRAINTS
from tests.factories.databases import ROLE_SECRET, Databases
from tests.factories.folders import scratch_folder
from tests.factories.sync.engine import Engine, running, until
from tests.factories.sync.platform import FakePlatform
from tests.factories.sync.upstream import FakeHub

_LISTINGS = 40


@pytest.fixture
async def server() -> AsyncIterator[EmbeddedPostgres]:
    """A server of its own, as durable as in use."""
    with scratch_folder() as folder, Ports() as ports:
        place = PostgresPlace(data=folder / "data", log=folder / "log", port=ports.take_free(), password="p" * 20)
        postgres = EmbeddedPostgres(place)
        await postgres.start()
        yield postgres
        await postgres.stop()


async def _change_stock(hub: FakeHub, seconds: float) -> None:
    chance = random.Random(4)
    ends = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < ends:
        hub.set_free(chance.randint(1, _LISTINGS), chance.randint(0, 9))
        await asyncio.sleep(0.01)


async def test_restart_under_load_leaves_no_wrong_quantity(
    server: EmbeddedPostgres, hub: FakeHub, platform: FakePlatform
) -> None:
    url = server.place.url("sync_load")
    await migrate(url, ROLE_SECRET, ("sync",))
    db = await Database.open(Databases.as_service(url, "sync"), schema="sync", constraints=CONSTRAINTS)
    engine = Engine(db, hub, {"EBAY": platform}, lease_s=3, push_timeout_s=1)
    made = await engine.add_channel()
    for number in range(1, _LISTINGS + 1):
        hub.add(number, f"S-{number}", 5)
        await engine.add_listing(made, number, f"S-{number}")
    async with running(engine.supervisor.run, engine.feed.run):
        await engine.settled()
        load = asyncio.create_task(_change_stock(hub, 4))
        await asyncio.sleep(0.5)
        await server.stop()
        await server.start()
        await load
        await until(lambda: _shows_the_truth(hub, platform), 40)
        await engine.settled()
    assert _shows_the_truth(hub, platform)
    await engine.connectors.aclose()
    await db.close()


def _shows_the_truth(hub: FakeHub, platform: FakePlatform) -> bool:
    return {shelf.platform_sku: shelf.quantity for shelf in platform.shelves.values()} == {
        f"S-{number}": units for number, units in hub.free.items()
    }
