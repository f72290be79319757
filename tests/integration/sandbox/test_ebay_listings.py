"""eBay's items, offers and listings: replaced whole, published only when complete, one offer per SKU."""

from urllib.parse import quote

import pytest

from sandbox import Sandbox
from tests.integration.sandbox.clients import INVENTORY, Client, item, list_on_ebay, offer

_ITEM = f"{INVENTORY}/inventory_item"


async def test_item_is_created_then_replaced_whole(seller: Client) -> None:
    assert (await seller.put(f"{_ITEM}/A1", item(5))).status == 201
    assert (await seller.put(f"{_ITEM}/A1", {"product": {"title": "New title"}})).status == 204
    read = await seller.get(f"{_ITEM}/A1")
    assert read.body["product"] == {"title": "New title"}
    assert "availability" not in read.body
    assert "condition" not in read.body


async def test_replacing_without_availability_empties_the_listing(box: Sandbox, seller: Client) -> None:
    await list_on_ebay(seller, "A1", 5)
    await seller.put(f"{_ITEM}/A1", {"product": {"title": "x"}})
    shown = box.shelves.get("EBAY", "USAV", "A1")
    assert shown is not None
    assert (shown.quantity, shown.status) == (0, "OUT_OF_STOCK")


async def test_writes_need_their_headers(seller: Client) -> None:
    without = {name: value for name, value in seller.headers.items() if name != "Content-Language"}
    bare = Client(seller.session, seller.base, without)
    reply = await bare.put(f"{_ITEM}/A1", item())
    assert (reply.status, reply.body["errors"][0]["errorId"]) == (400, 25709)
    reply = await seller.call("PUT", f"{_ITEM}/A1", b"{}", Content_Type="text/plain")
    assert reply.status == 415


@pytest.mark.parametrize("sku", ["A/B 1", "JD-K49H-5DU4", "Ünï", "a%2Fb", "x" * 50])
async def test_sku_of_any_characters_up_to_fifty(seller: Client, sku: str) -> None:
    path = f"{_ITEM}/{quote(sku, safe='')}"
    assert (await seller.put(path, item())).status == 201
    assert (await seller.get(path)).body["sku"] == sku


async def test_too_long_sku_and_strict_rule_are_25707(box: Sandbox, seller: Client) -> None:
    assert (await seller.put(f"{_ITEM}/{'x' * 51}", item())).body["errors"][0]["errorId"] == 25707
    box.switches.ebay.strict_sku = True
    assert (await seller.put(f"{_ITEM}/A-1", item())).body["errors"][0]["errorId"] == 25707
    assert (await seller.put(f"{_ITEM}/A1", item())).status == 201


async def test_bulk_put_judges_every_element(seller: Client) -> None:
    wrong = {**item(), "availability": {"shipToLocationAvailability": {"quantity": -1}}}
    body = {"requests": [{"sku": "A1", **item()}, {"sku": "A2", **wrong}]}
    reply = await seller.post(f"{INVENTORY}/bulk_create_or_replace_inventory_item", body)
    assert reply.status == 207
    assert [entry["statusCode"] for entry in reply.body["responses"]] == [201, 400]
    assert reply.body["responses"][1]["errors"][0]["errorId"] == 25004


async def test_bulk_calls_take_25_distinct_elements(seller: Client) -> None:
    path = f"{INVENTORY}/bulk_create_or_replace_inventory_item"
    many = [{"sku": f"A{index}", **item()} for index in range(26)]
    assert (await seller.post(path, {"requests": many})).body["errors"][0]["errorId"] == 25727
    assert (await seller.post(path, {"requests": many[:25]})).status == 200
    assert (await seller.post(path, {"requests": [many[0], many[0]]})).body["errors"][0]["errorId"] == 25734


async def test_item_pages_count_pages(seller: Client) -> None:
    requests = [{"sku": f"A{index}", **item()} for index in range(5)]
    await seller.post(f"{INVENTORY}/bulk_create_or_replace_inventory_item", {"requests": requests})
    page = await seller.get(f"{_ITEM}?limit=2&offset=1")
    assert [entry["sku"] for entry in page.body["inventoryItems"]] == ["A2", "A3"]
    assert page.body["total"] == 5
    assert page.body["next"].endswith("limit=2&offset=2")
    assert (await seller.get(f"{_ITEM}?limit=201")).body["errors"][0]["errorId"] == 25706


async def test_second_offer_of_a_sku_names_the_first(seller: Client) -> None:
    offer_id = await list_on_ebay(seller, "A1")
    reply = await seller.post(f"{INVENTORY}/offer", offer("A1"))
    assert reply.status == 400
    [error] = reply.body["errors"]
    assert error["errorId"] == 25002
    assert {"name": "offerId", "value": offer_id} in error["parameters"]
    found = await seller.get(f"{INVENTORY}/offer?sku=A1")
    assert [entry["offerId"] for entry in found.body["offers"]] == [offer_id]


async def test_offers_of_an_unknown_sku_are_404(seller: Client) -> None:
    reply = await seller.get(f"{INVENTORY}/offer?sku=nothing")
    assert (reply.status, reply.body["errors"][0]["errorId"]) == (404, 25713)


