"""Random sequences of calls to the real service, each compared with a simple model: the answer, and the stock after it."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import grpc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from usav.inventory.v1 import after_sale_pb2, item_pb2, stock_count_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from tests.integration.inventory.harness import InventoryHub, new_sku, refusal_of
from tests.property.inventory.model import AFTER_SALE, OK, Stock, Unit

_runs = itertools.count(1)
_PLACES = st.integers(0, 7)
_CALLERS = st.sampled_from(["ann", "bob"])
_ORDERS = st.sampled_from(["", "X", "Y"])
_NAMED_ORDERS = st.sampled_from(["X", "Y", "Z"])

STEPS = st.one_of(
    st.tuples(st.just("receive"), st.integers(1, 3)),
    st.tuples(st.just("reserve"), _PLACES, _CALLERS, _ORDERS),
    st.tuples(st.just("release"), _PLACES, _CALLERS, _ORDERS),
    st.tuples(st.just("sell"), _PLACES, _CALLERS, _ORDERS),
    st.tuples(st.just("expire"), _PLACES),
    st.tuples(st.just("move"), _PLACES, st.sampled_from(["A", "B"])),
    st.tuples(st.just("delete"), _PLACES),
    st.tuples(st.just("take_back"), _PLACES, _ORDERS),
    st.tuples(st.just("after_sale"), _PLACES, st.sampled_from(sorted(AFTER_SALE))),
    st.tuples(st.just("count"), _PLACES, st.sampled_from(["A", "B"])),
    st.tuples(st.just("allocate"), _NAMED_ORDERS, st.integers(1, 3), _CALLERS, st.booleans()),
    st.tuples(st.just("release_allocation"), _NAMED_ORDERS),
)


async def outcome(call: Awaitable[Any]) -> str:
    """OK, or the reason of the refusal."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return refusal_of(error).reason
    return OK


