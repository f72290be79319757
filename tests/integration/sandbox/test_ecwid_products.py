"""Ecwid's products: absolute numbers, deltas that may go below zero, variations, search, the rate of requests."""

import pytest

from sandbox import Sandbox
from tests.integration.sandbox.clients import Client

_PRODUCT = {"name": "Wave Radio", "sku": "W-1", "price": 99.5, "quantity": 4}


async def _create(shop: Client, **changes: object) -> int:
    reply = await shop.post("/products", {**_PRODUCT, **changes})
    assert reply.status == 200, reply.body
    return int(reply.body["id"])


async def test_created_product_can_be_read_and_found(box: Sandbox, shop: Client) -> None:
    product_id = await _create(shop)
    read = (await shop.get(f"/products/{product_id}")).body
    assert (read["sku"], read["quantity"], read["unlimited"], read["inStock"]) == ("W-1", 4, False, True)
    found = (await shop.get("/products?sku=W-1")).body
    assert (found["total"], found["items"][0]["id"]) == (1, product_id)
    shown = box.shelves.get("ECWID", "USAV", "W-1")
    assert shown is not None
    assert (shown.quantity, shown.price) == (4, "99.50")


async def test_taken_sku_is_409_and_an_empty_one_is_generated(shop: Client) -> None:
    await _create(shop)
    reply = await shop.post("/products", _PRODUCT)
    assert (reply.status, reply.body["errorCode"]) == (409, "SKU_ALREADY_EXISTS")
    other = await _create(shop, sku="")
    assert (await shop.get(f"/products/{other}")).body["sku"]
    reply = await shop.put(f"/products/{other}", {"sku": "W-1"})
    assert reply.status == 409


async def test_update_changes_only_the_given_fields(shop: Client) -> None:
    product_id = await _create(shop)
    assert (await shop.put(f"/products/{product_id}", {"quantity": 7})).body == {"updateCount": 1}
    read = (await shop.get(f"/products/{product_id}")).body
    assert (read["quantity"], read["name"], read["price"]) == (7, "Wave Radio", 99.5)


async def test_unlimited_product_has_no_quantity_until_one_is_set(box: Sandbox, shop: Client) -> None:
    product_id = await _create(shop, quantity=None)
    assert "quantity" not in (await shop.get(f"/products/{product_id}")).body
    await shop.put(f"/products/{product_id}", {"quantity": 2})
    assert (await shop.get(f"/products/{product_id}")).body["quantity"] == 2
    await shop.put(f"/products/{product_id}", {"unlimited": True})
    assert "quantity" not in (await shop.get(f"/products/{product_id}")).body
    shown = box.shelves.get("ECWID", "USAV", "W-1")
    assert shown is not None
    assert shown.status == "UNLIMITED"


async def test_delta_below_zero_only_warns(shop: Client) -> None:
    product_id = await _create(shop)
    reply = await shop.put(f"/products/{product_id}/inventory", {"quantityDelta": -6})
    assert reply.body["updateCount"] == 1
    assert "negative" in reply.body["warning"]
    assert (await shop.get(f"/products/{product_id}")).body["quantity"] == -2


async def test_hidden_product_shows_nothing(box: Sandbox, shop: Client) -> None:
    product_id = await _create(shop)
    await shop.put(f"/products/{product_id}", {"enabled": False})
    shown = box.shelves.get("ECWID", "USAV", "W-1")
    assert shown is not None
    assert (shown.quantity, shown.status) == (0, "HIDDEN")


async def test_variation_with_own_sku_has_own_stock(box: Sandbox, shop: Client) -> None:
    product_id = await _create(shop)
    path = f"/products/{product_id}/combinations"
    options = [{"name": "Color", "value": "White"}]
    created = await shop.post(path, {"options": options, "sku": "W-1-WY", "quantity": 2, "price": 120})
    combination_id = created.body["id"]
    assert (await shop.post(path, {"options": options})).status == 409
    await shop.put(f"{path}/{combination_id}", {"quantity": 1})
    await shop.put(f"{path}/{combination_id}/inventory", {"quantityDelta": -1})
    shown = box.shelves.get("ECWID", "USAV", "W-1-WY")
    assert shown is not None
    assert (shown.quantity, shown.price, shown.reference) == (0, "120.00", str(combination_id))
    found = (await shop.get("/products?sku=W-1-WY")).body["items"][0]
    assert found["id"] == product_id
    assert found["combinations"][0]["quantity"] == 0
    assert (await shop.post("/products", {**_PRODUCT, "sku": "W-1-WY"})).status == 409


