"""The places of the warehouses."""

from __future__ import annotations

import grpc
from google.protobuf import empty_pb2
from usav.inventory.v1 import location_pb2

from chassis.page_tokens import page_size
from inventory_svc.convert.locations import location_changes, location_message
from inventory_svc.operations import locations
from inventory_svc.operations.work import Session
from inventory_svc.queries import locations as location_queries
from inventory_svc.servicers.base import InventoryRpcs, bound_warehouses


class LocationRpcs(InventoryRpcs):
    """ListLocations, GetLocation, CreateLocation, UpdateLocation, DeleteLocation."""

    async def ListLocations(
        self, request: location_pb2.ListLocationsRequest, context: grpc.aio.ServicerContext
    ) -> location_pb2.ListLocationsResponse:
        """One page, by code."""
        most = page_size(request.page_size)
        active = request.active if request.HasField("active") else None
        warehouse, prefix = request.warehouse.strip(), request.code_prefix.strip()
        asked = location_queries.LocationFilter(warehouse, prefix, active, bound_warehouses())
        position = self.page_tokens.position(request)
        found = await location_queries.list_page(self.work.pool, asked, position[0] if position else "", most)
        total = await location_queries.count(self.work.pool, asked)
        token = self.page_tokens.seal(request, (found[-1].code,)) if len(found) == most else ""
        items = [location_message(item) for item in found]
        return location_pb2.ListLocationsResponse(items=items, next_page_token=token, total_size=total)

    async def GetLocation(
        self, request: location_pb2.GetLocationRequest, context: grpc.aio.ServicerContext
    ) -> location_pb2.Location:
        """By id or code."""
        code = request.code.strip()
        bound = bound_warehouses()
        return location_message(await locations.get_location(self.work.pool, request.id, code, bound))

    async def CreateLocation(
        self, request: location_pb2.CreateLocationRequest, context: grpc.aio.ServicerContext
    ) -> location_pb2.Location:
        """A new place."""
        asked = request.location
        active, bound = asked.active if asked.HasField("active") else True, bound_warehouses()

        async def work(session: Session) -> location_pb2.Location:
            name, warehouse = asked.name.strip(), asked.warehouse.strip()
            made = await locations.create_location(session, asked.code, name, warehouse, active, bound)
            return location_message(made)

        return await self.work.in_transaction(request, location_pb2.Location, work)

    async def UpdateLocation(
        self, request: location_pb2.UpdateLocationRequest, context: grpc.aio.ServicerContext
    ) -> location_pb2.Location:
        """The fields of the mask."""
        changes, location, bound = location_changes(request), request.location, bound_warehouses()

        async def work(session: Session) -> location_pb2.Location:
            changed = await locations.update_location(session, location.id, changes, location.etag, bound)
            return location_message(changed)

        return await self.work.in_transaction(request, location_pb2.Location, work)

    async def DeleteLocation(
        self, request: location_pb2.DeleteLocationRequest, context: grpc.aio.ServicerContext
    ) -> empty_pb2.Empty:
        """Gone, when nothing lies there."""
        bound = bound_warehouses()

        async def work(session: Session) -> empty_pb2.Empty:
            await locations.delete_location(session, request.id, bound)
            return empty_pb2.Empty()

        return await self.work.in_transaction(request, empty_pb2.Empty, work)
