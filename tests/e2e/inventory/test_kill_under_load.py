"""kill -9 of inventory_svc and of Postgres in the middle of load: what was acknowledged is there, nothing is half done."""

from __future__ import annotations

import asyncio
import itertools
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import grpc
import httpx2
import pytest
from google.protobuf.message import Message
from usav.inventory.v1 import allocation_pb2, batches_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from deploy.local.hub import Hub
from deploy.local.settings import HubSettings
from tests.e2e.conftest import clean_environment, make_locations
from tests.e2e.inventory.scene import Person, Shelf, a_shelf, fill, people
from tests.factories.folders import scratch_folder
from tests.factories.inventory.crowd import LOST, reason_of
from tests.factories.inventory.invariants import check_invariants
from tests.factories.json_stub import JsonRefused

CALLERS = 16
PLACES = ("A1-S1", "A1-S2", "B2", "X")
# What a caller may see while a part of the hub is away; then he asks again.
AWAY = {"UNAVAILABLE", "503", "504", "DEADLINE_EXCEEDED", "cut off"}
Line = service.AllocateUnitsRequest.Line


@pytest.fixture(scope="module")
async def durable_hub() -> AsyncIterator[Hub]:
    """A hub with a database as durable as in use, and no more than these tests need."""
    with scratch_folder() as folder:
        settings = HubSettings(
            state_dir=folder / "state", gateway_port=0, environ=clean_environment(), skip=frozenset({"sync", "sandbox"})
        )
        async with Hub(settings) as hub:
            await make_locations(hub)
            yield hub


@dataclass(frozen=True)
class Done:
    """A call that was acknowledged."""

    method: str
    request: Any
    answer: Message


@dataclass
class Load:
    """Callers that change stock in every way, each call with a request id and repeated until it is answered for good."""

    person: Person
    shelf: Shelf
    units: list[int]
    dice: random.Random
    done: list[Done] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    away: Counter[str] = field(default_factory=Counter)
    stopping: bool = False
    _orders: Any = field(default_factory=lambda: itertools.count(1))

    async def run(self) -> None:
        await asyncio.gather(*(self._caller() for _ in range(CALLERS)))

    async def _caller(self) -> None:
        ways = [self._receive, self._reserve, self._batch, self._move, self._allocate, self._settle]
        while not self.stopping:
            method, request = self.dice.choice(ways)()
            request.request_id = uuid.uuid4().hex
            await self._until_answered(method, request)

    async def _until_answered(self, method: str, request: Any) -> None:
        while True:
            try:
                answer = await getattr(self.person.stub(), method)(request)
            except (grpc.aio.AioRpcError, JsonRefused, httpx2.TransportError) as error:
                reason = "cut off" if isinstance(error, httpx2.TransportError) else reason_of(error)
                if isinstance(error, grpc.aio.AioRpcError) and error.code().name in AWAY:
                    reason = error.code().name
                if isinstance(error, JsonRefused) and str(error.status) in AWAY:
                    reason = str(error.status)
                if reason in AWAY:
                    self.away[reason] += 1
                    await asyncio.sleep(0.05)
                    continue
                self.refused[reason] += 1
                return
            self.done.append(Done(method, request, answer))
            return

    def _receive(self) -> tuple[str, Any]:
        return "ReceiveItems", service.ReceiveItemsRequest(sku=self.dice.choice(self.shelf.skus), count=3, location="X")

    def _reserve(self) -> tuple[str, Any]:
        return "ReserveItem", service.ReserveItemRequest(id=self.dice.choice(self.units))

    def _batch(self) -> tuple[str, Any]:
        return "BatchReserveItems", batches_pb2.BatchReserveItemsRequest(ids=self.dice.sample(self.units, 3))

    def _move(self) -> tuple[str, Any]:
        return "MoveItem", service.MoveItemRequest(id=self.dice.choice(self.units), location=self.dice.choice(PLACES))

    def _allocate(self) -> tuple[str, Any]:
        lines = [
            Line(line_id="1", sku=self.shelf.bundle, quantity=1),
            Line(line_id="2", sku=self.dice.choice(self.shelf.skus), quantity=2),
        ]
        request = service.AllocateUnitsRequest(order_reference=f"K-{next(self._orders)}", lines=lines)
        request.sell = self.dice.random() < 0.3
        return "AllocateUnits", request

    def _settle(self) -> tuple[str, Any]:
        """An order is committed or released, some that were never made included."""
        order = f"K-{self.dice.randint(1, 40)}"
        if self.dice.random() < 0.5:
            return "CommitAllocation", allocation_pb2.CommitAllocationRequest(order_reference=order)
        return "ReleaseAllocation", service.ReleaseAllocationRequest(order_reference=order)


