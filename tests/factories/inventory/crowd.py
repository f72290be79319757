"""Sixty-four callers that take units in every way there is, each under an order of its own, and remember what they got."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from usav.inventory.v1 import allocation_pb2, batches_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from tests.factories.json_stub import JsonRefused

CALLERS = 64
LOST = {"OUT_OF_STOCK", "STATUS_FORBIDS", "HELD_FOR_ANOTHER", "UNIT_CONTENDED"}
Line = service.AllocateUnitsRequest.Line
_numbers = itertools.count(1)

# Gives the stub of a caller, by his name.
Stubs = Callable[[str], Any]


def reason_of(error: Exception) -> str:
    """Why a call was refused; its status where no reason is told."""
    if isinstance(error, JsonRefused):
        return error.reason or str(error.status)
    assert isinstance(error, grpc.aio.AioRpcError)
    info, status = error_details_pb2.ErrorInfo(), rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        if detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
    return info.reason or str(error.code().name)


@dataclass
class Crowd:
    """Whoever holds a unit may sell it, and would win it twice: so nobody who `holds` may also be one who `sells`."""

    holds: Stubs
    sells: Stubs
    skus: Sequence[str]
    bundle: str
    units: Sequence[int]
    dice: random.Random
    won: list[int] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)

    async def run(self, calls: int) -> None:
        """All of them at once, so many calls each."""
        run = next(_numbers)
        await asyncio.gather(*(self._caller(f"{run}-{number}", calls) for number in range(CALLERS)))

    async def _caller(self, name: str, calls: int) -> None:
        for number in range(calls):
            way = self.dice.choice([self._single, self._batch, self._order, self._bundle])
            try:
                self.won += await way(f"{name}-{number}")
            except (grpc.aio.AioRpcError, JsonRefused) as error:
                self.lost.add(reason_of(error))

    async def _single(self, order: str) -> list[int]:
        unit = self.dice.choice(self.units)
        if self.dice.random() < 0.5:
            request = service.ReserveItemRequest(id=unit, order_reference=order)
            return [(await self.holds(order).ReserveItem(request)).id]
        return [(await self.sells(order).SellItem(service.SellItemRequest(id=unit, order_reference=order))).id]

    async def _batch(self, order: str) -> list[int]:
        request = batches_pb2.BatchReserveItemsRequest(
            ids=self.dice.sample(self.units, 8), order_reference=order, allow_partial=self.dice.random() < 0.5
        )
        answer = await self.holds(order).BatchReserveItems(request)
        return [result.item_id for result in answer.results if result.done]

    async def _order(self, order: str) -> list[int]:
        return await self._allocate(order, [(sku, self.dice.randint(1, 3)) for sku in self.dice.sample(self.skus, 3)])

    async def _bundle(self, order: str) -> list[int]:
        return await self._allocate(order, [(self.bundle, self.dice.randint(1, 2)), (self.skus[0], 1)])

    async def _allocate(self, order: str, lines: list[tuple[str, int]]) -> list[int]:
        asked = [Line(line_id=sku, sku=sku, quantity=count) for sku, count in lines]
        stub = self.holds(order)
        answer = await stub.AllocateUnits(service.AllocateUnitsRequest(order_reference=order, lines=asked))
        taken = [item.id for line in answer.lines for item in line.items]
        if self.dice.random() < 0.3:
            await stub.CommitAllocation(allocation_pb2.CommitAllocationRequest(order_reference=order))
        return taken

    def check(self, taken: set[int]) -> None:
        """Each unit has one winner, losers were told why, and nothing else is `taken`."""
        assert len(self.won) == len(set(self.won))
        assert self.lost <= LOST
        assert taken == set(self.won)
