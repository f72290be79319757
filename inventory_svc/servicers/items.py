"""Looking at units, correcting and removing them."""

from __future__ import annotations

import grpc
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import item_pb2

from chassis.page_tokens import page_size
from inventory_svc.convert.items import item_changes, item_filter, item_message, place_message
from inventory_svc.operations.delete_item import delete_item
from inventory_svc.operations.update_item import update_item
from inventory_svc.operations.work import Session
from inventory_svc.queries import items as item_queries
from inventory_svc.servicers.base import InventoryRpcs, bound_warehouses, cause_of


class ItemRpcs(InventoryRpcs):
    """ListItems, GetItem, UpdateItem, DeleteItem, AuditStock."""

    async def ListItems(
        self, request: service.ListItemsRequest, context: grpc.aio.ServicerContext
    ) -> service.ListItemsResponse:
        """One page."""
        asked, most = item_filter(request, bound_warehouses()), page_size(request.page_size)
        after, total = self.page_tokens.position(request) or (0, None)
        if total is None:
            total = await item_queries.count_items(self.work.pool, asked)
        found = await item_queries.list_items(self.work.pool, asked, after, most, total)
        token = self.page_tokens.seal(request, (found[-1].id, total)) if len(found) == most else ""
        items = [item_message(item) for item in found]
        return service.ListItemsResponse(items=items, next_page_token=token, total_size=total)

    async def GetItem(self, request: service.GetItemRequest, context: grpc.aio.ServicerContext) -> item_pb2.Item:
        """By id or serial number."""
        bound = bound_warehouses()
        return item_message(await item_queries.get_item(self.work.pool, request.id, request.serial_number, bound))

    async def UpdateItem(self, request: service.UpdateItemRequest, context: grpc.aio.ServicerContext) -> item_pb2.Item:
        """The fields of the mask."""
        changes, cause = item_changes(request), cause_of(request)
        item_id, etag = request.item.id, request.item.etag

        async def work(session: Session) -> item_pb2.Item:
            return item_message(await update_item(session, item_id, changes, etag, cause))

        if "location" in changes:
            return await self.work.in_transaction(request, item_pb2.Item, work)
        return await self.work.on_one_unit(request, item_pb2.Item, work)

    async def DeleteItem(self, request: service.DeleteItemRequest, context: grpc.aio.ServicerContext) -> item_pb2.Item:
        """A soft delete."""
        cause = cause_of(request)
        return await self.change_one(request, lambda session: delete_item(session, request.id, cause))

    async def AuditStock(
        self, request: service.AuditStockRequest, context: grpc.aio.ServicerContext
    ) -> service.AuditStockResponse:
        """The units of a SKU page by page, or the one of a serial number."""
        most = page_size(request.page_size)
        position = self.page_tokens.position(request)
        audited = await item_queries.audit(self.work.pool, request.sku_or_serial, bound_warehouses())
        places = [place_message(place) for place in audited.places]
        total = sum(place.units for place in audited.places)
        after = position[0] if position else 0
        found = await item_queries.list_items(self.work.pool, audited.filter, after, most, total)
        token = self.page_tokens.seal(request, (found[-1].id,)) if len(found) == most else ""
        items = [item_message(item) for item in found]
        return service.AuditStockResponse(items=items, next_page_token=token, total_size=total, places=places)