async def test_variation_without_sku_has_its_products_stock(shop: Client) -> None:
    product_id = await _create(shop)
    path = f"/products/{product_id}/combinations"
    created = await shop.post(path, {"options": [{"name": "Color", "value": "Red"}]})
    one = f"{path}/{created.body['id']}"
    assert (await shop.get(one)).body["inStock"] is True
    reply = await shop.put(f"{one}/inventory", {"quantityDelta": -1})
    assert (reply.status, reply.body["errorMessage"]) == (400, "SKU for combination is not set")


async def test_search_by_time_of_change_in_pages(box: Sandbox, shop: Client) -> None:
    for index in range(5):
        await _create(shop, sku=f"W-{index}")
    box.clock.advance(100)
    since = int(box.clock.seconds())
    changed = (await shop.get("/products?sku=W-3")).body["items"][0]["id"]
    await shop.put(f"/products/{changed}", {"price": 1})
    assert [entry["sku"] for entry in (await shop.get(f"/products?updatedFrom={since}")).body["items"]] == ["W-3"]
    page = (await shop.get("/products?limit=2&offset=4")).body
    assert (page["total"], page["count"], page["limit"], page["offset"]) == (5, 1, 2, 4)
    assert (await shop.get("/products?limit=500")).body["limit"] == 100
    assert (await shop.get("/products?updatedFrom=2001-01-01")).body["total"] == 5
    assert (await shop.get("/products?updatedFrom=never")).status == 400


@pytest.mark.parametrize("body", [{"quantity": "4"}, {"quantity": True}, {"price": -1}, {"price": "x"}, {"name": ""}])
async def test_wrong_fields_are_400(shop: Client, body: dict[str, object]) -> None:
    assert (await shop.post("/products", {**_PRODUCT, **body})).status == 400


async def test_body_must_be_json_of_its_kind(shop: Client) -> None:
    assert (await shop.call("POST", "/products", b"{}", Content_Type="text/plain")).status == 415
    assert (await shop.call("POST", "/products", b"{", Content_Type="application/json")).status == 400


async def test_unknown_ids_and_tokens(box: Sandbox, shop: Client) -> None:
    assert (await shop.get("/products/1")).status == 404
    assert (await shop.get("/products/x")).status == 400
    assert (await shop.delete("/products/1")).status == 404
    stranger = Client(shop.session, shop.base, {"Authorization": "Bearer secret_other"})
    assert (await stranger.get("/products")).status == 403
    other_store = Client(shop.session, f"{box.url}/ecwid/api/v3/1", shop.headers)
    assert (await other_store.get("/products")).status == 403


async def test_suspended_store_answers_402(box: Sandbox, shop: Client) -> None:
    box.switches.ecwid.suspended = True
    assert (await shop.get("/products")).status == 402


async def test_calls_above_the_rate_get_429_with_retry_after(box: Sandbox, shop: Client) -> None:
    box.switches.ecwid.requests_per_minute = 2
    assert [(await shop.get("/profile")).status for _ in range(2)] == [200, 200]
    reply = await shop.get("/profile")
    assert reply.status == 429
    assert int(reply.headers["Retry-After"]) >= 1
    assert box.ecwid.usage.over_quota == 1


async def test_deleted_product_is_gone(box: Sandbox, shop: Client) -> None:
    product_id = await _create(shop)
    assert (await shop.delete(f"/products/{product_id}")).body == {"deleteCount": 1}
    assert (await shop.get("/products?sku=W-1")).body["total"] == 0
    assert box.shelves.get("ECWID", "USAV", "W-1") is None
    await _create(shop)
