"""Every service with two replicas is restarted under load, one replica at a time, and no call fails: not one of any kind."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import httpx2
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from usav.catalog.v1 import catalog_service_pb2_grpc, family_pb2

from deploy.local.hub import Hub
from deploy.local.settings import HubSettings
from deploy.local.topology import LOOPBACK, SERVICES
from tests.e2e.conftest import SignedIn, clean_environment, make_locations
from tests.factories.folders import scratch_folder

API = "/api/v1"
ROUNDS = 2
_SETTLED_SECONDS = 2.0
# Enough to have calls under way at any moment; the machine also has services to start.
_PAUSE_SECONDS = 0.02
pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
async def doubled() -> AsyncIterator[Hub]:
    """A hub with two replicas of every service."""
    with scratch_folder() as folder:
        settings = HubSettings(
            state_dir=folder / "state",
            gateway_port=0,
            environ=clean_environment(),
            replicas={spec.name: 2 for spec in SERVICES},
            start_seconds=120,
            postgres_options={"fsync": "off"},
        )
        async with Hub(settings) as hub:
            await make_locations(hub)
            yield hub


class Load:
    """Callers of every service, reading and writing, over JSON and gRPC. `failed` has whatever was not as it should be."""

    def __init__(self, hub: Hub, client: httpx2.AsyncClient) -> None:
        self.hub, self.client = hub, client
        self.done: Counter[str] = Counter()
        self.failed: list[str] = []
        self._stop = asyncio.Event()

    async def run(self, *callers: Callable[[], Awaitable[None]]) -> None:
        """Calls on and on until `stop`."""
        await asyncio.gather(*(self._call_on(caller) for caller in callers))

    def stop(self) -> None:
        """Ends the load after the calls under way."""
        self._stop.set()

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        """One call over JSON that has to go well."""
        what = f"{method} {path.split('?')[0]}"
        try:
            answer = await self.client.request(method, f"{API}{path}", **more)
        except httpx2.TransportError as error:
            self.failed.append(f"{what}: {error!r}")
            return {}
        if answer.status_code == 200:
            self.done[f"{method} {path.split('/')[1]}"] += 1
        else:
            self.failed.append(f"{what}: {answer.status_code} {answer.text}")
        return answer.json()

    async def _call_on(self, caller: Callable[[], Awaitable[None]]) -> None:
        while not self._stop.is_set():
            await caller()
            await asyncio.sleep(_PAUSE_SECONDS)


async def callers(load: Load) -> list[Callable[[], Awaitable[None]]]:
    """What the load consists of."""
    family = await load.ask("POST", "/families", json={"name": f"Rolling {secrets.token_hex(3)}"})
    identity = await load.ask("POST", "/identities", json={"product_id": family["product_id"], "type": "PRODUCT"})
    variant = await load.ask("POST", "/variants", json={"identity_id": identity["id"]})
    sku = variant["full_sku"]
    received = await load.ask("POST", "/inventory/receive", json={"sku": sku, "count": 4, "location": "A1-S1"})
    units = iter([one["id"] for one in received["items"]])

    def hold() -> Callable[[], Awaitable[None]]:
        unit = next(units)

        async def hold_and_let_go() -> None:
            await load.ask("POST", f"/inventory/{unit}/reserve", json={"order_reference": f"R-{unit}"})
            await load.ask("POST", f"/inventory/{unit}/release", json={})

        return hold_and_let_go

    async def read() -> None:
        await load.ask("GET", f"/variants/sku/{sku}")
        await load.ask("GET", f"/inventory/availability?sku={sku}")
        await load.ask("GET", "/sync/status")
        await load.ask("GET", "/auth/me")

    async def write() -> None:
        await load.ask("POST", "/families", json={"name": f"Rolling {secrets.token_hex(4)}"})
        await load.ask("POST", "/inventory/receive", json={"sku": sku, "count": 1, "location": "A1-S2"})

    async def sign_in() -> None:
        form = {"grant_type": "password", "username": load.hub.admin_user, "password": load.hub.admin_password}
        await load.ask("POST", "/auth/token", data=form, auth=None)
        await asyncio.sleep(0.2)

    return [hold(), hold(), hold(), read, read, write, sign_in]


async def over_grpc(load: Load) -> None:
    """A caller with a plain gRPC channel to the gateway and no retries of its own."""
    authorization = (await load.client.get(f"{API}/auth/me")).request.headers["authorization"]
    target = load.hub.gateway_url.removeprefix("http://")
    async with grpc.aio.insecure_channel(target, options=[("grpc.enable_retries", 0)]) as channel:
        stub = catalog_service_pb2_grpc.CatalogServiceStub(channel)

        async def call() -> None:
            try:
                await stub.ListFamilies(
                    family_pb2.ListFamiliesRequest(page_size=5),
                    metadata=[("authorization", authorization)],
                    timeout=30,
                )
                load.done["gRPC"] += 1
            except grpc.aio.AioRpcError as error:
                load.failed.append(f"gRPC: {error.code()} {error.details()}")

        await load.run(call)


async def roll(hub: Hub) -> None:
    """Restarts every replica of every service, each when the one before it serves again and the gateway knows."""
    for spec in SERVICES:
        for index, port in enumerate(hub.topology.services[spec.name], 1):
            name = spec.name if index == 1 else f"{spec.name}-{index}"
            await hub.processes[name].restart()
            await serving(port)
            await asyncio.sleep(_SETTLED_SECONDS)


async def serving(port: int) -> None:
    async with grpc.aio.insecure_channel(f"{LOOPBACK}:{port}") as channel, asyncio.timeout(60):
        stub = health_pb2_grpc.HealthStub(channel)
        answer = health_pb2.HealthCheckResponse()
        while answer.status != health_pb2.HealthCheckResponse.SERVING:
            await asyncio.sleep(0.2)
            try:
                answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=2)
            except grpc.aio.AioRpcError:
                continue


async def test_no_call_fails_while_every_replica_is_restarted(doubled: Hub) -> None:
    async with httpx2.AsyncClient(base_url=doubled.gateway_url, timeout=40, auth=SignedIn(doubled)) as client:
        load = Load(doubled, client)
        loads = [asyncio.create_task(load.run(*await callers(load))), asyncio.create_task(over_grpc(load))]
        await asyncio.sleep(1)
        for _ in range(ROUNDS):
            await roll(doubled)
        load.stop()
        await asyncio.gather(*loads)
    print(dict(load.done))
    assert load.failed == []
    assert min(load.done[kind] for kind in ("POST inventory", "GET variants", "GET sync", "POST families", "gRPC")) > 50
