"""The catalogue through the gateway as its users know it: paths, shapes, enum words and letters, errors with fields."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

API = "/api/v1"


def reason_and_fields(answer: httpx2.Response) -> tuple[str, list[str]]:
    """The reason of an error and the fields it names."""
    details = answer.json()["details"]
    reason = next(item["reason"] for item in details if "reason" in item)
    return reason, [item["field"] for part in details for item in part.get("field_violations", [])]


async def made(client: httpx2.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What a POST created."""
    answer = await client.post(API + path, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def a_family(admin: httpx2.AsyncClient, name: str = "JSON family") -> int:
    return int((await made(admin, "/families", {"name": name}))["product_id"])


async def test_from_a_family_to_a_sku(admin: httpx2.AsyncClient) -> None:
    brand = await made(admin, "/brands", {"name": "Json Acoustics"})
    family = await made(admin, "/families", {"name": "Json speaker", "brand_id": brand["id"]})
    number = family["product_id"]
    part = await made(
        admin, "/identities", {"product_id": number, "type": "P", "physical_class": "w", "name": "Speaker wire"}
    )
    assert (part["type"], part["physical_class"], part["upis_h"]) == ("PART", "WIRE", f"{number:05d}-P-1")
    price = {"currency_code": "USD", "units": "12", "nanos": 500000000}
    variant = await made(
        admin, "/variants", {"identity_id": part["id"], "color_code": "WY", "condition_code": "N", "price": price}
    )
    sku = f"{number:05d}-P-1-WY-N"
    assert (variant["full_sku"], variant["price"]) == (sku, price)
    assert isinstance(variant["id"], str)

    by_sku = (await admin.get(f"{API}/variants/sku/{sku.lower()}")).json()
    by_id = (await admin.get(f"{API}/variants/{variant['id']}")).json()
    assert by_sku["id"] == by_id["id"] == variant["id"]
    assert (by_id["listings"], by_id["listings_unavailable"]) == ([], False)

    shown = (await admin.get(f"{API}/families/{number}")).json()
    assert (shown["brand_name"], [item["upis_h"] for item in shown["identities"]]) == (
        "Json Acoustics",
        [part["upis_h"]],
    )
    for path in (f"upis/{part['upis_h']}", f"hex/{part['hex_signature']}", part["id"]):
        identity = (await admin.get(f"{API}/identities/{path}")).json()
        assert [item["full_sku"] for item in identity["variants"]] == [sku]


@pytest.mark.parametrize(
    ("word", "suffix"), [("Product", ""), ("Base", ""), ("kit", "-K"), ("B", "-B"), ("SERVICE", "-S")]
)
async def test_types_by_word_and_letter_in_any_case(admin: httpx2.AsyncClient, word: str, suffix: str) -> None:
    number = await a_family(admin)
    identity = await made(admin, "/identities", {"product_id": number, "type": word})
    assert identity["upis_h"] == f"{number:05d}{suffix}"
    listed = (await admin.get(f"{API}/identities", params={"product_id": number, "type": word})).json()
    assert (listed["total_size"], listed["items"][0]["id"]) == ("1", identity["id"])


async def test_patch_changes_what_is_sent_and_respects_etags(admin: httpx2.AsyncClient) -> None:
    number = await a_family(admin)
    identity = await made(admin, "/identities", {"product_id": number, "type": "PRODUCT"})
    variant = await made(admin, "/variants", {"identity_id": identity["id"], "name": "Before", "description": "Stays"})
    path = f"{API}/variants/{variant['id']}"
    changed = (await admin.patch(path, json={"name": "After", "etag": variant["etag"]})).json()
    assert (changed["name"], changed["description"]) == ("After", "Stays")
    masked = (await admin.patch(f"{path}?update_mask=description", json={"name": "Ignored"})).json()
    assert (masked["name"], masked["description"]) == ("After", "")
    stale = await admin.patch(path, json={"name": "Late", "etag": variant["etag"]})
    assert (stale.status_code, reason_and_fields(stale)[0]) == (409, "ETAG_MISMATCH")
    fixed = await admin.patch(path, json={"color_code": "BK"})
    assert (fixed.status_code, reason_and_fields(fixed)[0]) == (400, "VARIANT_IMMUTABLE")


async def test_soft_delete_and_undelete(admin: httpx2.AsyncClient) -> None:
    number = await a_family(admin)
    identity = await made(admin, "/identities", {"product_id": number, "type": "PRODUCT"})
    variant = await made(admin, "/variants", {"identity_id": identity["id"]})
    gone = (await admin.delete(f"{API}/variants/{variant['id']}")).json()
    assert gone["delete_time"]
    hidden = (await admin.get(f"{API}/variants", params={"product_id": number})).json()
    shown = (await admin.get(f"{API}/variants", params={"product_id": number, "show_deleted": "true"})).json()
    assert (hidden["total_size"], shown["total_size"]) == ("0", "1")
    back = (await admin.post(f"{API}/variants/{variant['id']}/undelete", json={})).json()
    assert not back.get("delete_time")


async def test_bundle_is_put_together_and_exploded(admin: httpx2.AsyncClient) -> None:
    number = await a_family(admin)
    bundle, part = [
        await made(admin, "/identities", {"product_id": number, "type": type}) for type in ("BUNDLE", "PART")
    ]
    line = await made(
        admin,
        "/bundles",
        {"parent_identity_id": bundle["id"], "child_identity_id": part["id"], "quantity": 2, "role": "Satellite"},
    )
    assert line["role"] == "SATELLITE"
    bom = (await admin.get(f"{API}/bundles/parent/{bundle['id']}/bom")).json()
    assert [(item["upis_h"], item["total_quantity"], item["leaf"]) for item in bom["items"]] == [
        (part["upis_h"], "2", True)
    ]
    for path in (f"parent/{bundle['id']}/components", f"child/{part['id']}/bundles"):
        listed = (await admin.get(f"{API}/bundles/{path}")).json()
        assert [item["id"] for item in listed["items"]] == [line["id"]]
    circle = await admin.post(
        f"{API}/bundles", json={"parent_identity_id": bundle["id"], "child_identity_id": bundle["id"]}
    )
    assert (circle.status_code, reason_and_fields(circle)[0]) == (400, "BUNDLE_CYCLE")
    assert (await admin.delete(f"{API}/bundles/{line['id']}")).json() == {}


async def test_registry_entry_lives_and_goes(admin: httpx2.AsyncClient) -> None:
    color = await made(admin, "/colors", {"code": "jn", "name": "Json green"})
    assert color["code"] == "JN"
    renamed = (await admin.patch(f"{API}/colors/JN", json={"name": "Json teal"})).json()
    assert renamed["name"] == "Json teal"
    assert (await admin.delete(f"{API}/colors/jn")).json() == {}
    assert (await admin.get(f"{API}/colors/JN")).status_code == 404


async def test_search_forgives(admin: httpx2.AsyncClient) -> None:
    number = await a_family(admin, "Quadrophonia Jsonwave 77")
    for q in ("quadrophonia", "quadrofonia", "jsonwav", f"{number:05d}"):
        found = (await admin.get(f"{API}/catalog/search", params={"q": q})).json()
        assert number in {item["product_id"] for item in found["items"]}, q


async def test_families_created_at_once_get_different_numbers(admin: httpx2.AsyncClient) -> None:
    numbers = await asyncio.gather(*(a_family(admin, f"Json rush {n}") for n in range(20)))
    assert len(set(numbers)) == 20


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("/families", {"name": ""}, ["family.name"]),
        ("/families", {"name": "x" * 1_000}, ["family.name"]),
        ("/families", {"name": "x", "product_id": 100000}, ["family.product_id"]),
        ("/families", {"name": "a\u0000b"}, ["family.name"]),
        ("/identities", {"product_id": 1}, ["identity.type"]),
        ("/variants", {"identity_id": 1, "color_code": "ZA"}, ["variant.color_code"]),
        ("/variants", {"identity_id": 1, "price": {"units": "-1"}}, ["variant.price"]),
        ("/bundles", {"parent_identity_id": 1}, ["bundle.child_identity_id"]),
        ("/conditions", {"code": "K"}, ["condition.code"]),
    ],
)
async def test_bad_value_is_refused_by_name(
    admin: httpx2.AsyncClient, path: str, body: dict[str, Any], fields: list[str]
) -> None:
    answer = await admin.post(API + path, json=body)
    assert (answer.status_code, reason_and_fields(answer)[1]) == (400, fields)


async def test_mistyped_signature_and_unknown_sku(admin: httpx2.AsyncClient) -> None:
    mistyped = await admin.get(f"{API}/identities/hex/01A68014")
    assert (mistyped.status_code, reason_and_fields(mistyped)) == (400, ("HEX_SIGNATURE_INVALID", ["hex_signature"]))
    unknown = await admin.get(f"{API}/variants/sku/99998-K-N")
    assert (unknown.status_code, reason_and_fields(unknown)[0]) == (404, "VARIANT_NOT_FOUND")
