"""A real Envoy before stand-ins of the services."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from usav.auth.v1 import token_pb2

from build_tools.protos import ensure_generated
from deploy.gateway import GatewaySettings
from deploy.local.gateway import gateway_command
from deploy.local.ports import Ports
from deploy.local.processes import ManagedProcess
from tests.factories.access_tokens import STRANGERS_KEY, access_token, published_keys
from tests.factories.stand_in import StandIn

ORIGIN = "https://shop.example"
CALL_SECONDS = 2


@dataclass
class Gateway:
    """The gateway under test. `catalog` has two replicas, `sync` none that lives, all other paths lead to `service`."""

    url: str
    port: int
    process: ManagedProcess
    service: StandIn
    catalog: tuple[StandIn, StandIn]


async def publish_keys(request: Any, context: Any) -> token_pb2.JwkSet:
    return published_keys()


@pytest.fixture(scope="session")
def ports() -> Iterator[Ports]:
    with Ports() as claimed:
        yield claimed


@pytest.fixture(scope="session")
async def started_gateway(tmp_path_factory: pytest.TempPathFactory, ports: Ports) -> AsyncIterator[Gateway]:
    ensure_generated()
    folder = tmp_path_factory.mktemp("gateway")
    service, first, second = stand_ins = StandIn(), StandIn(), StandIn()
    for stand_in in stand_ins:
        stand_in.always["GetJwks"] = publish_keys
        await stand_in.start()
    endpoints = {
        "auth": (("127.0.0.1", service.port),),
        "inventory": (("127.0.0.1", service.port),),
        "catalog": (("127.0.0.1", first.port), ("127.0.0.1", second.port)),
        "sync": (("127.0.0.1", ports.take_free()),),
    }
    settings = GatewaySettings(
        port=ports.take_free(),
        admin_port=ports.take_free(),
        endpoints=endpoints,
        cors_origins=(ORIGIN,),
        call_seconds=CALL_SECONDS,
        access_log=folder / "access.log",
    )
    process = ManagedProcess(gateway_command(settings, folder / "gateway.json", folder / "gateway.log"))
    await process.start()
    await wait_ready(settings.admin_port, process)
    url = f"http://127.0.0.1:{settings.port}"
    yield Gateway(url, settings.port, process, service, (first, second))
    await process.stop()
    for stand_in in stand_ins:
        await stand_in.stop()


@asynccontextmanager
async def another_gateway(folder: Path, service: StandIn, **changes: Any) -> AsyncIterator[GatewaySettings]:
    """A second gateway with other settings, before one stand-in for all services."""
    with Ports() as ports:
        names = ("auth", "catalog", "inventory", "sync")
        settings = GatewaySettings(
            port=ports.take_free(),
            admin_port=ports.take_free(),
            endpoints=dict.fromkeys(names, (("127.0.0.1", service.port),)),
            access_log=folder / "access.log",
            **changes,
        )
        process = ManagedProcess(gateway_command(settings, folder / "gateway.json", folder / "gateway.log"))
        await process.start()
        try:
            await wait_ready(settings.admin_port, process)
            yield settings
        finally:
            await process.stop()


async def wait_ready(admin_port: int, process: ManagedProcess) -> None:
    async with httpx2.AsyncClient() as client:
        for _ in range(200):
            try:
                if (await client.get(f"http://127.0.0.1:{admin_port}/ready")).status_code == 200:
                    return
            except httpx2.TransportError:
                assert process.crashes == 0, process.tail()
            await asyncio.sleep(0.05)
    raise AssertionError(f"Envoy does not start: {process.tail()}")


@pytest.fixture
def gateway(started_gateway: Gateway) -> Iterator[Gateway]:
    """The gateway with all stand-ins as new."""
    yield started_gateway
    for stand_in in (started_gateway.service, *started_gateway.catalog):
        stand_in.forget()


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx2.AsyncClient]:
    """Signed in; the stand-ins would take any token, the gateway does not."""
    headers = {"authorization": f"Bearer {access_token()}"}
    async with httpx2.AsyncClient(base_url=gateway.url, timeout=10, headers=headers) as made:
        yield made


async def keys_are_known(client: httpx2.AsyncClient) -> None:
    """Waits until a new gateway has fetched the keys: from then on it tells a forged signature."""
    forged = {"authorization": f"Bearer {access_token(STRANGERS_KEY)}"}
    for _ in range(100):
        if (await client.get("/api/v1/inventory/7", headers=forged)).status_code == 401:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the gateway does not fetch the keys")
