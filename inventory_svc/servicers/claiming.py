"""Promising units: holds, sales, and the allocations of orders."""

from __future__ import annotations

import grpc
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import item_pb2

from chassis.idempotency import key_of
from inventory_svc.convert.allocations import allocated_messages, allocated_response, asked_lines
from inventory_svc.convert.values import to_money, to_timedelta
from inventory_svc.domain.allocation import refuse_repeated_lines
from inventory_svc.operations.allocate_units import AllocateUnits, allocate_units
from inventory_svc.operations.changing import find_id
from inventory_svc.operations.release_allocation import release_allocation
from inventory_svc.operations.release_item import Release, release_item
from inventory_svc.operations.reserve_item import DEFAULT_HOLD, Claim, reserve_item
from inventory_svc.operations.sell_item import Sale, sell_item
from inventory_svc.operations.work import TransactionSession
from inventory_svc.servicers.base import InventoryRpcs, cause_of

_OneUnit = service.ReserveItemRequest | service.ReleaseItemRequest | service.SellItemRequest


class ClaimingRpcs(InventoryRpcs):
    """ReserveItem, ReleaseItem, SellItem, AllocateUnits, ReleaseAllocation."""

    async def ReserveItem(
        self, request: service.ReserveItemRequest, context: grpc.aio.ServicerContext
    ) -> item_pb2.Item:
        """Exactly one of many callers gets it."""
        hold_for = to_timedelta(request.hold_duration) if request.HasField("hold_duration") else DEFAULT_HOLD
        claim = Claim(await self._unit(request), hold_for, cause_of(request, request.order_reference))
        return self._told(await reserve_item(self.single.reserve, claim, key_of(request)))

    async def ReleaseItem(
        self, request: service.ReleaseItemRequest, context: grpc.aio.ServicerContext
    ) -> item_pb2.Item:
        """The unit is free again."""
        release = Release(await self._unit(request), cause_of(request, request.order_reference))
        return self._told(await release_item(self.single.release, release, key_of(request)))

    async def SellItem(self, request: service.SellItemRequest, context: grpc.aio.ServicerContext) -> item_pb2.Item:
        """The unit is sold."""
        price = to_money(request.sale_price, "sale_price") if request.HasField("sale_price") else None
        sale = Sale(await self._unit(request), price, cause_of(request, request.order_reference))
        return self._told(await sell_item(self.single.sell, sale, key_of(request)))

    async def _unit(self, request: _OneUnit) -> int:
        return await find_id(self.work.pool, request.id, request.serial_number)

    def _told(self, answer: item_pb2.Item) -> item_pb2.Item:
        self.feed.poke()
        return answer

    async def AllocateUnits(
        self, request: service.AllocateUnitsRequest, context: grpc.aio.ServicerContext
    ) -> service.AllocateUnitsResponse:
        """All lines or none."""
        refuse_repeated_lines([line.line_id for line in request.lines])
        known = await self.variants.by_skus({line.sku for line in request.lines})
        recipes = await self.variants.recipes(known.values())
        asked = AllocateUnits(
            lines=asked_lines(request, known, recipes),
            sell=request.sell,
            hold_for=to_timedelta(request.hold_duration) if request.HasField("hold_duration") else DEFAULT_HOLD,
            cause=cause_of(request, request.order_reference),
        )

        async def work(session: TransactionSession) -> service.AllocateUnitsResponse:
            return allocated_response(asked.order_reference, await allocate_units(session, asked))

        async def alone() -> service.AllocateUnitsResponse:
            return await self.work.in_transaction(request, service.AllocateUnitsResponse, work)

        answer = await self.allocate_together.run(asked, key_of(request), alone)
        self.feed.poke()
        return answer

    async def ReleaseAllocation(
        self, request: service.ReleaseAllocationRequest, context: grpc.aio.ServicerContext
    ) -> service.ReleaseAllocationResponse:
        """Held or sold, the units are free again."""
        cause = cause_of(request, request.order_reference)

        async def work(session: TransactionSession) -> service.ReleaseAllocationResponse:
            lines = allocated_messages(await release_allocation(session, request.line_ids, cause))
            return service.ReleaseAllocationResponse(order_reference=cause.order_reference, lines=lines)

        return await self.work.in_transaction(request, service.ReleaseAllocationResponse, work)
