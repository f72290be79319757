"""Only the database's clock counts: services whose own is an hour off in either direction hold exactly as long as they said."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import inventory_service_pb2_grpc, item_pb2

from tests.integration.inventory.harness import Caller, InventoryHub, duration, moment, refusal

HOUR = 3600.0
_SWEEPS_SECONDS = 2.2


class Replica:
    """Another service on the same database, whose clock is off."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        self.bot = Caller(inventory_service_pb2_grpc.InventoryServiceStub(self.channel), "SYSTEM_BOT:off")


async def replica(database_url: str, seconds: float) -> Replica:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integration.inventory.shifted_service", database_url, str(seconds)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    port, its_time = (await asyncio.wait_for(process.stdout.readline(), 60)).split()
    assert abs(float(its_time) - time.time() - seconds) < HOUR / 2
    return Replica(process, int(port))


@pytest.fixture(scope="module")
async def replicas(database_url: str, hub: InventoryHub) -> AsyncIterator[list[Replica]]:
    """One an hour ahead, one an hour behind. They sweep, as does the one whose clock is right."""
    started = await asyncio.gather(replica(database_url, HOUR), replica(database_url, -HOUR))
    yield list(started)
    for each in started:
        await each.channel.close()
        assert each.process.stdin
        each.process.stdin.close()
        assert await asyncio.wait_for(each.process.wait(), 20) == 0


async def statuses(stubs: list[Any], item_id: int) -> set[str]:
    """What all of them say of a unit."""
    items = await asyncio.gather(*(stub.GetItem(service.GetItemRequest(id=item_id)) for stub in stubs))
    return {item_pb2.Item.Status.Name(item.status) for item in items}


async def test_no_clock_but_the_databases_ends_a_hold(hub: InventoryHub, replicas: list[Replica]) -> None:
    stubs = [hub.caller("SYSTEM_BOT:right"), *(each.bot for each in replicas)]
    units = [await hub.unit() for _ in stubs]
    before = time.time()
    for stub, unit in zip(stubs, units, strict=True):
        held = await stub.ReserveItem(service.ReserveItemRequest(id=unit.id, hold_duration=duration(600)))
        assert 595 < moment(held.reservation.expire_time).timestamp() - before < 660
    # Every one of them has swept by then.
    await asyncio.sleep(_SWEEPS_SECONDS)
    for unit in units:
        assert await statuses(stubs, unit.id) == {"RESERVED"}
        assert await hub.actions(unit.id) == ["RECEIVE", "RESERVE"]
        for stub in stubs:
            refused = await refusal(stub.ReserveItem(service.ReserveItemRequest(id=unit.id)))
            assert refused.reason == "STATUS_FORBIDS"
    free = await replicas[0].bot.BatchGetAvailability(
        service.BatchGetAvailabilityRequest(skus=[unit.sku for unit in units])
    )
    assert [each.free_units for each in free.items] == [0, 0, 0]


async def test_a_hold_of_a_clock_that_is_off_ends_in_time(hub: InventoryHub, replicas: list[Replica]) -> None:
    stubs = [hub.caller("SYSTEM_BOT:right"), *(each.bot for each in replicas)]
    units = [await hub.unit() for _ in stubs]
    for stub, unit in zip(stubs, units, strict=True):
        await stub.ReserveItem(service.ReserveItemRequest(id=unit.id, hold_duration=duration(1)))
        assert await statuses(stubs, unit.id) == {"RESERVED"}
    await asyncio.sleep(_SWEEPS_SECONDS)
    for unit in units:
        assert await statuses(stubs, unit.id) == {"AVAILABLE"}
        assert await hub.actions(unit.id) == ["RECEIVE", "RESERVE", "EXPIRE"]
