"""Amazon's listings: accepted is not applied, 200 may say INVALID, and a patch changes whole attributes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.shelves import Shown
from tests.integration.sandbox.clients import Client, attributes, list_on_amazon, listing_path, stock_patch

_KEY = ("AMAZON", "MAIN", "A 1/B")
_EVERYTHING = "&includedData=summaries,attributes,issues,offers,fulfillmentAvailability,productTypes"


def _shown(box: Sandbox, sku: str = "A 1/B") -> Shown:
    shown = box.shelves.get("AMAZON", "MAIN", sku)
    assert shown is not None
    return shown


async def _settled(box: Sandbox) -> None:
    await asyncio.sleep(box.switches.amazon.apply_delay_ms / 1000 + 0.03)


async def test_accepted_listing_appears_a_moment_later(box: Sandbox, amazon: Client) -> None:
    body = {"productType": "SPEAKERS", "requirements": "LISTING", "attributes": attributes(3)}
    reply = await amazon.put(listing_path("A 1/B"), body)
    assert (reply.status, reply.body["status"], reply.body["issues"]) == (200, "ACCEPTED", [])
    missing = await amazon.get(listing_path("A 1/B"))
    assert (missing.status, missing.body["errors"][0]["code"]) == (404, "NOT_FOUND")
    assert await box.shelves.wait_for(_KEY, 3, 5.0)
    item = (await amazon.get(listing_path("A 1/B", _EVERYTHING))).body
    assert item["summaries"][0]["status"] == ["BUYABLE", "DISCOVERABLE"]
    assert item["fulfillmentAvailability"] == [{"fulfillmentChannelCode": "DEFAULT", "quantity": 3}]
    assert item["offers"][0]["price"] == {"currencyCode": "USD", "amount": "99.50"}
    assert item["productTypes"][0]["productType"] == "SPEAKERS"
    assert (_shown(box).price, _shown(box).listing_id) == ("99.50", item["summaries"][0]["asin"])
    assert set((await amazon.get(listing_path("A 1/B"))).body) == {"sku", "summaries"}


async def test_merge_keeps_what_replace_drops(box: Sandbox, amazon: Client) -> None:
    await list_on_amazon(amazon, box, "A1")
    for op, expected in (("merge", 2), ("replace", None)):
        assert (await amazon.call("PATCH", listing_path("A1"), stock_patch(7, op))).body["status"] == "ACCEPTED"
        await _settled(box)
        read = (await amazon.get(listing_path("A1", "&includedData=attributes"))).body["attributes"]
        [stock] = read["fulfillment_availability"]
        assert (stock["quantity"], stock.get("lead_time_to_ship_max_days")) == (7, expected)


async def test_put_replaces_everything_and_delete_of_an_attribute_removes_it(box: Sandbox, amazon: Client) -> None:
    await list_on_amazon(amazon, box, "A1")
    only = {"item_name": attributes()["item_name"]}
    await amazon.put(
        listing_path("A1"), {"productType": "PRODUCT", "attributes": {**only, "brand": [{"value": "Bose"}]}}
    )
    await _settled(box)
    assert (_shown(box, "A1").quantity, _shown(box, "A1").status) == (0, "INACTIVE")
    patch = {"productType": "PRODUCT", "patches": [{"op": "delete", "path": "/attributes/brand"}]}
    await amazon.call("PATCH", listing_path("A1"), patch)
    await _settled(box)
    assert (await amazon.get(listing_path("A1", "&includedData=attributes"))).body["attributes"] == only


async def test_price_and_quantity_go_in_one_patch(box: Sandbox, amazon: Client) -> None:
    await list_on_amazon(amazon, box, "A1")
    both = stock_patch(1)
    offer = attributes(price=5)["purchasable_offer"]
    both["patches"].append({"op": "replace", "path": "/attributes/purchasable_offer", "value": offer})
    await amazon.call("PATCH", listing_path("A1"), both)
    await _settled(box)
    assert (_shown(box, "A1").quantity, _shown(box, "A1").price) == (1, "5.00")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"item_name": []}, "item_name"),
        (
            {"fulfillment_availability": [{"fulfillment_channel_code": "DEFAULT", "quantity": -1}]},
            "fulfillment_availability",
        ),
        ({"purchasable_offer": [{"currency": "USD"}]}, "purchasable_offer"),
        ({"condition_type": [{"value": "shiny"}]}, "condition_type"),
        ({"item_name": "Radio"}, "item_name"),
    ],
)
async def test_wrong_attributes_are_invalid_with_status_200(amazon: Client, changes: dict[str, Any], name: str) -> None:
    body = {"productType": "PRODUCT", "attributes": {**attributes(), **changes}}
    reply = await amazon.put(listing_path("A1"), body)
    assert (reply.status, reply.body["status"]) == (200, "INVALID")
    assert [issue["attributeNames"] for issue in reply.body["issues"]] == [[name]]


async def test_patch_of_an_unknown_sku_is_invalid(amazon: Client) -> None:
    reply = await amazon.call("PATCH", listing_path("A1"), stock_patch(1))
    assert (reply.status, reply.body["status"], reply.body["issues"][0]["code"]) == (200, "INVALID", "13013")


async def test_preview_changes_nothing(box: Sandbox, amazon: Client) -> None:
    body = {"productType": "PRODUCT", "attributes": attributes()}
    preview = await amazon.put(listing_path("A1", "&mode=VALIDATION_PREVIEW"), body)
    assert preview.body["status"] == "VALID"
    body["attributes"] = {}
    assert (await amazon.put(listing_path("A1", "&mode=VALIDATION_PREVIEW"), body)).body["status"] == "INVALID"
    await _settled(box)
    assert (await amazon.get(listing_path("A1"))).status == 404


@pytest.mark.parametrize(
    "patches",
    [
        [{"op": "replace", "path": "/attributes/purchasable_offer/our_price", "value": []}],
        [{"op": "move", "path": "/attributes/item_name", "value": []}],
        [{"op": "replace", "path": "/summaries", "value": []}],
        [{"op": "replace", "path": "/attributes/item_name", "value": {"value": "x"}}],
        [],
    ],
)
async def test_only_whole_attributes_can_be_patched(box: Sandbox, amazon: Client, patches: list[Any]) -> None:
    await list_on_amazon(amazon, box, "A1")
    body = {"productType": "PRODUCT", "patches": patches}
    reply = await amazon.call("PATCH", listing_path("A1"), body)
    assert (reply.status, reply.body["errors"][0]["code"]) == (400, "InvalidInput")


async def test_accepted_change_may_fail_later_and_leaves_an_issue(box: Sandbox, amazon: Client) -> None:
    await list_on_amazon(amazon, box, "A1", 5)
    box.faults.set("accepted_then_failed", platform="AMAZON", sku="A1", count=1)
    assert (await amazon.call("PATCH", listing_path("A1"), stock_patch(1))).body["status"] == "ACCEPTED"
    await _settled(box)
    item = (await amazon.get(listing_path("A1", "&includedData=issues,fulfillmentAvailability"))).body
    assert (item["issues"][0]["severity"], item["fulfillmentAvailability"][0]["quantity"]) == ("ERROR", 5)
    await amazon.call("PATCH", listing_path("A1"), stock_patch(1))
    await _settled(box)
    item = (await amazon.get(listing_path("A1", "&includedData=issues"))).body
    assert (item["issues"], _shown(box, "A1").quantity) == ([], 1)


async def test_new_listing_that_fails_later_is_suppressed(box: Sandbox, amazon: Client) -> None:
    box.faults.set("accepted_then_failed", platform="AMAZON")
    await amazon.put(listing_path("A1"), {"productType": "PRODUCT", "attributes": attributes()})
    await _settled(box)
    item = (await amazon.get(listing_path("A1", "&includedData=summaries,issues"))).body
    assert item["summaries"][0]["status"] == []
    assert item["issues"][0]["enforcements"]["actions"] == [{"action": "LISTING_SUPPRESSED"}]


async def test_deleted_listing_is_gone_a_moment_later(box: Sandbox, amazon: Client) -> None:
    await list_on_amazon(amazon, box, "A1")
    for _ in range(2):
        assert (await amazon.delete(listing_path("A1"))).body["status"] == "ACCEPTED"
    await _settled(box)
    assert box.shelves.get("AMAZON", "MAIN", "A1") is None


async def test_search_by_sku_in_pages_and_by_status(box: Sandbox, amazon: Client) -> None:
    box.switches.amazon.rate_scale = 0
    for index in range(5):
        await list_on_amazon(amazon, box, f"A{index}", index + 1)
    page = await amazon.get(listing_path("", "&pageSize=2&sortBy=sku&sortOrder=ASC").replace("/?", "?"))
    assert (page.body["numberOfResults"], [item["sku"] for item in page.body["items"]]) == (5, ["A0", "A1"])
    token = page.body["pagination"]["nextToken"]
    page = await amazon.get(
        listing_path("", f"&pageSize=2&sortBy=sku&sortOrder=ASC&pageToken={token}").replace("/?", "?")
    )
    assert [item["sku"] for item in page.body["items"]] == ["A2", "A3"]
    assert page.body["pagination"].keys() == {"nextToken", "previousToken"}
    found = await amazon.get(listing_path("", "&identifiers=A4,none,A0&identifiersType=SKU").replace("/?", "?"))
    assert {item["sku"] for item in found.body["items"]} == {"A0", "A4"}
    await amazon.call("PATCH", listing_path("A3"), stock_patch(0))
    await _settled(box)
    found = await amazon.get(listing_path("", "&withoutStatus=BUYABLE").replace("/?", "?"))
    assert [item["sku"] for item in found.body["items"]] == ["A3"]
    assert (await amazon.get(listing_path("", "&identifiers=A4").replace("/?", "?"))).status == 400


async def test_addresses_must_be_the_sellers(amazon: Client) -> None:
    body = {"productType": "PRODUCT", "attributes": attributes()}
    assert (await amazon.put(listing_path("A1").replace("A3SANDBOX", "A3OTHER"), body)).status == 403
    assert (await amazon.put(listing_path("A1").replace("ATVPDKIKX0DER", "A1F83G8C2ARO7P"), body)).status == 400
    assert (await amazon.put(listing_path("A1").partition("?")[0], body)).status == 400
    assert (await amazon.put(listing_path("A" * 41), body)).status == 400
    assert (await amazon.call("PUT", listing_path("A1"), b"{}", Content_Type="text/plain")).status == 415
