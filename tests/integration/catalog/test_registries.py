"""Registries: seeded, formed by rule, and kept while in use."""

from __future__ import annotations

import asyncio

import pytest
from usav.catalog.v1 import registry_pb2 as pb

from tests.integration.catalog.harness import CatalogHub, refusal


async def test_seeds_are_there(hub: CatalogHub) -> None:
    colors = await hub.admin.ListColors(pb.ListColorsRequest())
    conditions = await hub.admin.ListConditions(pb.ListConditionsRequest())
    assert {"BK", "WY", "SV", "GR", "RD", "BL", "GN", "GD"} <= {item.code for item in colors.items}
    assert {item.code for item in conditions.items} >= {"N", "R", "U"}


async def test_code_is_registered_renamed_and_removed(hub: CatalogHub) -> None:
    made = await hub.admin.CreateColor(pb.CreateColorRequest(color=pb.Color(code="nv", name="Navy")))
    assert (made.code, made.name) == ("NV", "Navy")
    wanted = pb.Color(code="nv", name="Navy blue", etag=made.etag)
    assert (await hub.admin.UpdateColor(pb.UpdateColorRequest(color=wanted))).name == "Navy blue"
    refused = await refusal(hub.admin.UpdateColor(pb.UpdateColorRequest(color=wanted)))
    assert refused.reason == "ETAG_MISMATCH"
    await hub.admin.DeleteColor(pb.DeleteColorRequest(code="NV"))
    assert (await refusal(hub.admin.GetColor(pb.GetColorRequest(code="NV")))).reason == "CODE_NOT_FOUND"


async def test_code_without_a_name_is_its_own(hub: CatalogHub) -> None:
    assert (await hub.admin.CreateSize(pb.CreateSizeRequest(size=pb.Size(code="ZM")))).name == "ZM"


async def test_registered_code_is_refused(hub: CatalogHub) -> None:
    refused = await refusal(hub.admin.CreateColor(pb.CreateColorRequest(color=pb.Color(code="bk"))))
    assert (refused.code, refused.reason) == ("ALREADY_EXISTS", "CODE_EXISTS")
    assert refused.metadata == {"registry": "color", "code": "BK"}


@pytest.mark.parametrize("letter", ["B", "K", "P", "S"])
async def test_condition_that_would_read_as_a_type_is_refused(hub: CatalogHub, letter: str) -> None:
    request = pb.CreateConditionRequest(condition=pb.Condition(code=letter))
    refused = await refusal(hub.admin.CreateCondition(request))
    assert (refused.code, refused.reason, refused.fields) == ("INVALID_ARGUMENT", "CODE_INVALID", ("condition.code",))


async def test_codes_in_use_stay(hub: CatalogHub) -> None:
    await hub.admin.CreateSize(pb.CreateSizeRequest(size=pb.Size(code="ZL")))
    await hub.variant(color_code="GD", size_code="ZL", condition_code="R")
    for refused in (
        await refusal(hub.admin.DeleteColor(pb.DeleteColorRequest(code="GD"))),
        await refusal(hub.admin.DeleteSize(pb.DeleteSizeRequest(code="ZL"))),
        await refusal(hub.admin.DeleteCondition(pb.DeleteConditionRequest(code="R"))),
        await refusal(hub.admin.DeleteCondition(pb.DeleteConditionRequest(code="U"))),
    ):
        assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "CODE_IN_USE")


async def test_brand_names_are_unique_whatever_their_case(hub: CatalogHub) -> None:
    brand = await hub.admin.CreateBrand(pb.CreateBrandRequest(brand=pb.Brand(name="Harman Kardon")))
    refused = await refusal(hub.admin.CreateBrand(pb.CreateBrandRequest(brand=pb.Brand(name="HARMAN kardon"))))
    assert refused.reason == "CODE_EXISTS"
    other = await hub.admin.CreateBrand(pb.CreateBrandRequest(brand=pb.Brand(name="JBL")))
    clash = pb.UpdateBrandRequest(brand=pb.Brand(id=other.id, name="harman kardon"))
    assert (await refusal(hub.admin.UpdateBrand(clash))).reason == "CODE_EXISTS"
    await hub.family(brand_id=brand.id)
    assert (await refusal(hub.admin.DeleteBrand(pb.DeleteBrandRequest(id=brand.id)))).reason == "CODE_IN_USE"


async def test_renamed_brand_shows_in_its_families(hub: CatalogHub) -> None:
    brand = await hub.admin.CreateBrand(pb.CreateBrandRequest(brand=pb.Brand(name="Sonoss")))
    await hub.family(brand_id=brand.id)
    await hub.admin.UpdateBrand(pb.UpdateBrandRequest(brand=pb.Brand(id=brand.id, name="Sonos")))
    found = await hub.rows("SELECT brand_name FROM catalog.search_document WHERE kind = 'FAMILY' AND brand_name <> ''")
    assert "Sonos" in {row["brand_name"] for row in found}


async def test_component_definition_names_its_part(hub: CatalogHub) -> None:
    number = (await hub.family()).product_id
    wanted = pb.LciDefinition(product_id=number, name="Remote control")
    made = await hub.admin.CreateLciDefinition(pb.CreateLciDefinitionRequest(lci_definition=wanted))
    assert made.component_index == 1
    assert (await hub.identity("PART", product_id=number)).component_index == 2
    part = await hub.identity("PART", product_id=number, component_index=1)
    assert part.component_name == "Remote control"
    refused = await refusal(hub.admin.DeleteLciDefinition(pb.DeleteLciDefinitionRequest(id=made.id)))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "CODE_IN_USE")


async def test_definitions_created_at_once_get_different_indexes(hub: CatalogHub) -> None:
    number = (await hub.family()).product_id

    async def define(name: str) -> int:
        wanted = pb.LciDefinition(product_id=number, name=name)
        made = await hub.admin.CreateLciDefinition(pb.CreateLciDefinitionRequest(lci_definition=wanted))
        return int(made.component_index)

    indexes = await asyncio.gather(*(define(f"Part {n}") for n in range(10)))
    assert sorted(indexes) == list(range(1, 11))


async def test_definition_of_no_family_is_refused(hub: CatalogHub) -> None:
    wanted = pb.LciDefinition(product_id=98_765, name="Remote")
    refused = await refusal(hub.admin.CreateLciDefinition(pb.CreateLciDefinitionRequest(lci_definition=wanted)))
    assert (refused.code, refused.reason, refused.fields) == (
        "NOT_FOUND",
        "FAMILY_NOT_FOUND",
        ("lci_definition.product_id",),
    )


async def test_registries_are_paged(hub: CatalogHub) -> None:
    first = await hub.admin.ListColors(pb.ListColorsRequest(page_size=3))
    second = await hub.admin.ListColors(pb.ListColorsRequest(page_size=1000, page_token=first.next_page_token))
    codes = [item.code for item in (*first.items, *second.items)]
    assert codes == sorted(codes)
    assert len(codes) == first.total_size == second.total_size