async def test_offer_needs_its_item(seller: Client) -> None:
    reply = await seller.post(f"{INVENTORY}/offer", offer("A1"))
    assert reply.body["errors"][0]["errorId"] == 25702


@pytest.mark.parametrize(
    ("missing", "error_id"),
    [
        ("merchantLocationKey", 25012),
        ("pricingSummary", 25003),
        ("categoryId", 25005),
        ("listingDuration", 25016),
        ("listingPolicies", 25007),
    ],
)
async def test_incomplete_offer_stays_unpublished(seller: Client, missing: str, error_id: int) -> None:
    await seller.put(f"{_ITEM}/A1", item())
    document = offer("A1")
    del document[missing]
    offer_id = (await seller.post(f"{INVENTORY}/offer", document)).body["offerId"]
    reply = await seller.post(f"{INVENTORY}/offer/{offer_id}/publish")
    assert reply.status == 400
    assert error_id in {error["errorId"] for error in reply.body["errors"]}
    read = await seller.get(f"{INVENTORY}/offer/{offer_id}")
    assert read.body["status"] == "UNPUBLISHED"
    assert "listing" not in read.body


async def test_nothing_to_sell_can_not_be_published(seller: Client) -> None:
    await seller.put(f"{_ITEM}/A1", item(0))
    offer_id = (await seller.post(f"{INVENTORY}/offer", offer("A1", 0))).body["offerId"]
    reply = await seller.post(f"{INVENTORY}/offer/{offer_id}/publish")
    assert reply.body["errors"][0]["errorId"] == 25004


async def test_unpublished_offer_is_not_on_the_shelf(box: Sandbox, seller: Client) -> None:
    await seller.put(f"{_ITEM}/A1", item())
    await seller.post(f"{INVENTORY}/offer", offer("A1"))
    assert box.shelves.get("EBAY", "USAV", "A1") is None


async def test_publishing_again_keeps_the_listing_and_relisting_makes_a_new_one(seller: Client) -> None:
    offer_id = await list_on_ebay(seller, "A1")
    path = f"{INVENTORY}/offer/{offer_id}"
    first = (await seller.get(path)).body["listing"]["listingId"]
    assert (await seller.post(f"{path}/publish")).body["listingId"] == first
    assert (await seller.post(f"{path}/withdraw")).body["listingId"] == first
    assert (await seller.get(path)).body["status"] == "UNPUBLISHED"
    assert (await seller.post(f"{path}/withdraw")).body["errors"][0]["errorId"] == 25002
    assert (await seller.post(f"{path}/publish")).body["listingId"] != first


async def test_offer_update_replaces_everything_and_a_published_one_must_stay_complete(seller: Client) -> None:
    path = f"{INVENTORY}/offer/{await list_on_ebay(seller, 'A1')}"
    full = {name: value for name, value in offer("A1").items() if name not in {"sku", "marketplaceId", "format"}}
    assert (await seller.put(path, {"availableQuantity": 1})).status == 400
    reply = await seller.put(path, {**full, "quantityLimitPerBuyer": 1})
    assert reply.status == 200
    await seller.put(path, {**full, "availableQuantity": 0})
    read = (await seller.get(path)).body
    assert "quantityLimitPerBuyer" not in read
    assert read["listing"]["listingStatus"] == "OUT_OF_STOCK"


async def test_bulk_create_and_publish_judge_every_element(seller: Client) -> None:
    await seller.put(f"{_ITEM}/A1", item())
    created = await seller.post(f"{INVENTORY}/bulk_create_offer", {"requests": [offer("A1"), offer("A2")]})
    assert created.status == 207
    assert [entry["statusCode"] for entry in created.body["responses"]] == [201, 400]
    offer_id = created.body["responses"][0]["offerId"]
    body = {"requests": [{"offerId": offer_id}, {"offerId": "1"}]}
    published = await seller.post(f"{INVENTORY}/bulk_publish_offer", body)
    assert [entry["statusCode"] for entry in published.body["responses"]] == [200, 404]
    twice = {"requests": [{"offerId": offer_id}, {"offerId": offer_id}]}
    assert (await seller.post(f"{INVENTORY}/bulk_publish_offer", twice)).body["errors"][0]["errorId"] == 25731


async def test_deleting_the_item_takes_offers_and_listings_along(box: Sandbox, seller: Client) -> None:
    offer_id = await list_on_ebay(seller, "A1")
    assert (await seller.delete(f"{_ITEM}/A1")).status == 204
    assert (await seller.get(f"{INVENTORY}/offer/{offer_id}")).status == 404
    assert box.shelves.get("EBAY", "USAV", "A1") is None


async def test_locations_and_policies_are_there_from_the_start(seller: Client) -> None:
    listed = (await seller.get(f"{INVENTORY}/location")).body["locations"]
    assert listed[0]["merchantLocationStatus"] == "ENABLED"
    body = {"location": {"address": {"postalCode": "95112", "country": "US"}}}
    assert (await seller.post(f"{INVENTORY}/location/second", body)).status == 204
    assert (await seller.post(f"{INVENTORY}/location/second", body)).status == 409
    policies = await seller.get("/sell/account/v1/return_policy?marketplace_id=EBAY_US")
    assert policies.body["returnPolicies"][0]["returnPolicyId"] == offer("A1")["listingPolicies"]["returnPolicyId"]
