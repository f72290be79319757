"""What callers notice when a replica or the database goes away under load: nothing, or UNAVAILABLE, and never a loss."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count

import httpx2
import pytest

from deploy.local.hub import Hub
from deploy.local.settings import HubSettings
from tests.e2e.conftest import clean_environment
from tests.factories.folders import scratch_folder

CALLERS = 8
FAMILIES = "/api/v1/families"


@pytest.fixture(scope="module")
async def small_hub() -> AsyncIterator[Hub]:
    """Two replicas of catalog, and no more than these tests need."""
    with scratch_folder() as folder:
        settings = HubSettings(
            state_dir=folder / "state",
            gateway_port=0,
            environ=clean_environment(),
            skip=frozenset({"inventory", "sync", "sandbox"}),
            replicas={"catalog": 2},
        )
        async with Hub(settings) as hub:
            yield hub


@pytest.fixture
async def signed(small_hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    form = {"grant_type": "password", "username": small_hub.admin_user, "password": small_hub.admin_password}
    async with httpx2.AsyncClient(base_url=small_hub.gateway_url, timeout=40) as client:
        token = (await client.post("/api/v1/auth/token", data=form)).json()["access_token"]
        client.headers["authorization"] = f"Bearer {token}"
        yield client


@asynccontextmanager
async def load(call: Callable[[], Awaitable[int]]) -> AsyncIterator[Counter[int]]:
    """Callers that call on and on while the block runs; the statuses they got are complete at its end."""
    statuses: Counter[int] = Counter()
    done = asyncio.Event()

    async def call_on() -> None:
        while not done.is_set():
            statuses[await call()] += 1

    callers = [asyncio.create_task(call_on()) for _ in range(CALLERS)]
    await asyncio.sleep(0.3)
    yield statuses
    done.set()
    await asyncio.gather(*callers)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_readers_notice_nothing_when_a_replica_ends(
    small_hub: Hub, signed: httpx2.AsyncClient, number: signal.Signals
) -> None:
    async def read() -> int:
        return (await signed.get(FAMILIES)).status_code

    async with load(read) as statuses:
        small_hub.processes["catalog-2"].signal(number)
        await asyncio.sleep(5)
    assert statuses.keys() == {200}, statuses
    await small_hub.wait_healthy()


async def test_writers_notice_nothing_when_a_replica_is_asked_to_stop(
    small_hub: Hub, signed: httpx2.AsyncClient
) -> None:
    names = count()

    async def write() -> int:
        return (await signed.post("/api/v1/brands", json={"name": f"Drained {next(names)}"})).status_code

    async with load(write) as statuses:
        await small_hub.processes["catalog-2"].restart()
        await asyncio.sleep(1)
    assert statuses.keys() == {200}, statuses


async def test_a_database_that_restarts_is_unavailable_and_loses_nothing(
    small_hub: Hub, signed: httpx2.AsyncClient
) -> None:
    assert small_hub.postgres is not None
    names = count()
    acknowledged: set[str] = set()

    async def write() -> int:
        name = f"Restarted {next(names)}"
        answer = await signed.post("/api/v1/brands", json={"name": name})
        if answer.status_code == 200:
            acknowledged.add(name)
        return answer.status_code

    async with load(write) as statuses:
        for end in (small_hub.postgres.process.restart, _crash(small_hub)):
            await end()
            await small_hub.postgres.wait_ready()
            await asyncio.sleep(1.5)
    assert statuses.keys() <= {200, 503}, statuses
    kept = await _all_brands(signed)
    assert acknowledged <= kept
    assert (await signed.post("/api/v1/brands", json={"name": "After the restart"})).status_code == 200


def _crash(hub: Hub) -> Callable[[], Awaitable[None]]:
    async def crash() -> None:
        assert hub.postgres is not None
        hub.postgres.process.kill()
        await asyncio.sleep(0.1)

    return crash


async def _all_brands(client: httpx2.AsyncClient) -> set[str]:
    found: set[str] = set()
    token = ""
    while True:
        page = (await client.get("/api/v1/brands", params={"page_size": 1000, "page_token": token})).json()
        found |= {brand["name"] for brand in page["items"]}
        token = page["next_page_token"]
        if not token:
            return found
