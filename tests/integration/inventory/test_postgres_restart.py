"""Postgres goes away under load: callers see UNAVAILABLE at most, what was acknowledged is there, repeats do no harm."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import grpc
import pytest
from usav.inventory.v1 import inventory_service_pb2 as service

from deploy.local.migrate import migrate
from deploy.local.ports import Ports
from deploy.local.postgres import EmbeddedPostgres, PostgresPlace
from tests.factories.folders import scratch_folder
from tests.integration.inventory.harness import ROLE_SECRET, InventoryHub

CALLERS = 16
UNITS_EACH = 60


@pytest.fixture
async def server() -> AsyncIterator[EmbeddedPostgres]:
    """A server of its own, as durable as in use."""
    with scratch_folder() as folder, Ports() as ports:
        place = PostgresPlace(data=folder / "data", log=folder / "log", port=ports.take_free(), password="p" * 20)
        postgres = EmbeddedPostgres(place)
        await postgres.start()
        yield postgres
        await postgres.stop()


class Load:
    """Callers who each reserve their own units, every second one with a request id that it repeats until it is answered."""

    def __init__(self, hub: InventoryHub) -> None:
        self.hub = hub
        self.acknowledged: set[int] = set()
        self.errors: Counter[str] = Counter()

    async def reserve_all(self, caller: int, units: list[int]) -> None:
        for place, unit in enumerate(units):
            request_id = f"{caller}-{place}" if place % 2 else ""
            request = service.ReserveItemRequest(id=unit, request_id=request_id)
            answered = await self._try(unit, request)
            while request_id and not answered:
                await asyncio.sleep(0.02)
                answered = await self._try(unit, request)

    async def _try(self, unit: int, request: service.ReserveItemRequest) -> bool:
        try:
            await self.hub.admin.ReserveItem(request)
        except grpc.aio.AioRpcError as error:
            self.errors[error.code().name] += 1
            return False
        self.acknowledged.add(unit)
        return True


@pytest.mark.parametrize("how", ["restart", "kill"])
async def test_restart_under_load_loses_nothing_acknowledged(server: EmbeddedPostgres, how: str) -> None:
    url = server.place.url("inventory_load")
    await migrate(url, ROLE_SECRET, ("inventory",))
    hub = await InventoryHub.start(url)
    try:
        units = [item.id for item in await hub.receive(count=CALLERS * UNITS_EACH)]
        load = Load(hub)
        callers = [asyncio.create_task(load.reserve_all(number, units[number::CALLERS])) for number in range(CALLERS)]
        await asyncio.sleep(0.2)
        if how == "kill":
            server.process.kill()
        else:
            await server.stop()
            await server.start()
        await asyncio.wait_for(asyncio.gather(*callers), 60)
        await check(load, units)
    finally:
        await hub.stop()


async def check(load: Load, units: list[int]) -> None:
    hub = load.hub
    # It did hit them, and they saw nothing worse.
    assert set(load.errors) == {"UNAVAILABLE"}
    query = "SELECT item_id, count(*) AS times FROM inventory.movement WHERE action = 'RESERVE' GROUP BY item_id"
    reserved = {row["item_id"]: row["times"] for row in await hub.rows(query)}
    assert load.acknowledged <= set(reserved)
    assert set(reserved.values()) == {1}
    repeated = {unit for number in range(CALLERS) for unit in units[number::CALLERS][1::2]}
    assert repeated <= load.acknowledged
    await hub.check_invariants()
