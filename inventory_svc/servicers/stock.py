"""Stock in numbers, and the ledger."""

from __future__ import annotations

import grpc
from usav.inventory.v1 import inventory_service_pb2 as service

from chassis.errors import InvalidArgument
from chassis.page_tokens import page_size
from inventory_svc.convert.ledger import movement_filter, movement_message
from inventory_svc.convert.stock import availability_message, summary_message
from inventory_svc.queries import movements as movement_queries
from inventory_svc.queries import stock as stock_queries
from inventory_svc.servicers.base import InventoryRpcs, bound_warehouses

_MOST_VARIANTS = 1_000


class StockRpcs(InventoryRpcs):
    """GetStockSummary, BatchGetAvailability, ListMovements."""

    async def GetStockSummary(
        self, request: service.GetStockSummaryRequest, context: grpc.aio.ServicerContext
    ) -> service.StockSummary:
        """One variant by status."""
        variant = await self.variants.one(request.sku, request.variant_id)
        return summary_message(variant, await stock_queries.count_by_status(self.work.pool, variant.variant_id))

    async def BatchGetAvailability(
        self, request: service.BatchGetAvailabilityRequest, context: grpc.aio.ServicerContext
    ) -> service.BatchGetAvailabilityResponse:
        """Many variants in one reading."""
        if len(request.variant_ids) + len(request.skus) > _MOST_VARIANTS:
            raise InvalidArgument.of("variant_ids", f"at most {_MOST_VARIANTS} variants together with skus")
        by_id = await self.variants.by_ids(request.variant_ids)
        by_sku = await self.variants.by_skus(request.skus)
        asked = [by_id[key] for key in request.variant_ids if key in by_id]
        asked += [by_sku[key] for key in request.skus if key in by_sku]
        wanted = {variant.variant_id: variant for variant in asked}
        recipes = await self.variants.recipes(wanted.values())
        readings = await stock_queries.availability(self.work.pool, list(wanted), recipes)
        items = [availability_message(variant, readings[key]) for key, variant in wanted.items()]
        return service.BatchGetAvailabilityResponse(items=items)

    async def ListMovements(
        self, request: service.ListMovementsRequest, context: grpc.aio.ServicerContext
    ) -> service.ListMovementsResponse:
        """One page of the ledger, by id."""
        asked, most = movement_filter(request, bound_warehouses()), page_size(request.page_size)
        after, total = self.page_tokens.position(request) or (0, None)
        if total is None:
            total = await movement_queries.count_movements(self.work.pool, asked)
        found = await movement_queries.list_movements(self.work.pool, asked, after, most, total)
        token = self.page_tokens.seal(request, (found[-1].id, total)) if len(found) == most else ""
        items = [movement_message(row) for row in found]
        return service.ListMovementsResponse(items=items, next_page_token=token, total_size=total)
