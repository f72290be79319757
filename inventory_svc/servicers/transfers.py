"""Transfers between warehouses."""

from __future__ import annotations

import grpc
from usav.inventory.v1 import transfer_pb2

from chassis.page_tokens import page_size
from inventory_svc.convert.transfers import transfer_message
from inventory_svc.domain.scope import Warehouses
from inventory_svc.operations import transfers
from inventory_svc.operations.batches import Units
from inventory_svc.operations.work import Session
from inventory_svc.queries import transfers as transfer_queries
from inventory_svc.servicers.base import InventoryRpcs, bound_warehouses, cause_of


class TransferRpcs(InventoryRpcs):
    """CreateTransfer, ReceiveTransfer, GetTransfer, ListTransfers."""

    async def CreateTransfer(
        self, request: transfer_pb2.CreateTransferRequest, context: grpc.aio.ServicerContext
    ) -> transfer_pb2.Transfer:
        """Units leave."""
        cause, units = cause_of(request), Units(list(request.ids), list(request.serial_numbers))
        warehouse, note = request.to_warehouse.strip(), request.note.strip()

        async def work(session: Session) -> transfer_pb2.Transfer:
            made = await transfers.ship_units(session, units, warehouse, note, cause)
            return await _told(session, made, None)

        return await self.work.in_transaction(request, transfer_pb2.Transfer, work)

    async def ReceiveTransfer(
        self, request: transfer_pb2.ReceiveTransferRequest, context: grpc.aio.ServicerContext
    ) -> transfer_pb2.Transfer:
        """Units arrive."""
        cause, units = cause_of(request), Units(list(request.ids), list(request.serial_numbers))

        async def work(session: Session) -> transfer_pb2.Transfer:
            await transfers.receive_transfer(session, request.id, units, request.location.strip(), cause)
            return await _told(session, request.id, None)

        return await self.work.in_transaction(request, transfer_pb2.Transfer, work)

    async def GetTransfer(
        self, request: transfer_pb2.GetTransferRequest, context: grpc.aio.ServicerContext
    ) -> transfer_pb2.Transfer:
        """With its units."""
        return await _told(self.work.pool, request.id, bound_warehouses())

    async def ListTransfers(
        self, request: transfer_pb2.ListTransfersRequest, context: grpc.aio.ServicerContext
    ) -> transfer_pb2.ListTransfersResponse:
        """One page, by id."""
        most, open_only = page_size(request.page_size), request.in_transit_only
        position, bound = self.page_tokens.position(request), bound_warehouses()
        after = position[0] if position else 0
        found = await transfer_queries.list_page(self.work.pool, open_only, bound, after, most)
        token = self.page_tokens.seal(request, (found[-1].id,)) if len(found) == most else ""
        total = await transfer_queries.total(self.work.pool, open_only, bound)
        items = [transfer_message(item) for item in found]
        return transfer_pb2.ListTransfersResponse(items=items, next_page_token=token, total_size=total)


async def _told(session: Session, transfer_id: int, bound: Warehouses) -> transfer_pb2.Transfer:
    transfer = await transfers.get_transfer(session, transfer_id, bound)
    return transfer_message(transfer, await transfer_queries.list_units(session, transfer_id))
