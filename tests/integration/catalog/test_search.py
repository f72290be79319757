"""Search: codes before names, whole words before beginnings, typing errors forgiven, always current."""

from __future__ import annotations

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from usav.catalog.v1 import family_pb2, registry_pb2, search_pb2, variant_pb2

from tests.integration.catalog.harness import CatalogHub, refusal


async def found(hub: CatalogHub, q: str, **fields: object) -> list[str]:
    request = search_pb2.SearchCatalogRequest(q=q, **fields)  # type: ignore[arg-type]  # names as in the proto
    return [item.code for item in (await hub.caller("SALES_REP").SearchCatalog(request)).items]


@pytest.fixture(scope="module", autouse=True)
async def goods(hub: CatalogHub) -> None:
    """A few families with parts and variants."""
    brand = await hub.admin.CreateBrand(registry_pb2.CreateBrandRequest(brand=registry_pb2.Brand(name="Bose")))
    await hub.family(product_id=845, name="VCS-10 Center Channel Speaker", brand_id=brand.id)
    await hub.family(product_id=846, name="Lifestyle SoundTouch 535", brand_id=brand.id)
    await hub.family(product_id=900, name="Café Radio Größe")
    remote = await hub.identity("PART", product_id=846, name="Remote control RC-28")
    product = await hub.identity("PRODUCT", product_id=845)
    await hub.variant(identity_id=product.id, color_code="BK", condition_code="N", name="Bose VCS-10 - Black")
    await hub.variant(identity_id=remote.id, color_code="WY")


@pytest.mark.parametrize("q", ["00845", "845", " 00845 "])
async def test_number_finds_its_family_first(hub: CatalogHub, q: str) -> None:
    assert (await found(hub, q))[0] == "00845"


async def test_sku_and_its_beginning(hub: CatalogHub) -> None:
    assert (await found(hub, "00845-bk-n"))[0] == "00845-BK-N"
    assert (await found(hub, "00846-P-1"))[:2] == ["00846-P-1", "00846-P-1-WY"]
    assert set(await found(hub, "0084")) == {"00845", "00845-BK-N", "00846", "00846-P-1", "00846-P-1-WY"}


async def test_hex_signature_finds_its_identity(hub: CatalogHub) -> None:
    rows = await hub.rows("SELECT hex_signature FROM catalog.identity WHERE upis_h = '00846-P-1'")
    assert (await found(hub, rows[0]["hex_signature"].lower()))[0] == "00846-P-1"


async def test_words_of_name_and_brand_in_any_order(hub: CatalogHub) -> None:
    assert (await found(hub, "speaker bose center"))[0] == "00845"
    assert (await found(hub, "BOSE lifest"))[0] == "00846"


async def test_part_is_found_by_its_own_and_its_familys_words(hub: CatalogHub) -> None:
    assert (await found(hub, "lifestyle remote"))[0] == "00846-P-1"


async def test_joined_and_split_model_numbers(hub: CatalogHub) -> None:
    for q in ("vcs-10", "vcs 10", "vcs10", "VCS–10"):
        assert (await found(hub, q))[0] == "00845"


async def test_accents_and_umlauts_do_not_matter(hub: CatalogHub) -> None:
    for q in ("cafe radio", "CAFÉ", "GRÖßE", "groß"):
        assert await found(hub, q) == ["00900"]


@pytest.mark.parametrize(
    "q", ["lifestlye", "lifestile", "lifstyle", "soundtuoch", "soudtoch 535", "lifesttyle remotte"]
)
async def test_typing_errors_are_forgiven(hub: CatalogHub, q: str) -> None:
    assert any(code.startswith("00846") for code in await found(hub, q))


async def test_unknown_word_beside_a_known_one_still_finds(hub: CatalogHub) -> None:
    assert "00845" in await found(hub, "vcs qqqqqqqq")


@pytest.mark.parametrize(
    "q", ["!!!", "qqqqqqqq", "'; DROP TABLE x; --", "xq & xw | !xj <-> xd:*", "\\", "%", "😀", "ﷺ" * 20, "\x01"]
)
async def test_nonsense_finds_nothing_and_breaks_nothing(hub: CatalogHub, q: str) -> None:
    assert await found(hub, q) == []


async def test_kinds_narrow_the_answer(hub: CatalogHub) -> None:
    assert await found(hub, "bose", kinds=["VARIANT"]) == ["00845-BK-N", "00846-P-1-WY"]


async def test_pages_are_disjoint_and_counted(hub: CatalogHub) -> None:
    request = search_pb2.SearchCatalogRequest(q="bose", page_size=2)
    seen: list[tuple[int, int]] = []
    while True:
        page = await hub.admin.SearchCatalog(request)
        seen += [(item.kind, item.id) for item in page.items]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert len(seen) == len(set(seen)) == page.total_size


async def test_renaming_and_deleting_show_at_once(hub: CatalogHub) -> None:
    made = await hub.family(name="Zanzibar amplifier")
    identity = await hub.identity(product_id=made.product_id)
    variant = await hub.variant(identity_id=identity.id, color_code="GN")
    assert variant.full_sku in await found(hub, "zanzibar")
    renamed = family_pb2.Family(product_id=made.product_id, name="Tobago amplifier")
    mask = FieldMask(paths=["name"])
    await hub.admin.UpdateFamily(family_pb2.UpdateFamilyRequest(family=renamed, update_mask=mask))
    assert await found(hub, "zanzibar") == []
    assert variant.full_sku in await found(hub, "tobago")
    await hub.admin.DeleteVariant(variant_pb2.DeleteVariantRequest(id=variant.id))
    assert variant.full_sku not in await found(hub, "tobago")


async def test_empty_question_is_refused(hub: CatalogHub) -> None:
    refused = await refusal(hub.admin.SearchCatalog(search_pb2.SearchCatalogRequest(q="")))
    assert (refused.code, refused.fields) == ("INVALID_ARGUMENT", ("q",))