@dataclass
class Run:
    """One sequence: a fresh SKU, its model, and order references of its own."""

    hub: InventoryHub
    sku: str
    stock: Stock
    number: int

    def order(self, name: str) -> str:
        return f"{name}-{self.number}" if name else ""

    def caller(self, name: str) -> Any:
        return self.hub.caller(f"SALES_REP:{name}")

    async def step(self, name: str, *arguments: Any) -> None:
        """Does a step in both worlds and compares the answers. Steps on units wait until there are some."""
        if name in ("receive", "allocate", "release_allocation"):
            await getattr(self, name)(*arguments)
            return
        unit = self.stock.pick(arguments[0])
        if unit is not None:
            await getattr(self, name)(unit, *arguments[1:])

    async def receive(self, count: int) -> None:
        for item in await self.hub.receive(self.sku, count=count):
            self.stock.units.append(Unit(item.id))

    async def reserve(self, unit: Unit, caller: str, order: str) -> None:
        request = service.ReserveItemRequest(id=unit.id, order_reference=self.order(order))
        expected = self.stock.reserve(unit, caller, self.order(order))
        assert await outcome(self.caller(caller).ReserveItem(request)) == expected

    async def release(self, unit: Unit, caller: str, order: str) -> None:
        request = service.ReleaseItemRequest(id=unit.id, order_reference=self.order(order))
        expected = self.stock.release(unit, self.order(order))
        assert await outcome(self.caller(caller).ReleaseItem(request)) == expected

    async def sell(self, unit: Unit, caller: str, order: str) -> None:
        request = service.SellItemRequest(id=unit.id, order_reference=self.order(order))
        expected = self.stock.sell(unit, caller, self.order(order))
        assert await outcome(self.caller(caller).SellItem(request)) == expected

    async def expire(self, unit: Unit) -> None:
        self.stock.expire(unit)
        await self.hub.pass_time(unit.id)

    async def move(self, unit: Unit, location: str) -> None:
        request = service.MoveItemRequest(id=unit.id, location=location)
        assert await outcome(self.hub.admin.MoveItem(request)) == self.stock.move(unit, location)

    async def take_back(self, unit: Unit, order: str) -> None:
        request = after_sale_pb2.ReturnItemRequest(id=unit.id, order_reference=self.order(order), reason="x")
        expected = self.stock.take_back(unit, self.order(order))
        assert await outcome(self.hub.admin.ReturnItem(request)) == expected

    async def after_sale(self, unit: Unit, method: str) -> None:
        request = getattr(after_sale_pb2, f"{method}Request")(id=unit.id, reason="x")
        assert await outcome(getattr(self.hub.admin, method)(request)) == self.stock.after_sale(method, unit)

    async def count(self, unit: Unit, location: str) -> None:
        """The unit is scanned at a location; nothing else there has a serial number, so nothing else is judged."""
        admin = self.hub.admin
        count = await admin.CreateStockCount(stock_count_pb2.CreateStockCountRequest(locations=[location]))
        await admin.ScanStockCount(stock_count_pb2.ScanStockCountRequest(id=count.id, code=f"#{unit.id}"))
        await admin.CloseStockCount(stock_count_pb2.CloseStockCountRequest(id=count.id))
        await admin.ApproveStockCount(stock_count_pb2.ApproveStockCountRequest(id=count.id))
        self.stock.count(unit, location)

    async def delete(self, unit: Unit) -> None:
        request = service.DeleteItemRequest(id=unit.id)
        assert await outcome(self.hub.admin.DeleteItem(request)) == self.stock.delete(unit)

    async def allocate(self, order: str, quantity: int, caller: str, sell: bool) -> None:
        line = service.AllocateUnitsRequest.Line(line_id="1", sku=self.sku, quantity=quantity)
        request = service.AllocateUnitsRequest(order_reference=self.order(order), lines=[line], sell=sell)
        expected = self.stock.allocate(self.order(order), quantity, caller, sell)
        assert await outcome(self.caller(caller).AllocateUnits(request)) == expected

    async def release_allocation(self, order: str) -> None:
        request = service.ReleaseAllocationRequest(order_reference=self.order(order))
        expected = self.stock.release_allocation(self.order(order))
        assert await outcome(self.hub.admin.ReleaseAllocation(request)) == expected

    async def compare(self) -> None:
        """The units, the counts and the availability are those of the model."""
        page = await self.hub.admin.ListItems(service.ListItemsRequest(sku=self.sku, page_size=1000))
        seen = {item.id: (item_pb2.Item.Status.Name(item.status), item.location) for item in page.items}
        units = [unit for unit in self.stock.units if not unit.is_deleted]
        assert seen == {unit.id: (unit.status, unit.location) for unit in units}
        holders = {item.id: item.reservation.holder_id for item in page.items if item.HasField("reservation")}
        assert holders == {unit.id: unit.holder for unit in units if unit.status == "RESERVED"}
        counts, expected = await self._summary(), self.stock.counts()
        assert (counts.available_units, counts.reserved_units, counts.sold_units, counts.total_units) == (
            expected["AVAILABLE"],
            expected["RESERVED"],
            expected["SOLD"],
            len(units),
        )
        free = await self.hub.admin.BatchGetAvailability(service.BatchGetAvailabilityRequest(skus=[self.sku]))
        assert free.items[0].free_units == expected["AVAILABLE"]

    async def _summary(self) -> service.StockSummary:
        counts: service.StockSummary = await self.hub.admin.GetStockSummary(
            service.GetStockSummaryRequest(sku=self.sku)
        )
        return counts


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(steps=st.lists(STEPS, min_size=5, max_size=25))
async def test_service_does_what_the_model_does(hub: InventoryHub, steps: list[tuple[Any, ...]]) -> None:
    run = Run(hub, new_sku(), Stock(), next(_runs))
    await run.receive(3)
    for name, *arguments in steps:
        await run.step(name, *arguments)
        await run.compare()


async def test_ledger_holds_and_feed_agree_after_all_of_it(hub: InventoryHub) -> None:
    await hub.check_invariants()
