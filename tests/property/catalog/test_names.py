"""Names read back to what they were made of, and a mistyped signature never passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_svc.domain.errors import HexSignatureInvalid
from catalog_svc.domain.identifiers import IdentityName, parse_hex_signature, parse_upis_h
from catalog_svc.domain.sku import Sku, parse_sku
from tests.property.catalog.strategies import names, skus

digits = st.sampled_from("0123456789ABCDEF")
places = st.integers(0, 7)


@given(names)
def test_both_names_read_back(name: IdentityName) -> None:
    assert parse_upis_h(name.upis_h) == name
    assert parse_hex_signature(name.hex_signature) == name


@given(names, names)
def test_different_identities_have_different_signatures(one: IdentityName, other: IdentityName) -> None:
    assert (one.hex_signature == other.hex_signature) == (one == other)


@given(names, places, digits)
def test_any_wrong_digit_is_refused(name: IdentityName, place: int, digit: str) -> None:
    right = name.hex_signature
    wrong = right[:place] + digit + right[place + 1 :]
    if wrong != right:
        with pytest.raises(HexSignatureInvalid):
            parse_hex_signature(wrong)


@given(names, places, places)
def test_any_two_digits_in_each_others_place_are_refused(name: IdentityName, one: int, other: int) -> None:
    swapped = list(name.hex_signature)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    wrong = "".join(swapped)
    if wrong != name.hex_signature:
        with pytest.raises(HexSignatureInvalid):
            parse_hex_signature(wrong)


@given(skus)
def test_every_sku_reads_back_into_its_parts(sku: Sku) -> None:
    assert parse_sku(str(sku)) == sku
    assert parse_sku(str(sku).lower()) == sku


@given(skus, skus)
def test_different_variants_have_different_skus(one: Sku, other: Sku) -> None:
    assert (str(one) == str(other)) == (one == other)
