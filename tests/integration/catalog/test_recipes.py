"""Recipes: only bundles and kits have one, none contains itself, and the explosion counts over all paths."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from usav.catalog.v1 import bundle_pb2

from tests.integration.catalog.harness import CatalogHub, refusal


def bom_of(identity_id: int) -> bundle_pb2.GetBillOfMaterialsRequest:
    return bundle_pb2.GetBillOfMaterialsRequest(parent_identity_id=identity_id)


async def test_line_is_created_with_defaults_and_changed(hub: CatalogHub) -> None:
    parent, child = await hub.identity("BUNDLE"), await hub.identity()
    line = await hub.component(parent.id, child.id)
    assert (line.quantity, line.role) == (1, bundle_pb2.BundleComponent.PRIMARY)
    assert (line.parent_upis_h, line.child_upis_h) == (parent.upis_h, child.upis_h)

    wanted = bundle_pb2.BundleComponent(
        id=line.id, quantity=4, role=bundle_pb2.BundleComponent.SATELLITE, etag=line.etag
    )
    changed = await hub.admin.UpdateBundleComponent(bundle_pb2.UpdateBundleComponentRequest(bundle=wanted))
    assert (changed.quantity, changed.role) == (4, bundle_pb2.BundleComponent.SATELLITE)

    await hub.admin.DeleteBundleComponent(bundle_pb2.DeleteBundleComponentRequest(id=line.id))
    refused = await refusal(hub.admin.GetBundleComponent(bundle_pb2.GetBundleComponentRequest(id=line.id)))
    assert refused.reason == "BUNDLE_COMPONENT_NOT_FOUND"


@pytest.mark.parametrize("type", ["PRODUCT", "PART", "SERVICE"])
async def test_only_bundles_and_kits_have_components(hub: CatalogHub, type: str) -> None:
    parent, child = await hub.identity(type), await hub.identity()
    refused = await refusal(hub.component(parent.id, child.id))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "BUNDLE_PARENT_WRONG")


async def test_second_line_for_a_child_is_refused(hub: CatalogHub) -> None:
    parent, child = await hub.identity("KIT"), await hub.identity()
    await hub.component(parent.id, child.id)
    refused = await refusal(hub.component(parent.id, child.id, quantity=2))
    assert (refused.code, refused.reason) == ("ALREADY_EXISTS", "BUNDLE_COMPONENT_EXISTS")


async def test_circles_of_any_length_are_refused(hub: CatalogHub) -> None:
    a, b, c = [await hub.identity("BUNDLE") for _ in range(3)]
    await hub.component(a.id, b.id)
    await hub.component(b.id, c.id)
    for parent, child in ((a, a), (b, a), (c, a)):
        refused = await refusal(hub.component(parent.id, child.id))
        assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "BUNDLE_CYCLE")


async def test_circle_closed_from_both_ends_at_once_is_refused_once(hub: CatalogHub) -> None:
    for _ in range(10):
        a, b = await hub.identity("BUNDLE"), await hub.identity("BUNDLE")
        done = await asyncio.gather(hub.component(a.id, b.id), hub.component(b.id, a.id), return_exceptions=True)
        assert sum(isinstance(item, bundle_pb2.BundleComponent) for item in done) == 1


async def test_long_circle_closed_by_many_at_once_stays_open(hub: CatalogHub) -> None:
    ring = [await hub.identity("KIT") for _ in range(6)]
    edges = zip(ring, ring[1:] + ring[:1], strict=True)
    done = await asyncio.gather(*(hub.component(a.id, b.id) for a, b in edges), return_exceptions=True)
    assert sum(isinstance(item, bundle_pb2.BundleComponent) for item in done) == 5


async def test_unknown_ends_are_named(hub: CatalogHub) -> None:
    bundle = await hub.identity("BUNDLE")
    refused = await refusal(hub.component(bundle.id, 2**60))
    assert (refused.reason, refused.fields) == ("IDENTITY_NOT_FOUND", ("bundle.child_identity_id",))
    refused = await refusal(hub.component(2**60, bundle.id))
    assert (refused.reason, refused.fields) == ("IDENTITY_NOT_FOUND", ("bundle.parent_identity_id",))


async def test_bill_of_materials_counts_over_all_paths(hub: CatalogHub) -> None:
    system, set_, speaker, cable = (
        await hub.identity("BUNDLE"),
        await hub.identity("KIT"),
        await hub.identity(name="Speaker"),
        await hub.identity("PART"),
    )
    await hub.component(system.id, set_.id, quantity=2)
    await hub.component(system.id, cable.id, quantity=1)
    await hub.component(set_.id, speaker.id, quantity=2)
    await hub.component(set_.id, cable.id, quantity=3)
    bom = await hub.caller("SALES_REP").GetBillOfMaterials(bom_of(system.id))
    found = {item.upis_h: (item.total_quantity, item.level, item.leaf) for item in bom.items}
    assert found == {set_.upis_h: (2, 1, False), cable.upis_h: (7, 1, True), speaker.upis_h: (4, 2, True)}
    assert {item.name for item in bom.items if item.upis_h == speaker.upis_h} == {"Speaker"}


async def test_explosion_beyond_counting_is_refused(hub: CatalogHub) -> None:
    chain = [await hub.identity("KIT") for _ in range(8)]
    for parent, child in pairwise(chain):
        await hub.component(parent.id, child.id, quantity=999)
    refused = await refusal(hub.admin.GetBillOfMaterials(bom_of(chain[0].id)))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "BILL_OF_MATERIALS_TOO_LARGE")
    assert len((await hub.admin.GetBillOfMaterials(bom_of(chain[3].id))).items) == 4


async def test_components_and_parents_are_listed(hub: CatalogHub) -> None:
    parent, child = await hub.identity("BUNDLE"), await hub.identity()
    line = await hub.component(parent.id, child.id)
    down = bundle_pb2.ListComponentsOfParentRequest(parent_identity_id=parent.id)
    up = bundle_pb2.ListBundlesOfChildRequest(child_identity_id=child.id)
    everything = bundle_pb2.ListBundleComponentsRequest(product_id=parent.product_id)
    assert list((await hub.admin.ListComponentsOfParent(down)).items) == [line]
    assert list((await hub.admin.ListBundlesOfChild(up)).items) == [line]
    assert list((await hub.admin.ListBundleComponents(everything)).items) == [line]
    missing = bundle_pb2.ListComponentsOfParentRequest(parent_identity_id=2**60)
    assert (await refusal(hub.admin.ListComponentsOfParent(missing))).reason == "IDENTITY_NOT_FOUND"
