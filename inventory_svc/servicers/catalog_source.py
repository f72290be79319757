"""Asks the catalog for variants, as the caller of the present call."""

from __future__ import annotations

from collections.abc import Sequence

from usav.catalog.v1 import catalog_service_pb2_grpc, recipe_pb2, variant_pb2

from chassis.clients import Clients, as_caller, remote_errors, time_left
from inventory_svc.domain.recipe import Component, Recipe
from inventory_svc.domain.variant import KnownVariant

_TIMEOUT_SECONDS = 10.0


class CatalogSource:
    """The catalog over gRPC."""

    def __init__(self, clients: Clients) -> None:
        self._stub = catalog_service_pb2_grpc.CatalogServiceStub(clients.channel("catalog"))

    async def find(self, ids: Sequence[int], skus: Sequence[str]) -> list[KnownVariant]:
        """Those of at most 1,000 ids and SKUs that the catalog has. Raises Unavailable and what the catalog answers."""
        request = variant_pb2.BatchGetVariantsRequest(ids=ids, skus=skus)
        async with remote_errors():
            answer = await self._stub.BatchGetVariants(
                request, metadata=as_caller(), timeout=time_left(_TIMEOUT_SECONDS)
            )
        return [KnownVariant(item.id, item.full_sku, item.product_id) for item in answer.items]

    async def recipes(self, variant_ids: Sequence[int]) -> dict[int, Recipe]:
        """The recipes of at most 1,000 bundle variants. Raises Unavailable and what the catalog answers."""
        request = recipe_pb2.BatchGetRecipesRequest(variant_ids=variant_ids)
        async with remote_errors():
            answer = await self._stub.BatchGetRecipes(
                request, metadata=as_caller(), timeout=time_left(_TIMEOUT_SECONDS)
            )
        return {item.variant_id: [_component(each) for each in item.components] for item in answer.items}


def _component(message: recipe_pb2.VariantRecipe.Component) -> Component:
    return Component(message.identity_id, message.upis_h, message.quantity, tuple(message.variant_ids))
