"""UPIS-H and hex signatures: the vectors of docs/catalog.md, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from catalog_svc.domain.errors import ComponentIndexMisplaced, HexSignatureInvalid, UpisHInvalid
from catalog_svc.domain.identifiers import IdentityName, IdentityType, check_of, parse_hex_signature, parse_upis_h

VECTORS = {
    "00000": "00000015",
    "00845": "01A68013",
    "00845-P-1": "01A69038",
    "00845-P-99": "01A69C64",
    "00845-B": "01A6A00F",
    "00845-K": "01A6B001",
    "00845-S": "01A6C00E",
    "99999": "C34F8006",
}


@pytest.mark.parametrize(("upis_h", "signature"), VECTORS.items())
def test_vector_packs_and_unpacks(upis_h: str, signature: str) -> None:
    assert parse_upis_h(upis_h).hex_signature == signature
    assert parse_hex_signature(signature.lower()).upis_h == upis_h


def test_the_documented_vectors_are_these() -> None:
    text = (Path(__file__).parents[3] / "docs" / "catalog.md").read_text()
    documented = dict(re.findall(r"^\| `(\d{5}[^`]*)` \| `([0-9A-F]{8})` \|", text, re.MULTILINE))
    assert documented == VECTORS


@pytest.mark.parametrize(
    "text", ["", "845", "00845-P", "00845-P-0", "00845-P-01", "00845-P-100", "00845-X", "00845-B-1", "００８４５"]
)
def test_malformed_upis_h_is_refused(text: str) -> None:
    with pytest.raises(UpisHInvalid):
        parse_upis_h(text)


@pytest.mark.parametrize("text", ["", "01A6801", "01A680130", "01A6801G", "00000000", "FFFFFFFF", "01A6 801"])
def test_malformed_signature_is_refused(text: str) -> None:
    with pytest.raises(HexSignatureInvalid):
        parse_hex_signature(text)


@pytest.mark.parametrize(
    "payload",
    [100_000 << 10, 845 << 10 | 5 << 7, 845 << 10 | 1 << 7, 845 << 10 | 1 << 7 | 100, 845 << 10 | 2 << 7 | 1],
    ids=["product 100000", "type 5", "part 0", "part 100", "bundle 1"],
)
def test_signature_of_no_possible_identity_is_refused_though_its_check_fits(payload: int) -> None:
    with pytest.raises(HexSignatureInvalid, match="no possible identity"):
        parse_hex_signature(f"{payload << 5 | check_of(payload):08X}")


@pytest.mark.parametrize(("type", "index"), [(IdentityType.PART, None), (IdentityType.KIT, 1)])
def test_index_belongs_to_parts(type: IdentityType, index: int | None) -> None:
    with pytest.raises(ComponentIndexMisplaced):
        IdentityName(845, type, index)
