"""Recipes by variant: exploded to what lies on the shelf, in the bundle variant's condition, and found from below."""

from __future__ import annotations

from usav.catalog.v1 import bundle_pb2, recipe_pb2, variant_pb2

from tests.integration.catalog.harness import CatalogHub


async def recipe(hub: CatalogHub, *variant_ids: int) -> list[recipe_pb2.VariantRecipe]:
    answer = await hub.admin.BatchGetRecipes(recipe_pb2.BatchGetRecipesRequest(variant_ids=variant_ids))
    return list(answer.items)


async def above(hub: CatalogHub, *variant_ids: int, upis_hs: tuple[str, ...] = ()) -> list[int]:
    request = recipe_pb2.BatchGetBundleVariantsRequest(variant_ids=variant_ids, parent_upis_hs=upis_hs)
    return list((await hub.admin.BatchGetBundleVariants(request)).variant_ids)


async def test_nested_recipe_counts_over_all_paths_in_the_condition(hub: CatalogHub) -> None:
    system, set_, speaker, cable = [await hub.identity(kind) for kind in ("BUNDLE", "KIT", "PRODUCT", "PRODUCT")]
    for parent, child, quantity in ((system, set_, 2), (system, cable, 1), (set_, speaker, 2), (set_, cable, 3)):
        await hub.component(parent.id, child.id, quantity=quantity)
    new = await hub.variant(identity_id=system.id, condition_code="N")
    used = await hub.variant(identity_id=system.id)
    speakers = [await hub.variant(identity_id=speaker.id, condition_code=code) for code in ("N", "U")]
    white = await hub.variant(identity_id=speaker.id, condition_code="N", color_code="WY")

    first, second = await recipe(hub, new.id, used.id, speakers[0].id)
    assert (first.variant_id, second.variant_id) == (new.id, used.id)
    counts = {each.identity_id: (each.quantity, list(each.variant_ids)) for each in first.components}
    assert counts == {speaker.id: (4, [speakers[0].id, white.id]), cable.id: (7, [])}
    assert {each.identity_id: list(each.variant_ids) for each in second.components} == {
        speaker.id: [speakers[1].id],
        cable.id: [],
    }

    await hub.admin.DeleteVariant(variant_pb2.DeleteVariantRequest(id=white.id))
    (first,) = await recipe(hub, new.id)
    assert [list(each.variant_ids) for each in first.components if each.identity_id == speaker.id] == [[speakers[0].id]]


async def test_recipe_change_shows_at_once(hub: CatalogHub) -> None:
    parent, child = await hub.identity("BUNDLE"), await hub.identity()
    line = await hub.component(parent.id, child.id)
    bundle = await hub.variant(identity_id=parent.id)
    wanted = bundle_pb2.BundleComponent(id=line.id, quantity=5)
    await hub.admin.UpdateBundleComponent(bundle_pb2.UpdateBundleComponentRequest(bundle=wanted))
    assert [each.quantity for found in await recipe(hub, bundle.id) for each in found.components] == [5]
    await hub.admin.DeleteBundleComponent(bundle_pb2.DeleteBundleComponentRequest(id=line.id))
    assert await recipe(hub, bundle.id) == []


async def test_bundles_are_found_from_any_depth(hub: CatalogHub) -> None:
    top, middle, part = [await hub.identity(kind) for kind in ("BUNDLE", "KIT", "PRODUCT")]
    await hub.component(top.id, middle.id)
    await hub.component(middle.id, part.id)
    tops = [await hub.variant(identity_id=top.id, condition_code=code) for code in ("N", "U")]
    middles = [await hub.variant(identity_id=middle.id, condition_code=code) for code in ("N", "U")]
    new = await hub.variant(identity_id=part.id, condition_code="N")
    assert await above(hub, new.id) == sorted([tops[0].id, middles[0].id])
    assert await above(hub, tops[0].id) == []
    assert await above(hub, upis_hs=(middle.upis_h,)) == sorted(each.id for each in (*tops, *middles))
