"""Units that come back, are looked at, repaired, sold again or given up."""

from __future__ import annotations

from typing import Any

import grpc
from usav.inventory.v1 import after_sale_pb2, item_pb2

from inventory_svc.operations import after_sale
from inventory_svc.operations.after_sale import Looked, Named
from inventory_svc.servicers.base import InventoryRpcs, cause_of


class AfterSaleRpcs(InventoryRpcs):
    """ReturnItem, InspectItem, RestockItem, DamageItem, RepairItem, WriteOffItem."""

    async def ReturnItem(
        self, request: after_sale_pb2.ReturnItemRequest, context: grpc.aio.ServicerContext
    ) -> item_pb2.Item:
        """The sold unit is here again."""
        unit, cause = _unit(request), cause_of(request, request.order_reference)
        location, number = request.location.strip(), request.rma_number.strip()
        return await self.change_one(
            request, lambda session: after_sale.return_item(session, unit, location, number, cause)
        )

    async def InspectItem(
        self, request: after_sale_pb2.InspectItemRequest, context: grpc.aio.ServicerContext
    ) -> item_pb2.Item:
        """Grade and notes are kept."""
        unit, cause = _unit(request), cause_of(request)
        looked = Looked(grade=request.grade.strip(), notes=request.notes)
        return await self.change_one(request, lambda session: after_sale.inspect_item(session, unit, looked, cause))

    async def RestockItem(
        self, request: after_sale_pb2.RestockItemRequest, context: grpc.aio.ServicerContext
    ) -> item_pb2.Item:
        """The unit may be sold, as what it was graded."""
        unit, cause = _unit(request), cause_of(request)
        variant = await self.variants.one(request.sku, 0) if request.sku else None
        looked = Looked(
            grade=request.grade.strip(),
            location=_location(request),
            variant_id=variant.variant_id if variant else None,
        )
        return await self.change_one(
            request, lambda session: after_sale.restock_item(session, unit, looked, variant, cause)
        )

    async def DamageItem(
        self, request: after_sale_pb2.DamageItemRequest, context: grpc.aio.ServicerContext
    ) -> item_pb2.Item:
        """The unit is not fit to sell."""
        unit, cause, looked = _unit(request), cause_of(request), Looked(location=_location(request))
        return await self.change_one(request, lambda session: after_sale.damage_item(session, unit, looked, cause))

    async def RepairItem(
        self, request: after_sale_pb2.RepairItemRequest, context: grpc.aio.ServicerContext
    ) -> item_pb2.Item:
        """The unit is to be inspected."""
        unit, cause = _unit(request), cause_of(request)
        looked = Looked(notes=request.notes, location=_location(request))
        return await self.change_one(request, lambda session: after_sale.repair_item(session, unit, looked, cause))

    async def WriteOffItem(
        self, request: after_sale_pb2.WriteOffItemRequest, context: grpc.aio.ServicerContext
    ) -> item_pb2.Item:
        """The unit is gone."""
        unit, cause = _unit(request), cause_of(request)
        return await self.change_one(request, lambda session: after_sale.write_off_item(session, unit, cause))


def _unit(request: Any) -> Named:
    return Named(request.id, request.serial_number)


def _location(request: Any) -> str | None:
    """Where the unit was put; None leaves it where it was."""
    return request.location.strip() or None
