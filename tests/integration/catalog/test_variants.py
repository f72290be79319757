"""Variants: a SKU each, never two alike; soft deletion; price and text changes reach the feed."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.money_pb2 import Money
from usav.catalog.v1 import variant_pb2

from catalog_svc.domain.sku import parse_sku
from tests.integration.catalog.harness import CatalogHub, refusal


def updating(mask: list[str] | None = None, **fields: object) -> variant_pb2.UpdateVariantRequest:
    variant = variant_pb2.Variant(**fields)  # type: ignore[arg-type]  # names as in the proto
    return variant_pb2.UpdateVariantRequest(variant=variant, update_mask=FieldMask(paths=mask or []))


def by_sku(sku: str) -> variant_pb2.GetVariantBySkuRequest:
    return variant_pb2.GetVariantBySkuRequest(full_sku=sku)


async def test_sku_is_made_of_its_parts(hub: CatalogHub) -> None:
    await hub.family(product_id=845)
    part = await hub.identity("PART", product_id=845)
    await hub.rows("INSERT INTO catalog.size (code, name) VALUES ('ZXL', 'Extra large')")
    made = [
        await hub.variant(identity_id=part.id, **codes)
        for codes in (
            {},
            {"color_code": "wy", "condition_code": "n"},
            {"size_code": "ZXL", "condition_code": "U"},
            {"color_code": "BK", "size_code": "zxl", "condition_code": "R"},
        )
    ]
    assert [item.full_sku for item in made] == ["00845-P-1", "00845-P-1-WY-N", "00845-P-1-ZXL", "00845-P-1-BK-ZXL-R"]
    assert [str(parse_sku(item.full_sku)) for item in made] == [item.full_sku for item in made]
    assert made[0].condition_code == "U"


async def test_no_condition_and_the_default_condition_are_the_same(hub: CatalogHub) -> None:
    made = await hub.variant(color_code="BK")
    refused = await refusal(hub.variant(identity_id=made.identity_id, color_code="BK", condition_code="U"))
    assert (refused.code, refused.reason) == ("ALREADY_EXISTS", "VARIANT_EXISTS")
    assert refused.metadata == {"full_sku": made.full_sku, "id": str(made.id)}


async def test_same_variant_created_at_once_exists_once(hub: CatalogHub) -> None:
    identity = await hub.identity()
    tries = await asyncio.gather(*(hub.variant(identity_id=identity.id) for _ in range(12)), return_exceptions=True)
    assert sum(isinstance(item, variant_pb2.Variant) for item in tries) == 1


@pytest.mark.parametrize(
    ("codes", "field"),
    [
        ({"color_code": "QQ"}, "color_code"),
        ({"size_code": "ZQ"}, "size_code"),
        ({"condition_code": "X"}, "condition_code"),
    ],
)
async def test_unregistered_code_is_named(hub: CatalogHub, codes: dict[str, str], field: str) -> None:
    refused = await refusal(hub.variant(**codes))
    assert (refused.code, refused.reason, refused.fields) == ("NOT_FOUND", "CODE_NOT_FOUND", (f"variant.{field}",))


@pytest.mark.parametrize(
    "codes",
    [{"color_code": "ZA"}, {"color_code": "B"}, {"size_code": "XL"}, {"condition_code": "K"}, {"condition_code": "NN"}],
)
async def test_code_of_the_wrong_form_is_refused(hub: CatalogHub, codes: dict[str, str]) -> None:
    refused = await refusal(hub.variant(**codes))
    assert (refused.code, set(refused.fields)) == ("INVALID_ARGUMENT", {f"variant.{next(iter(codes))}"})


async def test_unknown_identity_is_named(hub: CatalogHub) -> None:
    refused = await refusal(hub.variant(identity_id=2**62))
    assert (refused.reason, refused.fields) == ("IDENTITY_NOT_FOUND", ("variant.identity_id",))
    assert refused.metadata == {"id": str(2**62)}


async def test_variant_is_found_by_sku_in_any_case(hub: CatalogHub) -> None:
    made = await hub.variant(color_code="SV", price=Money(units=12, nanos=500_000_000))
    assert await hub.admin.GetVariantBySku(by_sku(f" {made.full_sku.lower()} ")) == made
    assert made.price == Money(currency_code="USD", units=12, nanos=500_000_000)


async def test_unknown_sku_is_not_found(hub: CatalogHub) -> None:
    refused = await refusal(hub.admin.GetVariantBySku(by_sku("99999-ZZ")))
    assert (refused.code, refused.reason) == ("NOT_FOUND", "VARIANT_NOT_FOUND")


async def test_batch_gives_each_once_and_leaves_out_the_unknown(hub: CatalogHub) -> None:
    one, other = await hub.variant(), await hub.variant()
    request = variant_pb2.BatchGetVariantsRequest(
        ids=[other.id, one.id, 2**60], skus=[one.full_sku.lower(), "99999-ZL"]
    )
    assert list((await hub.admin.BatchGetVariants(request)).items) == [one, other]


async def test_fixed_fields_never_change(hub: CatalogHub) -> None:
    made = await hub.variant(color_code="BK")
    for fixed in ({"color_code": "WY"}, {"identity_id": 1}, {"condition_code": "N"}):
        refused = await refusal(hub.admin.UpdateVariant(updating(id=made.id, **fixed)))
        assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "VARIANT_IMMUTABLE")
    for change in ("color_code = NULL", "condition_code = 'N'", "upis_h = '00001'"):
        with pytest.raises(asyncpg.CheckViolationError):
            await hub.rows(f"UPDATE catalog.variant SET {change} WHERE id = $1", made.id)


async def test_whole_resource_may_be_sent_back(hub: CatalogHub) -> None:
    made = await hub.variant(color_code="BK", name="Before")
    made.name = "After"
    changed = await hub.caller("SALES_REP").UpdateVariant(variant_pb2.UpdateVariantRequest(variant=made))
    assert (changed.name, changed.full_sku) == ("After", made.full_sku)


async def test_star_replaces_all_that_can_change(hub: CatalogHub) -> None:
    made = await hub.variant(name="Goes", description="Stays", price=Money(units=1))
    changed = await hub.admin.UpdateVariant(updating(["*"], id=made.id, description="Stays"))
    assert (changed.name, changed.description, changed.HasField("price")) == ("", "Stays", False)


@pytest.mark.parametrize(
    "price",
    [
        Money(units=-1),
        Money(units=1, nanos=-1),
        Money(units=1, nanos=1),
        Money(units=2**62),
        Money(units=1, nanos=2_000_000_000),
        Money(units=1, currency_code="DOLLARS"),
        Money(units=1, currency_code="日本円"),
    ],
)
async def test_impossible_price_is_refused(hub: CatalogHub, price: Money) -> None:
    refused = await refusal(hub.variant(price=price))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "PRICE_INVALID")
    assert refused.fields[0].startswith("variant.price")


async def test_deleted_variant_is_hidden_kept_and_brought_back(hub: CatalogHub) -> None:
    made = await hub.variant(color_code="RD")
    gone = await hub.admin.DeleteVariant(variant_pb2.DeleteVariantRequest(id=made.id))
    again = await hub.admin.DeleteVariant(variant_pb2.DeleteVariantRequest(id=made.id))
    assert gone.HasField("delete_time")
    assert again == gone

    listing = variant_pb2.ListVariantsRequest(identity_id=made.identity_id)
    assert (await hub.admin.ListVariants(listing)).total_size == 0
    listing.show_deleted = True
    assert (await hub.admin.ListVariants(listing)).items[0] == gone
    assert await hub.admin.GetVariantBySku(by_sku(made.full_sku)) == gone

    refused = await refusal(hub.variant(identity_id=made.identity_id, color_code="RD"))
    assert refused.reason == "VARIANT_EXISTS"
    assert "undelete" in refused.message
    assert (await refusal(hub.admin.UpdateVariant(updating(id=made.id, name="No")))).reason == "VARIANT_DELETED"

    back = await hub.admin.UndeleteVariant(variant_pb2.UndeleteVariantRequest(id=made.id))
    assert not back.HasField("delete_time")
    assert (await hub.admin.ListVariants(variant_pb2.ListVariantsRequest(identity_id=made.identity_id))).total_size == 1


async def test_list_is_filtered_by_everything(hub: CatalogHub) -> None:
    identity = await hub.identity("PART")
    for codes in ({"color_code": "BK"}, {"color_code": "BK", "condition_code": "N"}, {"color_code": "GN"}):
        await hub.variant(identity_id=identity.id, **codes)

    async def found(**filters: object) -> list[str]:
        request = variant_pb2.ListVariantsRequest(product_id=identity.product_id, **filters)  # type: ignore[arg-type]  # names as in the proto
        return [item.full_sku.removeprefix(identity.upis_h) for item in (await hub.admin.ListVariants(request)).items]

    assert await found() == ["-BK", "-BK-N", "-GN"]
    assert await found(color_code="bk") == ["-BK", "-BK-N"]
    assert await found(condition_code="U") == ["-BK", "-GN"]
    assert await found(sku_prefix=f"{identity.upis_h}-b".lower()) == ["-BK", "-BK-N"]
    assert await found(size_code="ZL") == []


async def test_pages_follow_the_key_while_rows_are_added(hub: CatalogHub) -> None:
    identity = await hub.identity()
    for color in ("BK", "WY", "SV"):
        await hub.variant(identity_id=identity.id, color_code=color)
    request = variant_pb2.ListVariantsRequest(identity_id=identity.id, page_size=2)
    first = await hub.admin.ListVariants(request)
    await hub.variant(identity_id=identity.id, color_code="GR")
    request.page_token = first.next_page_token
    second = await hub.admin.ListVariants(request)
    assert [item.color_code for item in (*first.items, *second.items)] == ["BK", "WY", "SV", "GR"]
    assert (first.total_size, second.total_size, second.next_page_token) == (3, 3, "")


async def test_warehouse_may_not_write_variants(hub: CatalogHub) -> None:
    made = await hub.variant()
    refused = await refusal(hub.caller("WAREHOUSE_OP").DeleteVariant(variant_pb2.DeleteVariantRequest(id=made.id)))
    assert refused.code == "PERMISSION_DENIED"
