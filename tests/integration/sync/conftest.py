"""The sync engine on a fresh database, as the service's own role sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chassis.database import Database
from sync_svc.storage.constraints import CONSTRAINTS
from tests.factories.databases import Databases
from tests.factories.sync.engine import Engine
from tests.factories.sync.platform import FakePlatform
from tests.factories.sync.shop import Shop, open_shop
from tests.factories.sync.storms import ENGINE, shorten
from tests.factories.sync.upstream import FakeHub
from tests.integration.sync.harness import SyncApi


@pytest.fixture
async def db(databases: Databases) -> AsyncIterator[Database]:
    async with databases.clone("sync") as url:
        made = await Database.open(Databases.as_service(url, "sync"), schema="sync", constraints=CONSTRAINTS)
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


@pytest.fixture
async def api(engine: Engine) -> AsyncIterator[SyncApi]:
    started = await SyncApi.start(engine)
    yield started
    await started.stop()


@pytest.fixture
async def working_shop(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """Three variants, ten units each, on every marketplace of a sandbox, kept right by one process that waits for little."""
    shorten(monkeypatch)
    async with open_shop(db, replicas=1, **ENGINE) as opened:
        await opened.list_everywhere(3, 10, poll_interval_s=60)
        await opened.connect()
        opened.replicas[0].start()
        await opened.settled(30)
        yield opened
