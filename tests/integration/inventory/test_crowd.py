"""Sixty-four callers on the same units in every way there is: each unit has one winner at most, and losers are told why."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import grpc
import pytest
from usav.inventory.v1 import allocation_pb2, batches_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from tests.integration.inventory.harness import InventoryHub, new_bundle, new_sku, refusal_of

CALLERS = 64
LOST = {"OUT_OF_STOCK", "STATUS_FORBIDS", "HELD_FOR_ANOTHER", "UNIT_CONTENDED"}
Line = service.AllocateUnitsRequest.Line


class Crowd:
    """Callers that take units, each under an order of its own, and remember what they got."""

    def __init__(self, hub: InventoryHub, skus: list[str], bundle: str, units: list[int], seed: int) -> None:
        self.hub, self.skus, self.bundle, self.units = hub, skus, bundle, units
        self.dice = random.Random(seed)
        self.won: list[int] = []
        self.lost: set[str] = set()

    async def run(self, calls: int) -> None:
        """All of them at once, so many calls each."""
        await asyncio.gather(*(self._caller(f"{id(self)}-{number}", calls) for number in range(CALLERS)))

    async def _caller(self, name: str, calls: int) -> None:
        for number in range(calls):
            # Another user each time: whoever holds a unit may sell it, and would win it twice.
            stub = self.hub.caller(f"SALES_REP:{name}-{number}")
            way = self.dice.choice([self._single, self._batch, self._order, self._bundle])
            try:
                self.won += await way(stub, f"{name}-{number}")
            except grpc.aio.AioRpcError as error:
                self.lost.add(refusal_of(error).reason)

    async def _single(self, stub: Any, order: str) -> list[int]:
        unit = self.dice.choice(self.units)
        if self.dice.random() < 0.5:
            return [(await stub.ReserveItem(service.ReserveItemRequest(id=unit, order_reference=order))).id]
        return [(await stub.SellItem(service.SellItemRequest(id=unit, order_reference=order))).id]

    async def _batch(self, stub: Any, order: str) -> list[int]:
        request = batches_pb2.BatchReserveItemsRequest(
            ids=self.dice.sample(self.units, 8), order_reference=order, allow_partial=self.dice.random() < 0.5
        )
        return [result.item_id for result in (await stub.BatchReserveItems(request)).results if result.done]

    async def _order(self, stub: Any, order: str) -> list[int]:
        return await self._allocate(
            stub, order, [(sku, self.dice.randint(1, 3)) for sku in self.dice.sample(self.skus, 3)]
        )

    async def _bundle(self, stub: Any, order: str) -> list[int]:
        return await self._allocate(stub, order, [(self.bundle, self.dice.randint(1, 2)), (self.skus[0], 1)])

    async def _allocate(self, stub: Any, order: str, lines: list[tuple[str, int]]) -> list[int]:
        asked = [Line(line_id=sku, sku=sku, quantity=count) for sku, count in lines]
        answer = await stub.AllocateUnits(service.AllocateUnitsRequest(order_reference=order, lines=asked))
        taken = [item.id for line in answer.lines for item in line.items]
        if self.dice.random() < 0.3:
            await stub.CommitAllocation(allocation_pb2.CommitAllocationRequest(order_reference=order))
        return taken


async def crowd_round(hub: InventoryHub, seed: int, *, units: int, calls: int) -> None:
    skus = [new_sku() for _ in range(5)]
    bundle = new_bundle(hub, (2, (skus[0], skus[1])), (1, (skus[2],)))
    received = [item.id for sku in skus for item in await hub.receive(sku, count=units // len(skus))]
    crowd = Crowd(hub, skus, bundle, received, seed)
    await crowd.run(calls)
    assert len(crowd.won) == len(set(crowd.won))
    assert crowd.lost <= LOST
    query = "SELECT id FROM inventory.item WHERE id = ANY($1) AND status IN ('RESERVED', 'SOLD')"
    assert {row["id"] for row in await hub.rows(query, received)} == set(crowd.won)


async def test_crowd_never_shares_a_unit(hub: InventoryHub) -> None:
    await crowd_round(hub, 1, units=1000, calls=4)
    await crowd_round(hub, 2, units=200, calls=6)
    await hub.check_invariants()


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_crowd_never_shares_a_unit_in_two_hundred_rounds(hub: InventoryHub) -> None:
    for seed in range(200):
        await crowd_round(hub, seed, units=1000, calls=8)
    await hub.check_invariants()
