"""Variants. GetVariantBySku is the hub's hottest read: one shared statement, one message, nothing else."""

from __future__ import annotations

import grpc
from usav.catalog.v1 import variant_pb2

from catalog_svc.convert import requests
from catalog_svc.convert.messages import variant_message
from catalog_svc.domain.changes import Kind
from catalog_svc.domain.sku import normalize_sku
from catalog_svc.operations import variants
from catalog_svc.queries.lists import VARIANTS, prefix_range
from catalog_svc.servicers.base import CatalogRpcs, given, optional


class VariantRpcs(CatalogRpcs):
    """ListVariants, GetVariant, GetVariantBySku, BatchGetVariants, and the writes."""

    async def ListVariants(
        self, request: variant_pb2.ListVariantsRequest, context: grpc.aio.ServicerContext
    ) -> variant_pb2.ListVariantsResponse:
        """One page, by id."""
        prefix = normalize_sku(request.sku_prefix)
        filters = given(
            product_id=optional(request, "product_id"),
            identity_id=optional(request, "identity_id"),
            color_code=request.color_code.strip().upper() or None,
            size_code=request.size_code.strip().upper() or None,
            condition_code=request.condition_code.strip().upper() or None,
            alive=None if request.show_deleted else True,
        )
        filters |= prefix_range(prefix) if prefix else {}
        return await self.list_page(request, VARIANTS, filters, variant_pb2.ListVariantsResponse, variant_message)

    async def GetVariant(
        self, request: variant_pb2.GetVariantRequest, context: grpc.aio.ServicerContext
    ) -> variant_pb2.Variant:
        """One variant and its listings, by id."""
        return await self.listings.add_to(variant_message(await self.lookups.get(Kind.VARIANT, request.id)))

    async def GetVariantBySku(
        self, request: variant_pb2.GetVariantBySkuRequest, context: grpc.aio.ServicerContext
    ) -> variant_pb2.Variant:
        """One variant, by SKU."""
        return variant_message(await self.lookups.variant_by_sku(request.full_sku))

    async def BatchGetVariants(
        self, request: variant_pb2.BatchGetVariantsRequest, context: grpc.aio.ServicerContext
    ) -> variant_pb2.BatchGetVariantsResponse:
        """Those that exist of many."""
        rows = await self.lookups.variants_by(request.ids, request.skus)
        return variant_pb2.BatchGetVariantsResponse(items=[variant_message(row) for row in rows])

    async def CreateVariant(
        self, request: variant_pb2.CreateVariantRequest, context: grpc.aio.ServicerContext
    ) -> variant_pb2.Variant:
        """A new variant."""
        new = requests.new_variant(request.variant)
        return await self.write(
            request, variant_pb2.Variant, lambda conn: variants.create_variant(conn, new), variant_message
        )

    async def UpdateVariant(
        self, request: variant_pb2.UpdateVariantRequest, context: grpc.aio.ServicerContext
    ) -> variant_pb2.Variant:
        """The texts and the price of a variant."""
        asked, key = requests.variant_edit(request), request.variant.id
        return await self.write(
            request, variant_pb2.Variant, lambda conn: variants.update_variant(conn, key, asked), variant_message
        )

    async def DeleteVariant(
        self, request: variant_pb2.DeleteVariantRequest, context: grpc.aio.ServicerContext
    ) -> variant_pb2.Variant:
        """Marks a variant as deleted."""
        return await self.write(
            request,
            variant_pb2.Variant,
            lambda conn: variants.delete_variant(conn, request.id, request.etag),
            variant_message,
        )

    async def UndeleteVariant(
        self, request: variant_pb2.UndeleteVariantRequest, context: grpc.aio.ServicerContext
    ) -> variant_pb2.Variant:
        """Takes the mark away."""
        return await self.write(
            request, variant_pb2.Variant, lambda conn: variants.undelete_variant(conn, request.id), variant_message
        )
