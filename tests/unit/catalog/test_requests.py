"""What callers ask for, read into values."""

from __future__ import annotations

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.money_pb2 import Money
from usav.catalog.v1 import family_pb2, identity_pb2, registry_pb2, variant_pb2

from catalog_svc.convert import requests
from catalog_svc.domain.errors import CodeInvalid, PriceInvalid
from catalog_svc.domain.identifiers import IdentityType
from chassis.errors import InvalidArgument
from chassis.field_masks import UpdateMaskInvalid


def test_texts_are_trimmed_and_empty_ones_are_none() -> None:
    new = requests.new_family(family_pb2.Family(name="  VCS-10 ", description="   "))
    assert (new.name, new.description, new.product_id, new.brand_id) == ("VCS-10", None, None, None)


def test_number_zero_is_a_number() -> None:
    assert requests.new_family(family_pb2.Family(name="Zero", product_id=0)).product_id == 0


@pytest.mark.parametrize("name", ["", "   "])
def test_family_needs_a_name(name: str) -> None:
    with pytest.raises(InvalidArgument, match=r"family\.name"):
        requests.new_family(family_pb2.Family(name=name))


def test_every_alias_of_a_type_is_read() -> None:
    kinds = {
        name: requests.new_identity(identity_pb2.Identity(product_id=1, type=name)).type  # type: ignore[arg-type]  # by name
        for name in ("PRODUCT", "BASE", "PART", "P", "BUNDLE", "B", "KIT", "K", "SERVICE", "S")
    }
    assert kinds == {
        **dict.fromkeys(("PRODUCT", "BASE"), IdentityType.PRODUCT),
        **dict.fromkeys(("PART", "P"), IdentityType.PART),
        **dict.fromkeys(("BUNDLE", "B"), IdentityType.BUNDLE),
        **dict.fromkeys(("KIT", "K"), IdentityType.KIT),
        **dict.fromkeys(("SERVICE", "S"), IdentityType.SERVICE),
    }


def test_aliases_come_out_as_words() -> None:
    assert identity_pb2.Identity.Type.Name(identity_pb2.Identity.P) == "PART"
    assert identity_pb2.PhysicalClass.Code.Name(identity_pb2.PhysicalClass.P) == "PERIPHERAL"


def test_codes_are_read_in_capitals() -> None:
    new = requests.new_variant(variant_pb2.Variant(identity_id=1, color_code="bk", size_code="zxl", condition_code="u"))
    assert (new.color_code, new.size_code, new.condition_code) == ("BK", "ZXL", "U")


def test_price_goes_into_both_columns() -> None:
    wanted = variant_pb2.Variant(id=1, price=Money(units=12, nanos=340_000_000))
    edit = requests.variant_edit(variant_pb2.UpdateVariantRequest(variant=wanted))
    assert {name: str(value) for name, value in edit.values.items()} == {
        "price_amount": "12.34",
        "price_currency": "USD",
    }


def test_price_named_but_not_given_is_taken_away() -> None:
    request = variant_pb2.UpdateVariantRequest(
        variant=variant_pb2.Variant(id=1), update_mask=FieldMask(paths=["price"])
    )
    assert requests.variant_edit(request).values == {"price_amount": None, "price_currency": None}


def test_part_of_a_cent_is_refused() -> None:
    with pytest.raises(PriceInvalid):
        requests.new_variant(variant_pb2.Variant(identity_id=1, price=Money(nanos=5_000_000)))


def test_fixed_fields_are_believed_without_a_mask_only() -> None:
    variant = variant_pb2.Variant(id=1, name="N", color_code="wy", condition_code="n", identity_id=4)
    believed = requests.variant_edit(variant_pb2.UpdateVariantRequest(variant=variant))
    assert believed.kept == {"identity_id": 4, "color_code": "WY", "condition_code": "N"}
    masked = variant_pb2.UpdateVariantRequest(variant=variant, update_mask=FieldMask(paths=["name"]))
    assert requests.variant_edit(masked).kept == {}


def test_unknown_path_is_refused() -> None:
    request = family_pb2.UpdateFamilyRequest(family=family_pb2.Family(), update_mask=FieldMask(paths=["create_time"]))
    with pytest.raises(UpdateMaskInvalid):
        requests.family_edit(request)


def test_code_of_the_wrong_form_is_refused() -> None:
    with pytest.raises(CodeInvalid, match="not Z"):
        requests.new_code("color", registry_pb2.Color(code="ZA"))
