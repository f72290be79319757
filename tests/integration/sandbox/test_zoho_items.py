"""Zoho's items: a stock only at the start, fields changed one by one, and finding them."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from tests.integration.sandbox.clients import Client, ZohoClient


async def test_created_item_shows_on_the_shelf_and_can_be_found(box: Sandbox, zoho: ZohoClient) -> None:
    item_id = await zoho.item("W 1/A", 4)
    found = (await zoho.get("/items?sku=W%201%2FA")).body
    [item] = found["items"]
    assert (item["item_id"], item["stock_on_hand"], item["available_stock"]) == (int(item_id), 4, 4)
    assert item["locations"][0]["location_available_stock"] == "4"
    assert found["page_context"]["has_more_page"] is False
    shown = box.shelves.get("ZOHO", "USAV", "W 1/A")
    assert shown is not None
    assert (shown.quantity, shown.price, shown.listing_id) == (4, "99.50", item_id)
    assert (await zoho.get("/items?sku=W")).body["items"] == []


async def test_ids_are_longer_than_a_double_holds_and_bare_unless_switched(box: Sandbox, zoho: ZohoClient) -> None:
    item_id = await zoho.item("W-1")
    assert int(float(item_id)) != int(item_id)
    box.switches.zoho.bare_ids = False
    assert (await zoho.get(f"/items/{item_id}")).body["item"]["item_id"] == item_id


async def test_taken_sku_is_refused_with_its_code(zoho: ZohoClient) -> None:
    await zoho.item("W-1")
    other = await zoho.item("W-2")
    for reply in (
        await zoho.post("/items", {"name": "x", "sku": "W-1"}),
        await zoho.put(f"/items/{other}", {"sku": "W-1"}),
    ):
        assert (reply.status, reply.body["code"]) == (400, 1001)
    assert (await zoho.put(f"/items/{other}", {"sku": "W-3"})).status == 200
    assert (await zoho.get("/items?sku=W-2")).body["items"] == []


async def test_update_changes_the_given_fields_and_never_the_stock(zoho: ZohoClient) -> None:
    item_id = await zoho.item("W-1", 3)
    await zoho.put(f"/items/{item_id}", {"rate": 12.25, "stock_on_hand": 9, "initial_stock": 9})
    item = (await zoho.get(f"/items/{item_id}")).body["item"]
    assert (item["rate"], item["name"], item["stock_on_hand"]) == (12.25, "Wave W-1", 3)


async def test_names_are_unique_only_when_switched(box: Sandbox, zoho: ZohoClient) -> None:
    await zoho.item("W-1", name="Same")
    await zoho.item("W-2", name="Same")
    box.switches.zoho.unique_names = True
    assert (await zoho.post("/items", {"name": "Same", "sku": "W-3"})).body["code"] == 1001


async def test_inactive_item_shows_nothing_and_comes_back(box: Sandbox, zoho: ZohoClient) -> None:
    item_id = await zoho.item("W-1", 3)
    await zoho.post(f"/items/{item_id}/inactive")
    shown = box.shelves.get("ZOHO", "USAV", "W-1")
    assert shown is not None
    assert (shown.quantity, shown.status) == (0, "INACTIVE")
    assert [item["sku"] for item in (await zoho.get("/items?status=inactive")).body["items"]] == ["W-1"]
    await zoho.post(f"/items/active?item_ids={item_id}")
    shown = box.shelves.get("ZOHO", "USAV", "W-1")
    assert shown is not None
    assert shown.quantity == 3


async def test_changed_since_and_pages(box: Sandbox, zoho: ZohoClient) -> None:
    ids = [await zoho.item(f"W-{index}") for index in range(5)]
    box.clock.advance(100)
    since = box.clock.now().strftime("%Y-%m-%dT%H:%M:%S%z").replace("+", "%2B")
    await zoho.put(f"/items/{ids[2]}", {"rate": 1})
    await zoho.adjust(ids[3], 1)
    changed = (await zoho.get(f"/items?last_modified_time={since}")).body["items"]
    assert [item["sku"] for item in changed] == ["W-2"], "a document is no edit of the item"
    page = (await zoho.get("/items?per_page=2&page=2&sort_column=sku&sort_order=A")).body
    assert [item["sku"] for item in page["items"]] == ["W-2", "W-3"]
    assert page["page_context"]["has_more_page"] is True
    assert (await zoho.get("/items?last_modified_time=yesterday")).status == 400


async def test_details_of_many_leave_out_what_is_gone(zoho: ZohoClient) -> None:
    ids = [await zoho.item(f"W-{index}") for index in range(2)]
    found = (await zoho.get(f"/itemdetails?item_ids={ids[0]},{ids[1]},77")).body["items"]
    assert [item["sku"] for item in found] == ["W-0", "W-1"]


async def test_sold_item_cannot_be_deleted(box: Sandbox, zoho: ZohoClient, control: Client) -> None:
    sold, other = await zoho.item("W-1", 1), await zoho.item("W-2", 1)
    assert (await control.post("/buy", {"platform": "ZOHO", "sku": "W-1"})).status == 201
    assert (await zoho.delete(f"/items/{sold}")).status == 400
    assert (await zoho.delete(f"/items?item_ids={sold},{other}")).status == 400
    assert (await zoho.delete(f"/items/{other}")).status == 200
    assert box.shelves.get("ZOHO", "USAV", "W-2") is None
    assert (await zoho.get(f"/items/{other}")).body["code"] == 1002


@pytest.mark.parametrize("body", [{}, {"name": 3}, {"name": "x", "rate": "y"}, {"name": "x", "rate": -1}, []])
async def test_wrong_items_are_400(zoho: ZohoClient, body: object) -> None:
    reply = await zoho.post("/items", body)
    assert (reply.status, reply.body["code"]) == (400, 4)
