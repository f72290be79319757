"""Identities: names are computed by the database, given out once, and stay."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from usav.catalog.v1 import identity_pb2

from catalog_svc.domain.identifiers import parse_hex_signature, parse_upis_h
from tests.integration.catalog.harness import CatalogHub, refusal


def creating(**fields: object) -> identity_pb2.CreateIdentityRequest:
    identity = identity_pb2.Identity(**fields)  # type: ignore[arg-type]  # names as in the proto
    return identity_pb2.CreateIdentityRequest(identity=identity)


def updating(mask: list[str] | None = None, **fields: object) -> identity_pb2.UpdateIdentityRequest:
    identity = identity_pb2.Identity(**fields)  # type: ignore[arg-type]  # names as in the proto
    return identity_pb2.UpdateIdentityRequest(identity=identity, update_mask=FieldMask(paths=mask or []))


async def test_every_type_has_its_name(hub: CatalogHub) -> None:
    number = (await hub.family(product_id=845)).product_id
    names = [
        (await hub.identity(type, product_id=number)).upis_h for type in ("PRODUCT", "PART", "BUNDLE", "KIT", "SERVICE")
    ]
    assert names == ["00845", "00845-P-1", "00845-B", "00845-K", "00845-S"]


async def test_letters_and_other_words_are_the_same_types(hub: CatalogHub) -> None:
    number = (await hub.family()).product_id
    base = await hub.identity("BASE", product_id=number)
    part = await hub.identity("P", product_id=number, physical_class="W")
    assert (base.type, part.type) == (identity_pb2.Identity.PRODUCT, identity_pb2.Identity.PART)
    assert part.physical_class == identity_pb2.PhysicalClass.WIRE


async def test_identity_is_found_by_both_names(hub: CatalogHub) -> None:
    made = await hub.identity("PART")
    by_name = await hub.admin.GetIdentityByUpisH(identity_pb2.GetIdentityByUpisHRequest(upis_h=made.upis_h.lower()))
    by_hex = await hub.admin.GetIdentityByHexSignature(
        identity_pb2.GetIdentityByHexSignatureRequest(hex_signature=made.hex_signature)
    )
    assert by_name == by_hex == made
    assert parse_hex_signature(made.hex_signature) == parse_upis_h(made.upis_h)


async def test_mistyped_signature_is_refused(hub: CatalogHub) -> None:
    made = await hub.identity()
    wrong = made.hex_signature[:-1] + ("0" if made.hex_signature[-1] != "0" else "1")
    request = identity_pb2.GetIdentityByHexSignatureRequest(hex_signature=wrong)
    refused = await refusal(hub.admin.GetIdentityByHexSignature(request))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "HEX_SIGNATURE_INVALID")
    assert refused.fields == ("hex_signature",)


@pytest.mark.parametrize("text", ["845", "00845-P", "00845-P-0", "00845-P-100", "00845-X", "hello", "००८४५"])
async def test_malformed_name_is_refused(hub: CatalogHub, text: str) -> None:
    refused = await refusal(hub.admin.GetIdentityByUpisH(identity_pb2.GetIdentityByUpisHRequest(upis_h=text)))
    assert (refused.code, refused.reason, refused.fields) == ("INVALID_ARGUMENT", "UPIS_H_INVALID", ("upis_h",))


async def test_parts_created_at_once_get_different_indexes(hub: CatalogHub) -> None:
    number = (await hub.family()).product_id
    parts = await asyncio.gather(*(hub.identity("PART", product_id=number) for _ in range(30)))
    assert sorted(part.component_index for part in parts) == list(range(1, 31))


async def test_hundredth_part_is_refused(hub: CatalogHub) -> None:
    number = (await hub.family()).product_id
    await hub.rows(
        "INSERT INTO catalog.identity (product_id, type, component_index) SELECT $1, 'PART', generate_series(1, 99)",
        number,
    )
    refused = await refusal(hub.identity("PART", product_id=number))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "COMPONENT_INDEXES_EXHAUSTED")


async def test_index_of_a_removed_part_is_never_used_again(hub: CatalogHub) -> None:
    part = await hub.identity("PART")
    await hub.rows("DELETE FROM catalog.identity WHERE id = $1", part.id)
    assert (await hub.identity("PART", product_id=part.product_id)).component_index == 2
    refused = await refusal(hub.identity("PART", product_id=part.product_id, component_index=1))
    assert (refused.code, refused.reason) == ("ALREADY_EXISTS", "IDENTITY_EXISTS")


async def test_second_product_of_a_family_is_refused(hub: CatalogHub) -> None:
    made = await hub.identity("PRODUCT")
    refused = await refusal(hub.identity("PRODUCT", product_id=made.product_id))
    assert (refused.code, refused.reason) == ("ALREADY_EXISTS", "IDENTITY_EXISTS")
    assert refused.metadata == {"upis_h": made.upis_h}


async def test_index_on_what_is_no_part_is_refused(hub: CatalogHub) -> None:
    refused = await refusal(hub.identity("KIT", component_index=2))
    assert (refused.reason, refused.fields) == ("COMPONENT_INDEX_MISPLACED", ("identity.component_index",))


async def test_required_fields_are_named(hub: CatalogHub) -> None:
    assert (await refusal(hub.admin.CreateIdentity(creating(type="PART")))).fields == ("identity.product_id",)
    assert (await refusal(hub.admin.CreateIdentity(creating(product_id=1)))).fields == ("identity.type",)


async def test_unknown_family_is_named(hub: CatalogHub) -> None:
    refused = await refusal(hub.admin.CreateIdentity(creating(product_id=98_765, type="PRODUCT")))
    assert (refused.code, refused.reason) == ("NOT_FOUND", "FAMILY_NOT_FOUND")


async def test_only_class_and_texts_change(hub: CatalogHub) -> None:
    made = await hub.identity("PART", name="Remote")
    made.physical_class, made.name = identity_pb2.PhysicalClass.PERIPHERAL, "Remote control"
    changed = await hub.admin.UpdateIdentity(identity_pb2.UpdateIdentityRequest(identity=made))
    assert (changed.physical_class, changed.name) == (identity_pb2.PhysicalClass.PERIPHERAL, "Remote control")

    for fixed in ({"type": "KIT"}, {"product_id": 1}, {"component_index": 9}):
        refused = await refusal(hub.admin.UpdateIdentity(updating(id=made.id, **fixed)))
        assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "IDENTITY_IMMUTABLE")
    refused = await refusal(hub.admin.UpdateIdentity(updating(["type"], id=made.id, type="KIT")))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "UPDATE_MASK_INVALID")


@pytest.mark.parametrize(
    "change", ["product_id = product_id + 1", "type = 'KIT', component_index = NULL", "component_index = 77"]
)
async def test_database_keeps_names_whoever_asks(hub: CatalogHub, change: str) -> None:
    part = await hub.identity("PART")
    await hub.family(product_id=part.product_id + 1) if "product_id" in change else None
    with pytest.raises(asyncpg.CheckViolationError) as caught:
        await hub.rows(f"UPDATE catalog.identity SET {change} WHERE id = $1", part.id)
    assert caught.value.constraint_name == "identity_immutable"


async def test_database_keeps_what_is_referred_to(hub: CatalogHub) -> None:
    identity = await hub.identity()
    await hub.variant(identity_id=identity.id)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await hub.rows("DELETE FROM catalog.identity WHERE id = $1", identity.id)


async def test_own_role_may_not_delete_identities_or_variants(hub: CatalogHub) -> None:
    for table in ("identity", "variant"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await hub.running.service.db.pool.execute(f"DELETE FROM catalog.{table}")


async def test_family_shows_its_identities_and_an_identity_its_variants(hub: CatalogHub) -> None:
    identity = await hub.identity("PART")
    variants = [await hub.variant(identity_id=identity.id, condition_code=code) for code in ("R", "N")]
    shown = await hub.admin.GetIdentity(identity_pb2.GetIdentityRequest(id=identity.id))
    assert [item.full_sku for item in shown.variants] == sorted(item.full_sku for item in variants)


async def test_list_is_filtered(hub: CatalogHub) -> None:
    number = (await hub.family()).product_id
    await hub.identity("PRODUCT", product_id=number)
    await hub.identity("PART", product_id=number, physical_class="SPEAKER")
    await hub.identity("PART", product_id=number, physical_class="COVER")

    async def found(**filters: object) -> list[str]:
        request = identity_pb2.ListIdentitiesRequest(product_id=number, **filters)  # type: ignore[arg-type]  # names as in the proto
        return [item.upis_h[5:] for item in (await hub.admin.ListIdentities(request)).items]

    assert await found() == ["", "-P-1", "-P-2"]
    assert await found(type="PART") == ["-P-1", "-P-2"]
    assert await found(type="PART", physical_class="C") == ["-P-2"]
