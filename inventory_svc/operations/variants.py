"""Finds variants by SKU or id: in memory, then in the schema, then from the catalog, which is asked once per variant.

No transaction is open while the catalog is asked. Recipes do change, so they are never remembered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Sequence
from typing import Protocol, TypeVar

from chassis.coalesce import Coalescer
from inventory_svc.domain.errors import VariantNotFound
from inventory_svc.domain.recipe import Recipe, may_have_recipe
from inventory_svc.domain.variant import KnownVariant, clean_sku
from inventory_svc.storage import known_variants
from inventory_svc.storage.session import Session

K = TypeVar("K")

_MOST_IN_MEMORY = 50_000
_MOST_PER_CALL = 1_000
_FEW = 10


class Catalog(Protocol):
    """Where variants that are not known yet are asked for."""

    async def find(self, ids: Sequence[int], skus: Sequence[str]) -> list[KnownVariant]:
        """Those the catalog has, at most 1,000 asked at once. Raises HubError."""
        ...

    async def recipes(self, variant_ids: Sequence[int]) -> dict[int, Recipe]:
        """The recipes of bundle variants as they are now; those without one are absent. At most 1,000. Raises HubError."""
        ...


class Variants:
    """What is known of variants, for the life of the process."""

    def __init__(self, session: Session, catalog: Catalog) -> None:
        self._session = session
        self._catalog = catalog
        self._by_sku: dict[str, KnownVariant] = {}
        self._by_id: dict[int, KnownVariant] = {}
        self._asked = Coalescer(self._list_by_skus)

    async def by_skus(self, skus: Iterable[str]) -> dict[str, KnownVariant]:
        """Those the catalog knows, by SKU as given. Raises Unavailable when it has to be asked and does not answer."""
        asked = {sku: clean_sku(sku) for sku in skus}
        found = {clean: self._by_sku[clean] for clean in asked.values() if clean in self._by_sku}
        missing = _without(asked.values(), found)
        if missing:
            found |= await self._known_by_skus(missing)
            found |= {item.sku: item for item in await self._learn([], _without(missing, found))}
            self._remember(found.values())
        return {sku: found[clean] for sku, clean in asked.items() if clean in found}

    async def by_ids(self, ids: Iterable[int]) -> dict[int, KnownVariant]:
        """Those the catalog knows, by id. Raises Unavailable when it has to be asked and does not answer."""
        asked = list(ids)
        found = {variant_id: self._by_id[variant_id] for variant_id in asked if variant_id in self._by_id}
        missing = _without(asked, found)
        if missing:
            found |= {item.variant_id: item for item in await known_variants.list_by_ids(self._session, missing)}
            found |= {item.variant_id: item for item in await self._learn(_without(missing, found), [])}
            self._remember(found.values())
        return found

    async def one(self, sku: str, variant_id: int, field: str = "") -> KnownVariant:
        """The variant of a SKU, or else of an id; `field` stands before their names in the error. Raises VariantNotFound."""
        if sku:
            found = (await self.by_skus([sku])).get(sku)
            if found is None:
                raise VariantNotFound.by_sku(sku, f"{field}sku")
            return found
        known = (await self.by_ids([variant_id])).get(variant_id)
        if known is None:
            raise VariantNotFound.by_id(variant_id, f"{field}variant_id")
        return known

    async def recipes(self, variants: Iterable[KnownVariant]) -> dict[int, Recipe]:
        """The recipes of those that are bundles or kits, by variant id, as they are now: asked of the catalog every time.

        Raises Unavailable when it has to be asked and does not answer.
        """
        bundles = sorted({variant.variant_id for variant in variants if may_have_recipe(variant.sku)})
        found: dict[int, Recipe] = {}
        for start in range(0, len(bundles), _MOST_PER_CALL):
            found |= await self._catalog.recipes(bundles[start : start + _MOST_PER_CALL])
        return found

    async def _known_by_skus(self, skus: Sequence[str]) -> dict[str, KnownVariant]:
        """Those that are known; callers who ask for a few at the same time share a statement."""
        if len(skus) > _FEW:
            return await self._list_by_skus(skus)
        found = await asyncio.gather(*(self._asked.get(sku) for sku in skus))
        return {item.sku: item for item in found if item is not None}

    async def _list_by_skus(self, skus: Sequence[str]) -> dict[str, KnownVariant]:
        return {item.sku: item for item in await known_variants.list_by_skus(self._session, skus)}

    async def _learn(self, ids: Sequence[int], skus: Sequence[str]) -> list[KnownVariant]:
        learned: list[KnownVariant] = []
        for start in range(0, max(len(ids), len(skus)), _MOST_PER_CALL):
            part = slice(start, start + _MOST_PER_CALL)
            learned += await self._catalog.find(ids[part], skus[part])
        if learned:
            await known_variants.learn(self._session, learned)
        return learned

    def _remember(self, variants: Iterable[KnownVariant]) -> None:
        if len(self._by_id) > _MOST_IN_MEMORY:
            self._by_id, self._by_sku = {}, {}
        for variant in variants:
            self._by_id[variant.variant_id] = variant
            self._by_sku[variant.sku] = variant


def _without(asked: Iterable[K], found: Container[K]) -> list[K]:
    return [key for key in dict.fromkeys(asked) if key not in found]
