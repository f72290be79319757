"""Cycle counts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from usav.inventory.v1 import stock_count_pb2

from chassis.page_tokens import page_size
from inventory_svc.convert.counts import count_message
from inventory_svc.domain.scope import Warehouses
from inventory_svc.operations import counts
from inventory_svc.operations.counts import Scan
from inventory_svc.operations.work import Session
from inventory_svc.queries import counts as count_queries
from inventory_svc.servicers.base import InventoryRpcs, bound_warehouses, cause_of


class CountRpcs(InventoryRpcs):
    """CreateStockCount, ScanStockCount, GetStockCount, ListStockCounts, CloseStockCount, ApproveStockCount, CancelStockCount."""

    async def CreateStockCount(
        self, request: stock_count_pb2.CreateStockCountRequest, context: grpc.aio.ServicerContext
    ) -> stock_count_pb2.StockCount:
        """Of some locations."""
        cause = cause_of(request)

        async def work(session: Session) -> stock_count_pb2.StockCount:
            count_id = await counts.open_count(session, request.locations, request.note.strip(), cause)
            return count_message(await counts.get_count(session, count_id, cause.warehouses))

        return await self.work.in_transaction(request, stock_count_pb2.StockCount, work)

    async def ScanStockCount(
        self, request: stock_count_pb2.ScanStockCountRequest, context: grpc.aio.ServicerContext
    ) -> stock_count_pb2.ScanStockCountResponse:
        """One code."""
        cause = cause_of(request)
        scan = Scan(request.code, request.location, request.device)

        async def work(session: Session) -> stock_count_pb2.ScanStockCountResponse:
            outcome = await counts.scan_count(session, request.id, scan, cause)
            codes = await count_queries.count_codes(session, request.id)
            value = stock_count_pb2.ScanStockCountResponse.Outcome.Value(outcome.value)
            return stock_count_pb2.ScanStockCountResponse(outcome=value, scanned_codes=codes)

        return await self.work.on_one_unit(request, stock_count_pb2.ScanStockCountResponse, work)

    async def GetStockCount(
        self, request: stock_count_pb2.GetStockCountRequest, context: grpc.aio.ServicerContext
    ) -> stock_count_pb2.StockCount:
        """With its differences."""
        return await _told(self.work.pool, request.id, bound_warehouses())

    async def ListStockCounts(
        self, request: stock_count_pb2.ListStockCountsRequest, context: grpc.aio.ServicerContext
    ) -> stock_count_pb2.ListStockCountsResponse:
        """One page, by id."""
        most = page_size(request.page_size)
        state = stock_count_pb2.StockCount.State.Name(request.state) if request.state else ""
        position, bound = self.page_tokens.position(request), bound_warehouses()
        found = await count_queries.list_page(self.work.pool, state, bound, position[0] if position else 0, most)
        token = self.page_tokens.seal(request, (found[-1].id,)) if len(found) == most else ""
        total = await count_queries.total(self.work.pool, state, bound)
        items = [count_message(count) for count in found]
        return stock_count_pb2.ListStockCountsResponse(items=items, next_page_token=token, total_size=total)

    async def CloseStockCount(
        self, request: stock_count_pb2.CloseStockCountRequest, context: grpc.aio.ServicerContext
    ) -> stock_count_pb2.StockCount:
        """Its differences."""
        cause = cause_of(request)
        return await self._change_count(request, lambda session: counts.close_count(session, request.id, cause))

    async def ApproveStockCount(
        self, request: stock_count_pb2.ApproveStockCountRequest, context: grpc.aio.ServicerContext
    ) -> stock_count_pb2.StockCount:
        """Its differences corrected."""
        cause = cause_of(request)
        return await self._change_count(request, lambda session: counts.approve_count(session, request.id, cause))

    async def CancelStockCount(
        self, request: stock_count_pb2.CancelStockCountRequest, context: grpc.aio.ServicerContext
    ) -> stock_count_pb2.StockCount:
        """Given up."""
        cause = cause_of(request)
        return await self._change_count(request, lambda session: counts.cancel_count(session, request.id, cause))

    async def _change_count(
        self, request: Any, change: Callable[[Session], Awaitable[None]]
    ) -> stock_count_pb2.StockCount:
        async def work(session: Session) -> stock_count_pb2.StockCount:
            await change(session)
            return await _told(session, request.id, None)

        return await self.work.in_transaction(request, stock_count_pb2.StockCount, work)


async def _told(session: Session, count_id: int, bound: Warehouses) -> stock_count_pb2.StockCount:
    count = await counts.get_count(session, count_id, bound)
    return count_message(count, await count_queries.list_differences(session, count_id))
