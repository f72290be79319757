"""The recipes of bundles and kits."""

from __future__ import annotations

import grpc
from google.protobuf.empty_pb2 import Empty
from usav.catalog.v1 import bundle_pb2, recipe_pb2

from catalog_svc.convert import requests
from catalog_svc.convert.messages import component_message
from catalog_svc.domain.changes import Kind
from catalog_svc.operations import recipes
from catalog_svc.queries.lists import COMPONENTS
from catalog_svc.queries.recipes import bill_of_materials
from catalog_svc.queries.variant_recipes import bundle_variants_above, recipes_of_variants
from catalog_svc.servicers.base import CatalogRpcs, given, optional


class RecipeRpcs(CatalogRpcs):
    """The lines of recipes, who contains whom, and what is picked for a bundle."""

    async def ListBundleComponents(
        self, request: bundle_pb2.ListBundleComponentsRequest, context: grpc.aio.ServicerContext
    ) -> bundle_pb2.ListBundleComponentsResponse:
        """One page of all lines, by id."""
        filters = given(product_id=optional(request, "product_id"))
        answer = bundle_pb2.ListBundleComponentsResponse
        return await self.list_page(request, COMPONENTS, filters, answer, component_message)

    async def GetBundleComponent(
        self, request: bundle_pb2.GetBundleComponentRequest, context: grpc.aio.ServicerContext
    ) -> bundle_pb2.BundleComponent:
        """One line."""
        return component_message(await self.lookups.get(Kind.BUNDLE_COMPONENT, request.id))

    async def CreateBundleComponent(
        self, request: bundle_pb2.CreateBundleComponentRequest, context: grpc.aio.ServicerContext
    ) -> bundle_pb2.BundleComponent:
        """A new line."""
        new = requests.new_component(request.bundle)
        return await self.write(
            request,
            bundle_pb2.BundleComponent,
            lambda conn: recipes.create_component(conn, new),
            component_message,
        )

    async def UpdateBundleComponent(
        self, request: bundle_pb2.UpdateBundleComponentRequest, context: grpc.aio.ServicerContext
    ) -> bundle_pb2.BundleComponent:
        """Quantity and role of a line."""
        asked, key = requests.component_edit(request), request.bundle.id
        return await self.write(
            request,
            bundle_pb2.BundleComponent,
            lambda conn: recipes.update_component(conn, key, asked),
            component_message,
        )

    async def DeleteBundleComponent(
        self, request: bundle_pb2.DeleteBundleComponentRequest, context: grpc.aio.ServicerContext
    ) -> Empty:
        """Takes a line away."""
        return await self.erase(request, lambda conn: recipes.delete_component(conn, request.id, request.etag))

    async def ListComponentsOfParent(
        self, request: bundle_pb2.ListComponentsOfParentRequest, context: grpc.aio.ServicerContext
    ) -> bundle_pb2.ListBundleComponentsResponse:
        """What is directly in a bundle."""
        await self.lookups.get(Kind.IDENTITY, request.parent_identity_id)
        filters = {"parent_identity_id": request.parent_identity_id}
        answer = bundle_pb2.ListBundleComponentsResponse
        return await self.list_page(request, COMPONENTS, filters, answer, component_message)

    async def ListBundlesOfChild(
        self, request: bundle_pb2.ListBundlesOfChildRequest, context: grpc.aio.ServicerContext
    ) -> bundle_pb2.ListBundleComponentsResponse:
        """What an identity is directly in."""
        await self.lookups.get(Kind.IDENTITY, request.child_identity_id)
        filters = {"child_identity_id": request.child_identity_id}
        answer = bundle_pb2.ListBundleComponentsResponse
        return await self.list_page(request, COMPONENTS, filters, answer, component_message)

    async def GetBillOfMaterials(
        self, request: bundle_pb2.GetBillOfMaterialsRequest, context: grpc.aio.ServicerContext
    ) -> bundle_pb2.BillOfMaterials:
        """What is in a bundle through all levels."""
        explosion = await bill_of_materials(self.db, request.parent_identity_id)
        lines = [
            bundle_pb2.BillOfMaterials.Line(
                identity_id=item.line.identity_id,
                upis_h=item.upis_h,
                name=item.name,
                total_quantity=item.line.total_quantity,
                level=item.line.level,
                leaf=item.line.leaf,
            )
            for item in explosion.lines
        ]
        return bundle_pb2.BillOfMaterials(
            parent_identity_id=explosion.parent["id"], parent_upis_h=explosion.parent["upis_h"], items=lines
        )

    async def BatchGetRecipes(
        self, request: recipe_pb2.BatchGetRecipesRequest, context: grpc.aio.ServicerContext
    ) -> recipe_pb2.BatchGetRecipesResponse:
        """What is picked for many bundle variants."""
        found = await recipes_of_variants(self.db, request.variant_ids)
        return recipe_pb2.BatchGetRecipesResponse(
            items=[
                recipe_pb2.VariantRecipe(
                    variant_id=variant_id,
                    components=[
                        recipe_pb2.VariantRecipe.Component(
                            identity_id=each.identity_id,
                            upis_h=each.upis_h,
                            quantity=each.quantity,
                            variant_ids=each.variant_ids,
                        )
                        for each in components
                    ],
                )
                for variant_id, components in found.items()
            ]
        )

    async def BatchGetBundleVariants(
        self, request: recipe_pb2.BatchGetBundleVariantsRequest, context: grpc.aio.ServicerContext
    ) -> recipe_pb2.BatchGetBundleVariantsResponse:
        """The bundles that depend on something."""
        found = await bundle_variants_above(self.db, request.variant_ids, request.parent_upis_hs)
        return recipe_pb2.BatchGetBundleVariantsResponse(variant_ids=found)
