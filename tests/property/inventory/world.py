"""A real service and its models side by side: each step is done in both, and then both are compared from end to end.

The service can be made to crash in the middle of the next call: its connections are cut, another one starts on the same
database, and the call is made again with its request id. Nothing tidies in the background, so that every step is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import asyncpg
import grpc
from google.protobuf.message import Message
from usav.inventory.v1 import after_sale_pb2 as after_sale
from usav.inventory.v1 import allocation_pb2, item_pb2, stock_count_pb2, transfer_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from tests.factories.inventory.invariants import check_invariants_on, faults
from tests.integration.inventory.harness import InventoryHub, dollars, new_bundle, new_sku, refusal_of
from tests.property.inventory.count_model import Count
from tests.property.inventory.model import AWAY, OK, ON_HAND, Stock, Unit
from tests.property.inventory.order_model import Asked, Orders

_TABLES = (
    "item", "reservation", "movement", "outbox", "allocation_line", "allocation_component", "stored_answer", "stock_count",
    "count_location", "count_scan", "count_difference", "transfer", "transfer_unit", "stock_level", "stock_level_change",
    "location_level",
    "ledger_head",
)  # fmt: skip
_FAR = "INSERT INTO inventory.location (code, warehouse) VALUES ($1, 'FAR') ON CONFLICT DO NOTHING"
_KIND = stock_count_pb2.CountDifference.Kind.Name
_OUTCOME = stock_count_pb2.CountDifference.Outcome.Name
FAR = "FAR-1"


@dataclass
class Call:
    """A call that was answered, and may be made again."""

    caller: str
    method: str
    request: Message
    answer: Message


def _told(item: item_pb2.Item) -> tuple[str, ...]:
    order = item.order_reference or item.reservation.order_reference
    return item.sku, item_pb2.Item.Status.Name(item.status), item.location, item.reservation.holder_id, order


def _expected(unit: Unit) -> tuple[str, ...]:
    return unit.sku, unit.status, unit.location, unit.holder, unit.order


@dataclass
class World:
    """The service and what it should do. `begin` empties both."""

    hub: InventoryHub
    # An administrator's connection, which looks at the database itself.
    watcher: asyncpg.Connection
    stock: Stock = field(default_factory=Stock)
    orders: Orders = field(init=False)
    counts: list[Count] = field(default_factory=list)
    transfers: list[int] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    crash_after: float | None = None
    crashes: int = 0
    now: int = 0
    steps: int = 0
    skus: list[str] = field(default_factory=list)
    etags: dict[int, str] = field(default_factory=dict)
    _seen: dict[int, tuple[str, str]] = field(default_factory=dict)
    _moved_at: dict[int, int] = field(default_factory=dict)
    _run: int = 0

    async def begin(self) -> None:
        """Nothing in stock, and four SKUs: a thing, the same refurbished, another thing, and a bundle of them."""
        tables = ", ".join(f"inventory.{name}" for name in _TABLES)
        await self.watcher.execute(
            f"SET session_replication_role = replica; TRUNCATE {tables}; RESET session_replication_role"
        )
        await self.watcher.execute(_FAR, FAR)
        thing, other = new_sku(), new_sku()
        graded = f"{thing}-R"
        recipe = ((1, (thing,)), (2, (other, graded)))
        bundle = new_bundle(self.hub, *recipe)
        self.skus = [thing, graded, other, bundle]
        self.stock = Stock()
        self.orders = Orders(self.stock, {bundle: recipe})
        self.counts, self.transfers, self.calls = [], [], []
        self.etags, self._seen, self._moved_at = {}, {}, {}
        self.crash_after, self._run = None, self._run + 1

    # How calls are made.

    async def ask(self, method: str, request: Any, caller: str = "ADMIN") -> tuple[str, Any]:
        """How the call ends: OK and its answer, or the reason it is refused. Every other one has a request id."""
        self.now += 1
        if self.crash_after is not None or self.now % 2:
            request.request_id = f"{self._run}-{self.now}"
        if self.crash_after is not None:
            await self._crash_within(method, request, caller)
        outcome, answer = await self._call(method, request, caller)
        if outcome == OK and request.request_id:
            self.calls.append(Call(caller, method, request, answer))
        return outcome, answer

    async def _call(self, method: str, request: Any, caller: str) -> tuple[str, Any]:
        try:
            return OK, await getattr(self.hub.caller(caller), method)(request)
        except grpc.aio.AioRpcError as error:
            return refusal_of(error).reason or error.code().name, None

    async def _crash_within(self, method: str, request: Any, caller: str) -> None:
        delay, self.crash_after = self.crash_after or 0.0, None
        under_way = asyncio.ensure_future(self._call(method, request, caller))
        await asyncio.sleep(delay)
        await self.hub.crash()
        # Closing the channel ends the call one way or another.
        await asyncio.gather(under_way, return_exceptions=True)
        self.crashes += 1

    async def replay(self, place: int) -> None:
        """A call that was answered gets the same answer, and does nothing."""
        if self.calls:
            call = self.calls[place % len(self.calls)]
            outcome, answer = await self._call(call.method, call.request, call.caller)
            assert (outcome, answer) == (OK, call.answer)

    # What is done to single units.

    async def receive(self, sku: int, count: int, serials: bool, location: str, cost: int) -> None:
        numbers = [f"S{self._run}-{self.now}-{place}" for place in range(count)] if serials else []
        request = service.ReceiveItemsRequest(
            sku=self.skus[sku], serial_numbers=numbers, count=0 if serials else count, location=location
        )
        if cost:
            request.unit_cost.CopyFrom(dollars(cost / 100))
        outcome, answer = await self.ask("ReceiveItems", request)
        assert outcome == OK
        worth = Decimal(cost) / 100 if cost else None
        for item in answer.items:
            self.stock.units.append(Unit(item.id, item.sku, item.serial_number, worth, location))

    async def reserve(self, unit: Unit, caller: str, order: str) -> None:
        request = service.ReserveItemRequest(id=unit.id, order_reference=order)
        outcome, _ = await self.ask("ReserveItem", request, caller)
        assert outcome == self.stock.reserve(unit, caller.partition(":")[2], order)

    async def release(self, unit: Unit, caller: str, order: str) -> None:
        request = service.ReleaseItemRequest(id=unit.id, order_reference=order)
        outcome, _ = await self.ask("ReleaseItem", request, caller)
        assert outcome == self.stock.release(unit, order)

    async def sell(self, unit: Unit, caller: str, order: str) -> None:
        request = service.SellItemRequest(id=unit.id, order_reference=order)
        outcome, _ = await self.ask("SellItem", request, caller)
        assert outcome == self.stock.sell(unit, caller.partition(":")[2], order)

    async def expire(self, unit: Unit) -> None:
        self.stock.expire(unit)
        await self.hub.pass_time(unit.id)

    async def move(self, unit: Unit, location: str) -> None:
        outcome, _ = await self.ask("MoveItem", service.MoveItemRequest(id=unit.id, location=location))
        assert outcome == self.stock.move(unit, location)

    async def take_back(self, unit: Unit, order: str) -> None:
        request = after_sale.ReturnItemRequest(id=unit.id, order_reference=order, reason="x")
        outcome, _ = await self.ask("ReturnItem", request)
        assert outcome == self.stock.take_back(unit, order)

    async def restock(self, unit: Unit, sku: int) -> None:
        asked = self.skus[sku] if sku < len(self.skus) else ""
        outcome, _ = await self.ask("RestockItem", after_sale.RestockItemRequest(id=unit.id, sku=asked))
        assert outcome == self.stock.restock(unit, asked, self.skus[:2])

    async def after_sale(self, unit: Unit, method: str) -> None:
        request = getattr(after_sale, f"{method}Request")(id=unit.id, reason="x")
        outcome, _ = await self.ask(method, request)
        assert outcome == self.stock.after_sale(method, unit)

    async def delete(self, unit: Unit) -> None:
        outcome, _ = await self.ask("DeleteItem", service.DeleteItemRequest(id=unit.id))
        assert outcome == self.stock.delete(unit)

    async def ship(self, unit: Unit) -> None:
        request = transfer_pb2.CreateTransferRequest(ids=[unit.id], to_warehouse="FAR")
        outcome, answer = await self.ask("CreateTransfer", request)
        assert outcome == self.stock.ship(unit, answer.id if answer else 0)
        if answer:
            self.transfers.append(answer.id)

    async def arrive(self, unit: Unit, place: int) -> None:
        if self.transfers:
            transfer = self.transfers[place % len(self.transfers)]
            request = transfer_pb2.ReceiveTransferRequest(id=transfer, ids=[unit.id], location=FAR)
            outcome, _ = await self.ask("ReceiveTransfer", request)
            assert outcome == self.stock.arrive(unit, transfer, FAR)

    # Orders.

    async def allocate(self, order: str, asked: Mapping[str, Asked], caller: str, sell: bool) -> None:
        line = service.AllocateUnitsRequest.Line
        lines = [
            line(
                line_id=key,
                sku=each.sku,
                quantity=each.quantity,
                serial_numbers=[unit.serial for unit in each.named],
                quantity_change=service.AllocateUnitsRequest.QuantityChange.Value(
                    each.change or "QUANTITY_CHANGE_UNSPECIFIED"
                ),
            )
            for key, each in asked.items()
        ]
        request = service.AllocateUnitsRequest(order_reference=order, lines=lines, sell=sell)
        expected, need = self.orders.judge(order, asked)
        outcome, answer = await self.ask("AllocateUnits", request, caller)
        assert outcome == expected
        if answer:
            told = {each.line_id: [item.id for item in each.items] for each in answer.lines}
            self.orders.grant(order, asked, need, caller.partition(":")[2], sell, told)

    async def extend(self, order: str, line_ids: Sequence[str]) -> None:
        request = allocation_pb2.ExtendAllocationRequest(order_reference=order, line_ids=line_ids)
        outcome, _ = await self.ask("ExtendAllocation", request)
        assert outcome == self.orders.extend(order, line_ids)

    async def commit(self, order: str, line_ids: Sequence[str]) -> None:
        lines = [allocation_pb2.CommitAllocationRequest.Line(line_id=line_id) for line_id in line_ids]
        request = allocation_pb2.CommitAllocationRequest(order_reference=order, lines=lines)
        outcome, _ = await self.ask("CommitAllocation", request)
        assert outcome == self.orders.commit(order, line_ids)

    async def release_order(self, order: str, line_ids: Sequence[str]) -> None:
        request = service.ReleaseAllocationRequest(order_reference=order, line_ids=line_ids)
        outcome, _ = await self.ask("ReleaseAllocation", request)
        assert outcome == self.orders.release(order, line_ids)

    async def grant_all(self, sku: int) -> None:
        """As many as are said to be available are granted, and given back."""
        wanted = self.orders.grantable(self.skus[sku])
        if wanted:
            order = f"ALL-{self.now}"
            await self.allocate(order, {"1": Asked(self.skus[sku], wanted)}, "ADMIN:x", False)
            await self.release_order(order, ())

    # Counts.

    async def open_count(self, locations: Sequence[str]) -> None:
        taken = {code for count in self.counts if count.state == "OPEN" for code in count.locations}
        outcome, answer = await self.ask(
            "CreateStockCount", stock_count_pb2.CreateStockCountRequest(locations=locations)
        )
        assert outcome == ("LOCATION_BEING_COUNTED" if taken & set(locations) else OK)
        if answer:
            self.counts.append(Count(answer.id, tuple(locations), self.now))

    async def scan(self, count: Count, unit: Unit, place: int) -> None:
        location = count.locations[place % len(count.locations)]
        code = unit.serial if unit.serial and place % 3 and not unit.is_deleted else f"#{unit.id}"
        request = stock_count_pb2.ScanStockCountRequest(id=count.id, code=code, location=location)
        outcome, answer = await self.ask("ScanStockCount", request)
        if count.state != "OPEN":
            assert outcome == "COUNT_STATE_FORBIDS"
            return
        told = stock_count_pb2.ScanStockCountResponse.Outcome.Name(answer.outcome)
        assert told == count.scan(unit, location, self.now)

    async def close(self, count: Count) -> None:
        outcome, answer = await self.ask("CloseStockCount", stock_count_pb2.CloseStockCountRequest(id=count.id))
        assert outcome == (OK if count.state == "OPEN" else "COUNT_STATE_FORBIDS")
        if answer:
            count.close(self.stock, self._moved_at, self.etags)
            told = {each.item_id: _KIND(each.kind) for each in answer.differences if each.item_id}
            assert told == {unit_id: found.kind for unit_id, found in count.differences.items()}

    async def approve(self, count: Count) -> None:
        outcome, answer = await self.ask("ApproveStockCount", stock_count_pb2.ApproveStockCountRequest(id=count.id))
        assert outcome == (OK if count.state == "CLOSED" else "COUNT_STATE_FORBIDS")
        if answer:
            told = {each.item_id: _OUTCOME(each.outcome) for each in answer.differences if each.item_id}
            assert told == count.approve(self.stock, self.etags)

    # How both are compared.

    async def compare(self) -> None:
        """Units, holds, counts, availability, value and ledger are those of the model, and agree with one another."""
        self.steps += 1
        admin, sku = self.hub.admin, self.skus[self.steps % len(self.skus)]
        # First, because it may tidy away holds that have run out, which gives their units another version.
        await self._probe(sku)
        items, availability, value, wrong, _ = await asyncio.gather(
            admin.ListItems(service.ListItemsRequest(page_size=1000)),
            admin.BatchGetAvailability(service.BatchGetAvailabilityRequest(skus=self.skus)),
            admin.GetStockValue(service.GetStockValueRequest()),
            faults(self.watcher),
            self._compare_summary(sku),
        )
        assert wrong == []
        self._compare_units(items.items)
        assert {each.sku: each.free_units for each in availability.items} == {
            each: self.orders.grantable(each) for each in self.skus
        }
        self._compare_value(value)
        self._note_moves()

    async def end(self) -> None:
        """Every hash of every chain is computed anew."""
        async with self.watcher.transaction(isolation="repeatable_read", readonly=True):
            await check_invariants_on(self.watcher)

    def _compare_units(self, items: Sequence[item_pb2.Item]) -> None:
        told = {item.id: _told(item) for item in items}
        assert told == {unit.id: _expected(unit) for unit in self.stock.present}
        self.etags = {item.id: item.etag for item in items}

    def _compare_value(self, value: service.StockValue) -> None:
        on_hand = [unit for unit in self.stock.present if unit.status in ON_HAND]
        told = sum((Decimal(each.units) + Decimal(each.nanos) / 10**9 for each in value.total.values), Decimal())
        assert (value.total.units, told) == (len(on_hand), self.stock.value())
        for parts in (value.by_status, value.by_location, value.by_family, value.by_condition):
            assert sum(part.units for part in parts) == len(on_hand)

    async def _compare_summary(self, sku: str) -> None:
        told = await self.hub.admin.GetStockSummary(service.GetStockSummaryRequest(sku=sku))
        counts = self.stock.counts(sku)
        for status in ("AVAILABLE", "RESERVED", "SOLD"):
            assert getattr(told, f"{status.lower()}_units") == counts[status]
        assert told.total_units == counts.total()

    async def _probe(self, sku: str) -> None:
        """One more than is said to be available is refused, and the refusal says as much."""
        free = self.orders.grantable(sku)
        line = service.AllocateUnitsRequest.Line(line_id="p", sku=sku, quantity=free + 1)
        try:
            await self.hub.admin.AllocateUnits(service.AllocateUnitsRequest(order_reference="PROBE", lines=[line]))
        except grpc.aio.AioRpcError as error:
            refused = refusal_of(error)
            assert (refused.reason, refused.metadata["p.free"]) == ("OUT_OF_STOCK", str(free))
        else:
            raise AssertionError(f"{free + 1} of {sku} were granted")

    def _note_moves(self) -> None:
        """Which units were put somewhere else, left the house or came into it, in this step."""
        for unit in self.stock.units:
            status, location = self._seen.get(unit.id, ("", ""))
            is_new, moved = unit.id not in self._seen, location != unit.location
            if is_new or moved or (status != unit.status and {status, unit.status} & AWAY):
                self._moved_at[unit.id] = self.now
            self._seen[unit.id] = (unit.status, unit.location)
