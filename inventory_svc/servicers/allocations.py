"""What may be done with the allocations of orders once they hold units."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import grpc
from usav.inventory.v1 import allocation_pb2

from inventory_svc.convert.allocations import allocation_message, commit_prices
from inventory_svc.convert.values import to_timedelta
from inventory_svc.operations.allocate_units import AllocatedLine
from inventory_svc.operations.allocations import commit_allocation, extend_allocation, get_allocation
from inventory_svc.operations.reserve_item import DEFAULT_HOLD
from inventory_svc.operations.work import TransactionSession
from inventory_svc.servicers.base import InventoryRpcs, bound_warehouses, cause_of

Change = Callable[[TransactionSession], Awaitable[list[AllocatedLine]]]


class AllocationRpcs(InventoryRpcs):
    """GetAllocation, ExtendAllocation, CommitAllocation."""

    async def GetAllocation(
        self, request: allocation_pb2.GetAllocationRequest, context: grpc.aio.ServicerContext
    ) -> allocation_pb2.Allocation:
        """An order as it stands."""
        order_reference = request.order_reference.strip()
        lines = await get_allocation(self.work.pool, order_reference, bound_warehouses())
        return allocation_message(order_reference, lines)

    async def ExtendAllocation(
        self, request: allocation_pb2.ExtendAllocationRequest, context: grpc.aio.ServicerContext
    ) -> allocation_pb2.Allocation:
        """Its holds last longer."""
        cause = cause_of(request, request.order_reference)
        hold_for = to_timedelta(request.hold_duration) if request.HasField("hold_duration") else DEFAULT_HOLD
        return await self._change(
            request, lambda session: extend_allocation(session, request.line_ids, hold_for, cause)
        )

    async def CommitAllocation(
        self, request: allocation_pb2.CommitAllocationRequest, context: grpc.aio.ServicerContext
    ) -> allocation_pb2.Allocation:
        """Its units are sold."""
        cause, prices = cause_of(request, request.order_reference), commit_prices(request)
        return await self._change(request, lambda session: commit_allocation(session, prices, cause))

    async def _change(
        self,
        request: allocation_pb2.ExtendAllocationRequest | allocation_pb2.CommitAllocationRequest,
        change: Change,
    ) -> allocation_pb2.Allocation:
        async def work(session: TransactionSession) -> allocation_pb2.Allocation:
            return allocation_message(request.order_reference.strip(), await change(session))

        return await self.work.in_transaction(request, allocation_pb2.Allocation, work)
