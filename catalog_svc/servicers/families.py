"""Families."""

from __future__ import annotations

import grpc
from google.protobuf.empty_pb2 import Empty
from usav.catalog.v1 import family_pb2

from catalog_svc.convert import requests
from catalog_svc.convert.messages import family_message
from catalog_svc.domain.changes import Kind
from catalog_svc.operations import families
from catalog_svc.queries.lists import FAMILIES, contains_pattern
from catalog_svc.servicers.base import CatalogRpcs, given, optional


class FamilyRpcs(CatalogRpcs):
    """ListFamilies, GetFamily, CreateFamily, UpdateFamily, DeleteFamily."""

    async def ListFamilies(
        self, request: family_pb2.ListFamiliesRequest, context: grpc.aio.ServicerContext
    ) -> family_pb2.ListFamiliesResponse:
        """One page, by number."""
        filters = given(
            q=contains_pattern(request.q) if request.q.strip() else None,
            brand_id=optional(request, "brand_id"),
            brand=request.brand.strip().lower() or None,
        )
        return await self.list_page(request, FAMILIES, filters, family_pb2.ListFamiliesResponse, family_message)

    async def GetFamily(
        self, request: family_pb2.GetFamilyRequest, context: grpc.aio.ServicerContext
    ) -> family_pb2.Family:
        """One family and its identities."""
        row = await self.lookups.get(Kind.FAMILY, request.product_id)
        return family_message(row, await self.lookups.identities_of(request.product_id))

    async def CreateFamily(
        self, request: family_pb2.CreateFamilyRequest, context: grpc.aio.ServicerContext
    ) -> family_pb2.Family:
        """A new family."""
        new = requests.new_family(request.family)
        return await self.write(
            request, family_pb2.Family, lambda conn: families.create_family(conn, new), family_message
        )

    async def UpdateFamily(
        self, request: family_pb2.UpdateFamilyRequest, context: grpc.aio.ServicerContext
    ) -> family_pb2.Family:
        """The texts and the brand of a family."""
        asked, key = requests.family_edit(request), request.family.product_id
        return await self.write(
            request, family_pb2.Family, lambda conn: families.update_family(conn, key, asked), family_message
        )

    async def DeleteFamily(self, request: family_pb2.DeleteFamilyRequest, context: grpc.aio.ServicerContext) -> Empty:
        """An empty family."""
        return await self.erase(request, lambda conn: families.delete_family(conn, request.product_id, request.etag))
