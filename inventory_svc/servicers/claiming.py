"""Promising units: holds, sales, and the allocations of orders."""

from __future__ import annotations

import grpc
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import item_pb2

from inventory_svc.convert.allocations import allocated_messages, asked_lines
from inventory_svc.convert.values import to_money, to_timedelta
from inventory_svc.domain.allocation import refuse_repeated_lines
from inventory_svc.domain.item import Item
from inventory_svc.operations.allocate_units import AllocateUnits, allocate_units
from inventory_svc.operations.release_allocation import release_allocation
from inventory_svc.operations.release_item import release_item
from inventory_svc.operations.reserve_item import DEFAULT_HOLD, reserve_item
from inventory_svc.operations.sell_item import sell_item
from inventory_svc.operations.work import Session, TransactionSession
from inventory_svc.servicers.base import InventoryRpcs, cause_of


class ClaimingRpcs(InventoryRpcs):
    """ReserveItem, ReleaseItem, SellItem, AllocateUnits, ReleaseAllocation."""

    async def ReserveItem(
        self, request: service.ReserveItemRequest, context: grpc.aio.ServicerContext
    ) -> item_pb2.Item:
        """Exactly one of many callers gets it."""
        cause = cause_of(request, request.order_reference)
        hold_for = to_timedelta(request.hold_duration) if request.HasField("hold_duration") else DEFAULT_HOLD

        async def work(session: Session) -> Item:
            together = self.reserve_together if session is self.work.pool else None
            return await reserve_item(session, request.id, request.serial_number, hold_for, cause, together)

        return await self.change_one(request, work)

    async def ReleaseItem(
        self, request: service.ReleaseItemRequest, context: grpc.aio.ServicerContext
    ) -> item_pb2.Item:
        """The unit is free again."""
        cause = cause_of(request, request.order_reference)
        return await self.change_one(
            request, lambda session: release_item(session, request.id, request.serial_number, cause)
        )

    async def SellItem(self, request: service.SellItemRequest, context: grpc.aio.ServicerContext) -> item_pb2.Item:
        """The unit is sold."""
        cause = cause_of(request, request.order_reference)
        price = to_money(request.sale_price, "sale_price") if request.HasField("sale_price") else None
        return await self.change_one(
            request, lambda session: sell_item(session, request.id, request.serial_number, price, cause)
        )

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
            lines = allocated_messages(await allocate_units(session, asked))
            return service.AllocateUnitsResponse(order_reference=asked.order_reference, lines=lines)

        return await self.work.in_transaction(request, service.AllocateUnitsResponse, work)

    async def ReleaseAllocation(
        self, request: service.ReleaseAllocationRequest, context: grpc.aio.ServicerContext
    ) -> service.ReleaseAllocationResponse:
        """Held or sold, the units are free again."""
        cause = cause_of(request, request.order_reference)

        async def work(session: TransactionSession) -> service.ReleaseAllocationResponse:
            lines = allocated_messages(await release_allocation(session, request.line_ids, cause))
            return service.ReleaseAllocationResponse(order_reference=cause.order_reference, lines=lines)

        return await self.work.in_transaction(request, service.ReleaseAllocationResponse, work)
