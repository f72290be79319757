"""A hub for troubles, apart from the one that all other tests share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx2
import pytest

from build_tools.protos import ensure_generated
from deploy.local.hub import Hub
from deploy.local.settings import HubSettings
from tests.e2e.conftest import SignedIn, clean_environment
from tests.e2e.observability.stage import Stage
from tests.factories.collector import Collector, collector
from tests.factories.folders import scratch_folder


@pytest.fixture(scope="session")
async def stage() -> AsyncIterator[Stage]:
    """Gauges are read often, everything is traced, and there is little room: few connections, few calls at once."""
    ensure_generated()
    async with collector() as traces:
        with scratch_folder() as folder:
            async with Hub(settings_of(folder, traces)) as hub:
                database = await asyncpg.connect(hub.database_url)
                async with httpx2.AsyncClient(base_url=hub.gateway_url, timeout=30, auth=SignedIn(hub)) as admin:
                    stage = Stage(hub, admin, database, traces)
                    await channels_are_there(stage)
                    yield stage
                await database.close()


def settings_of(folder: Path, traces: Collector) -> HubSettings:
    return HubSettings(
        state_dir=folder / "state",
        gateway_port=0,
        environ={**clean_environment(), "HUB_GAUGE_SECONDS": "0.3", "HUB_OTLP_ENDPOINT": traces.address},
        extra_env={"inventory": {"HUB_POOL_SIZE": "3"}, "catalog": {"HUB_MAX_CALLS": "8"}},
    )


async def channels_are_there(stage: Stage) -> None:
    """Waits until every channel of the sandbox was asked for orders once."""
    for _ in range(100):
        if await stage.value("SELECT count(*) FROM sync.channel WHERE last_poll_at IS NOT NULL") >= 6:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the channels do not come up")
