"""What a part of the benchmark works on: the hub, an admin's token, stubs past the gateway, and how much to do."""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
from google.protobuf.message import Message
from usav.auth.v1 import auth_service_pb2, auth_service_pb2_grpc
from usav.catalog.v1 import catalog_service_pb2_grpc
from usav.inventory.v1 import inventory_service_pb2_grpc, location_pb2
from usav.sync.v1 import sync_service_pb2_grpc

from bench.children import Generator
from bench.load import Job
from bench.wire import grpc_message
from deploy.local.hub import Hub
from deploy.local.settings import HubSettings

_STUBS: dict[str, Any] = {
    "catalog": catalog_service_pb2_grpc.CatalogServiceStub,
    "inventory": inventory_service_pb2_grpc.InventoryServiceStub,
    "sync": sync_service_pb2_grpc.SyncServiceStub,
}
SHELF = "A1-S2"
_CHANNEL_OPTIONS = [("grpc.max_receive_message_length", 32 * 1024 * 1024)]


@dataclass(frozen=True)
class Scale:
    """How much is done. The whole default run takes some six minutes on two cores; tests take the tiny one."""

    rounds: int = 3
    seconds: float = 2.0
    families: int = 1_000
    units: int = 2_048
    receive_units: int = 20_000
    sales: int = 200
    sales_per_second: float = 20.0
    revocations: int = 50
    real_rows: int = 2_391
    large_rows: int = 100_000
    large_units: int = 1_000_000
    large_variants: int = 100_000
    hot_every: int = 20
    two_hubs: bool = True
    channel_sales: int = 500
    channel_sales_per_second: float = 50.0
    channel_variants: int = 250
    drained: int = 10_000
    compared: int = 1_000
    idle_seconds: float = 20.0


TINY = Scale(
    rounds=1,
    seconds=0.1,
    families=20,
    units=128,
    receive_units=200,
    sales=6,
    sales_per_second=10.0,
    revocations=2,
    real_rows=120,
    large_rows=600,
    large_units=40_000,
    large_variants=2_000,
    two_hubs=False,
    channel_sales=6,
    channel_sales_per_second=10.0,
    channel_variants=6,
    drained=40,
    compared=10,
    idle_seconds=1.0,
)


@dataclass(frozen=True)
class Stage:
    """A running hub with its first admin signed in."""

    hub: Hub
    generator: Generator
    scale: Scale
    token: str
    stubs: dict[str, Any]
    scratch: Path

    @property
    def credentials(self) -> tuple[tuple[str, str], ...]:
        """The metadata of the admin's calls."""
        return (("authorization", f"Bearer {self.token}"),)

    def pid(self, process: str) -> int:
        """The id of one of the hub's processes."""
        pid = self.hub.processes[process].pid
        assert pid is not None
        return pid

    @property
    def gateway(self) -> str:
        """host:port of the gateway."""
        return urlsplit(self.hub.gateway_url).netloc

    def grpc_job(self, target: str, path: str, messages: Sequence[Message], **more: Any) -> Job:
        """Calls of one unary rpc, signed in."""
        bodies = [base64.b64encode(grpc_message(message.SerializeToString())).decode() for message in messages]
        job = empty_job(target, path, seconds=self.scale.seconds)
        return replace(job, bodies=bodies, secret=self.credentials, **more)

    def json_job(self, paths: Sequence[str], **more: Any) -> Job:
        """GETs at the gateway, signed in."""
        headers = [
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", self.gateway),
            ("accept", "application/json"),
        ]
        job = Job(target=self.gateway, paths=paths, headers=headers, secret=self.credentials)
        return replace(job, seconds=self.scale.seconds, **more)


def empty_job(target: str, path: str, seconds: float) -> Job:
    """Calls of one unary rpc with an empty message and nothing but what gRPC itself sends."""
    headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", target),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", "grpc-bench"),
    ]
    body = base64.b64encode(grpc_message(b"")).decode()
    return Job(target=target, paths=[path], bodies=[body], headers=headers, seconds=seconds)


@asynccontextmanager
async def raised(scale: Scale) -> AsyncIterator[Stage]:
    """A hub of its own on a scratch folder, stopped and removed at the end. Raises what Hub.start raises."""
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hub-bench-")))
        settings = HubSettings(state_dir=scratch / "state", gateway_port=0, environ=_clean_environment())
        hub = await stack.enter_async_context(Hub(settings))
        generator = await stack.enter_async_context(Generator())
        stubs = {}
        for name, stub in _STUBS.items():
            channel = grpc.aio.insecure_channel(hub.addresses[name], options=_CHANNEL_OPTIONS)
            stubs[name] = stub(await stack.enter_async_context(channel))
        stage = Stage(hub, generator, scale, await _sign_in(hub), stubs, scratch)
        await _make_shelf(stage)
        yield stage


def _clean_environment() -> dict[str, str]:
    """The caller's environment without settings of some other hub."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HUB_") and name != "DATABASE_URL"}


async def _make_shelf(stage: Stage) -> None:
    """The location that all units of a bench go to."""
    request = location_pb2.CreateLocationRequest(location=location_pb2.Location(code=SHELF))
    await stage.stubs["inventory"].CreateLocation(request, metadata=stage.credentials, timeout=30)


async def _sign_in(hub: Hub) -> str:
    async with grpc.aio.insecure_channel(hub.addresses["auth"]) as channel:
        request = auth_service_pb2.IssueTokenRequest(
            grant_type="password", username=hub.admin_user, password=hub.admin_password
        )
        answer = await auth_service_pb2_grpc.AuthServiceStub(channel).IssueToken(request, timeout=30)
    return str(answer.access_token)
