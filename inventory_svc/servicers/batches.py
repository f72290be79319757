"""Changes of many units in one call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from usav.inventory.v1 import batches_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from inventory_svc.convert.batches import batch_response, move_response
from inventory_svc.convert.values import to_money, to_timedelta
from inventory_svc.operations import batches
from inventory_svc.operations.batches import Result, Units
from inventory_svc.operations.reserve_item import DEFAULT_HOLD
from inventory_svc.operations.work import Session, TransactionSession
from inventory_svc.servicers.base import InventoryRpcs, cause_of

_Change = Callable[[Session], Awaitable[list[Result]]]


class BatchRpcs(InventoryRpcs):
    """BatchMoveItems, BatchReserveItems, BatchReleaseItems, BatchSellItems, BatchReturnItems, BatchWriteOffItems."""

    async def BatchMoveItems(
        self, request: service.BatchMoveItemsRequest, context: grpc.aio.ServicerContext
    ) -> service.BatchMoveItemsResponse:
        """Units to one place."""
        cause, location = cause_of(request), request.location.strip()

        async def work(session: TransactionSession) -> service.BatchMoveItemsResponse:
            return move_response(await batches.move_batch(session, _units(request), location, cause))

        return await self.work.in_transaction(request, service.BatchMoveItemsResponse, work)

    async def BatchReserveItems(
        self, request: batches_pb2.BatchReserveItemsRequest, context: grpc.aio.ServicerContext
    ) -> batches_pb2.BatchUnitsResponse:
        """Units held."""
        cause = cause_of(request, request.order_reference)
        hold_for = to_timedelta(request.hold_duration) if request.HasField("hold_duration") else DEFAULT_HOLD
        return await self._batch(
            request, lambda session: batches.reserve_batch(session, _units(request), hold_for, cause)
        )

    async def BatchReleaseItems(
        self, request: batches_pb2.BatchReleaseItemsRequest, context: grpc.aio.ServicerContext
    ) -> batches_pb2.BatchUnitsResponse:
        """Units free again."""
        cause = cause_of(request, request.order_reference)
        return await self._batch(request, lambda session: batches.release_batch(session, _units(request), cause))

    async def BatchSellItems(
        self, request: batches_pb2.BatchSellItemsRequest, context: grpc.aio.ServicerContext
    ) -> batches_pb2.BatchUnitsResponse:
        """Units sold."""
        cause = cause_of(request, request.order_reference)
        price = to_money(request.sale_price, "sale_price") if request.HasField("sale_price") else None
        return await self._batch(request, lambda session: batches.sell_batch(session, _units(request), price, cause))

    async def BatchReturnItems(
        self, request: batches_pb2.BatchReturnItemsRequest, context: grpc.aio.ServicerContext
    ) -> batches_pb2.BatchUnitsResponse:
        """Units, or an order, come back."""
        cause = cause_of(request, request.order_reference)
        location, number = request.location.strip(), request.rma_number.strip()
        return await self._batch(
            request, lambda session: batches.return_batch(session, _units(request), location, number, cause)
        )

    async def BatchWriteOffItems(
        self, request: batches_pb2.BatchWriteOffItemsRequest, context: grpc.aio.ServicerContext
    ) -> batches_pb2.BatchUnitsResponse:
        """Units gone."""
        cause = cause_of(request)
        return await self._batch(request, lambda session: batches.write_off_batch(session, _units(request), cause))

    async def _batch(self, request: Any, change: _Change) -> batches_pb2.BatchUnitsResponse:
        async def work(session: TransactionSession) -> batches_pb2.BatchUnitsResponse:
            return batch_response(await change(session))

        return await self.work.in_transaction(request, batches_pb2.BatchUnitsResponse, work)


def _units(request: Any) -> Units:
    return Units(list(request.ids), list(request.serial_numbers), request.allow_partial)