def units_told(answer: Any) -> int | None:
    """How many units an answer says were changed; None where it does not tell."""
    if isinstance(answer, service.ReceiveItemsResponse):
        return len(answer.items)
    if isinstance(answer, batches_pb2.BatchUnitsResponse):
        return sum(result.done for result in answer.results)
    if isinstance(answer, (service.AllocateUnitsResponse, service.ReleaseAllocationResponse)):
        return sum(len(line.items) for line in answer.lines)
    return None if isinstance(answer, allocation_pb2.Allocation) else 1


async def kill_inventory(hub: Hub) -> None:
    process = hub.processes["inventory"]
    process.give_up()
    await process.stop()
    await asyncio.sleep(0.2)
    await process.start()


async def kill_postgres(hub: Hub) -> None:
    assert hub.postgres is not None
    process = hub.postgres.process
    process.give_up()
    await process.stop()
    await process.start()
    await hub.postgres.wait_ready()


async def under_load(hub: Hub, kills: list[Callable[[Hub], Awaitable[None]]], pause: float) -> None:
    async with people(hub) as (person,):
        shelf = await a_shelf(person.client)
        load = Load(person, shelf, await fill(person.client, shelf, 500), random.Random(len(kills)))
        running = asyncio.create_task(load.run())
        for kill in kills:
            await asyncio.sleep(pause * (0.5 + load.dice.random()))
            await kill(hub)
            await hub.wait_healthy()
            await person.sign_in()
        await asyncio.sleep(pause)
        load.stopping = True
        await asyncio.wait_for(running, 60)
        await check(hub, load)


async def check(hub: Hub, load: Load) -> None:
    assert load.away.total() > 0
    assert set(load.refused) <= LOST | {"ALLOCATION_NOT_HELD", "ALLOCATION_NOT_FOUND", "ALLOCATION_RELEASED"}
    await check_invariants(hub.database_url)
    before = await ledger(hub)
    told = {done.request.request_id: units_told(done.answer) for done in load.done}
    assert set(before) <= set(told)
    wrong = {key: (count, before[key]) for key, count in told.items() if count is not None and before[key] != count}
    assert wrong == {}
    for done in load.dice.sample(load.done, min(len(load.done), 300)):
        assert await getattr(load.person.stub(), done.method)(done.request) == done.answer
    assert await ledger(hub) == before
    await check_invariants(hub.database_url)


async def ledger(hub: Hub) -> Counter[str]:
    """How many rows each of the load's requests has written; their ids are longer than those the hub makes up."""
    connection = await asyncpg.connect(hub.database_url)
    query = (
        "SELECT request_id, count(*) AS rows FROM inventory.movement WHERE length(request_id) = 32 GROUP BY request_id"
    )
    rows = await connection.fetch(query)
    await connection.close()
    return Counter({row["request_id"]: row["rows"] for row in rows})


async def test_kills_under_load_lose_nothing_and_leave_nothing_half_done(durable_hub: Hub) -> None:
    await under_load(durable_hub, [kill_inventory, kill_postgres, kill_inventory], pause=0.6)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kill", [kill_inventory, kill_postgres])
async def test_fifty_kills_under_load(durable_hub: Hub, kill: Callable[[Hub], Awaitable[None]]) -> None:
    await under_load(durable_hub, [kill] * 50, pause=1.0)
