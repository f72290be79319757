"""Variants are learned once: from memory, then from the schema, then from the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from chassis.database import Statement
from inventory_svc.domain.errors import VariantNotFound
from inventory_svc.domain.recipe import Recipe
from inventory_svc.domain.variant import KnownVariant
from inventory_svc.operations import variants as module
from inventory_svc.operations.variants import Variants


class StoredVariants:
    """A session over a dictionary: it knows the three statements by their parameters."""

    def __init__(self) -> None:
        self.by_id: dict[int, KnownVariant] = {}
        self.reads = 0

    async def rows(self, statement: Statement, **parameters: Any) -> Sequence[Any]:
        if "product_ids" in parameters:
            learned = zip(parameters["ids"], parameters["skus"], parameters["product_ids"], strict=True)
            self.by_id |= {variant_id: KnownVariant(variant_id, sku, family) for variant_id, sku, family in learned}
            return []
        self.reads += 1
        wanted = parameters.get("ids") or parameters.get("skus") or []
        found = [item for item in self.by_id.values() if item.variant_id in wanted or item.sku in wanted]
        return [{"variant_id": item.variant_id, "sku": item.sku, "product_id": item.product_id} for item in found]


class Catalog:
    """Knows ids below 1000."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[int], list[str]]] = []
        self.recipes_asked: list[list[int]] = []

    async def recipes(self, variant_ids: Sequence[int]) -> dict[int, Recipe]:
        self.recipes_asked.append(list(variant_ids))
        return {key: [] for key in variant_ids}

    async def find(self, ids: Sequence[int], skus: Sequence[str]) -> list[KnownVariant]:
        self.calls.append((list(ids), list(skus)))
        numbers = [*ids, *(int(sku[1:]) for sku in skus)]
        return [KnownVariant(number, f"S{number}", number) for number in numbers if number < 1000]


@pytest.fixture
def stored() -> StoredVariants:
    return StoredVariants()


async def test_catalog_is_asked_once(stored: StoredVariants) -> None:
    catalog = Catalog()
    variants = Variants(stored, catalog)
    for _ in range(3):
        assert (await variants.by_skus([" s7 ", "S8"]))[" s7 "].variant_id == 7
        assert (await variants.by_ids([8]))[8].sku == "S8"
    assert catalog.calls == [([], ["S7", "S8"])]
    assert stored.reads == 1


async def test_another_process_finds_them_in_the_schema(stored: StoredVariants) -> None:
    await Variants(stored, Catalog()).by_ids([5])
    later = Catalog()
    assert (await Variants(stored, later).one("S5", 0)).variant_id == 5
    assert later.calls == []


async def test_unknown_ones_are_left_out_and_asked_for_again(stored: StoredVariants) -> None:
    catalog = Catalog()
    variants = Variants(stored, catalog)
    assert await variants.by_skus(["S5000"]) == {}
    assert await variants.by_skus(["S5000"]) == {}
    assert len(catalog.calls) == 2


@pytest.mark.parametrize(("sku", "variant_id", "field"), [("S5000", 0, "item.sku"), ("", 5000, "item.variant_id")])
async def test_unknown_one_names_its_field(stored: StoredVariants, sku: str, variant_id: int, field: str) -> None:
    with pytest.raises(VariantNotFound) as caught:
        await Variants(stored, Catalog()).one(sku, variant_id, "item.")
    assert caught.value.violations[0].field == field


async def test_many_are_asked_for_in_parts(stored: StoredVariants) -> None:
    catalog = Catalog()
    found = await Variants(stored, catalog).by_ids(range(2_500))
    assert len(found) == 1000
    assert [len(ids) for ids, _ in catalog.calls] == [1000, 1000, 500]


async def test_full_memory_starts_anew_without_losing_answers(
    stored: StoredVariants, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_IN_MEMORY", 3)
    variants = Variants(stored, Catalog())
    await variants.by_ids(range(5))
    assert sorted(await variants.by_ids(range(8))) == list(range(8))


async def test_only_bundles_are_asked_for_and_every_time(stored: StoredVariants) -> None:
    catalog = Catalog()
    variants = Variants(stored, catalog)
    known = [KnownVariant(number, sku, 845) for number, sku in enumerate(("00845-B", "00845-P-1-N", "00845-K-WY-N"))]
    for _ in range(2):
        assert await variants.recipes(known) == {0: [], 2: []}
    assert await variants.recipes(known[1:2]) == {}
    assert catalog.recipes_asked == [[0, 2], [0, 2]]
