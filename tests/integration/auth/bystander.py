"""Another service of the hub, that knows auth only over gRPC: it answers who calls, and follows ended sessions and keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import grpc
import pytest
from usav.inventory.v1 import inventory_service_pb2 as pb
from usav.inventory.v1 import inventory_service_pb2_grpc as pb_grpc
from usav.inventory.v1 import item_pb2

from chassis.clients import Clients
from chassis.context import current_call
from chassis.database import Database
from chassis.server import Registration, Service, start
from chassis.settings import ServiceSettings
from chassis.trust import follow_trust
from tests.integration.auth.harness import CLIENT_SECRET, bearer


class _Servicer(pb_grpc.InventoryServiceServicer):
    async def GetItem(self, request: pb.GetItemRequest, context: Any) -> item_pb2.Item:
        return item_pb2.Item(notes=current_call().principal.username)

    async def WatchStock(self, request: Any, context: Any) -> AsyncIterator[pb.WatchStockResponse]:
        while True:
            yield pb.WatchStockResponse(resume_token="1")
            await asyncio.sleep(0.02)


class Bystander:
    """A started service and the names of those it lets in."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.stub: Any = pb_grpc.InventoryServiceStub(channel)

    async def answer(self, access_token: str) -> str:
        """The name of the caller, or the reason why it is refused."""
        try:
            item = await self.stub.GetItem(pb.GetItemRequest(serial_number="x"), metadata=bearer(access_token))
        except grpc.aio.AioRpcError as error:
            return str(error.details())
        return str(item.notes)

    async def lets_in(self, access_token: str) -> bool:
        """Whether the token opens a door here."""
        return "session" not in await self.answer(access_token)


@asynccontextmanager
async def bystander(auth_port: int, patch: pytest.MonkeyPatch, **changes: Any) -> AsyncIterator[Bystander]:
    """A service that finds auth on that port; `changes` are settings."""
    patch.setattr("chassis.readiness.known_revisions", lambda _: ["0001"])
    values: dict[str, Any] = {
        "database_url": "postgresql://nobody@127.0.0.1:1/none",
        "seal_key": "k",
        "auth_address": f"127.0.0.1:{auth_port}",
        "client_id": "sync-svc",
        "client_secret": CLIENT_SECRET,
    }
    settings = ServiceSettings(**{**values, **changes})
    clients = Clients(settings)
    service = Service(
        name="bystander",
        registrations=[
            Registration(
                pb.DESCRIPTOR.services_by_name["InventoryService"],
                pb_grpc.add_InventoryServiceServicer_to_server,
                _Servicer(),  # type: ignore[abstract]  # it answers what the tests ask, no more
            )
        ],
        db=await Database.open(settings.database_url, schema="inventory"),
        migrations="none",
        fetch_keys=clients.fetch_keys,
        closers=[clients.close],
        follow_trust=partial(follow_trust, clients),
    )
    running = await start(service, settings)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as channel:
        yield Bystander(channel)
    await running.stop()


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> float:
    """Waits until it holds; how long that took. Fails when it takes too long."""
    began = time.monotonic()
    while not await condition():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        await asyncio.sleep(0.01)
    return time.monotonic() - began
