"""Zoho's sales orders: what commits stock, what takes it off the shelf, and lists that know no time."""

from __future__ import annotations

import pytest

from sandbox import Sandbox
from sandbox.world import CannotBuy, Purchase
from tests.integration.sandbox.clients import ZohoClient


def _buy(box: Sandbox, sku: str = "W-1", quantity: int = 1, *, paid: bool = True) -> str:
    return str(box.zoho.buy(Purchase("USAV", ((sku, quantity),), paid))["order_id"])


async def _stocks(zoho: ZohoClient, item_id: str) -> tuple[int, int]:
    item = (await zoho.get(f"/items/{item_id}")).body["item"]
    return item["stock_on_hand"], item["available_stock"]


async def _status(zoho: ZohoClient, order_id: str) -> str:
    return str((await zoho.get(f"/salesorders/{order_id}")).body["salesorder"]["status"])


async def test_confirmed_order_commits_stock_and_a_void_one_frees_it(box: Sandbox, zoho: ZohoClient) -> None:
    item_id = await zoho.item("W-1", 3)
    order_id = _buy(box, quantity=2)
    assert await _stocks(zoho, item_id) == (3, 1)
    with pytest.raises(CannotBuy):
        _buy(box, quantity=2)
    for _ in range(2):
        assert (await zoho.post(f"/salesorders/{order_id}/status/void")).status == 200
    assert await _stocks(zoho, item_id) == (3, 3)
    assert await _status(zoho, order_id) == "void"
    assert (await zoho.post(f"/salesorders/{order_id}/status/confirmed")).status == 400


async def test_draft_commits_nothing_until_it_is_confirmed(box: Sandbox, zoho: ZohoClient) -> None:
    item_id = await zoho.item("W-1", 3)
    order_id = _buy(box, paid=False)
    assert await _stocks(zoho, item_id) == (3, 3)
    box.zoho.pay(order_id)
    assert await _stocks(zoho, item_id) == (3, 2)
    assert await _status(zoho, order_id) == "confirmed"


async def test_an_organization_may_not_commit_stock(box: Sandbox, zoho: ZohoClient) -> None:
    box.switches.zoho.orders_commit_stock = False
    item_id = await zoho.item("W-1", 3)
    _buy(box)
    assert await _stocks(zoho, item_id) == (3, 3)


async def test_created_order_is_201_and_not_idempotent(zoho: ZohoClient) -> None:
    item_id = await zoho.item("W-1", 3)
    lines = [{"item_id": item_id, "quantity": 2, "rate": 80}]
    body = {"customer_id": 1, "reference_number": "R-1", "line_items": lines}
    orders = [await zoho.post("/salesorders", body) for _ in range(2)]
    assert [reply.status for reply in orders] == [201, 201]
    first, second = (reply.body["salesorder"] for reply in orders)
    assert first["salesorder_id"] != second["salesorder_id"]
    assert (first["status"], first["total"], first["line_items"][0]["sku"]) == ("draft", 160, "W-1")
    numbered = [await zoho.post("/salesorders", {**body, "salesorder_number": "HUB-1"}) for _ in range(2)]
    assert [reply.status for reply in numbered] == [201, 400]
    assert (await zoho.post("/salesorders", {"customer_id": 1, "line_items": [{"item_id": 1}]})).status == 404
    assert (await zoho.post("/salesorders", {"line_items": lines})).status == 400


async def test_list_ignores_times_unless_the_filter_is_switched_on(box: Sandbox, zoho: ZohoClient) -> None:
    await zoho.item("W-1", 9)
    orders = [_buy(box) for _ in range(3)]
    box.clock.advance(100)
    since = box.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    box.zoho.cancel(orders[0])
    query = f"/salesorders?last_modified_time={since}&sort_column=last_modified_time"
    listed = [str(order["salesorder_id"]) for order in (await zoho.get(query)).body["salesorders"]]
    assert listed == orders[::-1], "newest first, whatever was asked"
    box.switches.zoho.salesorder_filters = True
    listed = [str(order["salesorder_id"]) for order in (await zoho.get(query)).body["salesorders"]]
    assert listed == [orders[0]]
    page = (await zoho.get("/salesorders?page=2&per_page=2")).body
    assert (len(page["salesorders"]), page["page_context"]["has_more_page"]) == (1, False)


async def test_packages_and_shipments_take_units_off_the_shelf(box: Sandbox, zoho: ZohoClient) -> None:
    item_id = await zoho.item("W-1", 5)
    order_id = _buy(box, quantity=3)
    package_id = await _pack(zoho, order_id, 2)
    path = f"/shipmentorders?salesorder_id={order_id}&package_ids={package_id}"
    shipment = {"shipment_number": "S-1", "date": "2026-01-31", "delivery_method": "UPS", "tracking_number": "1Z"}
    shipped = await zoho.post(path, shipment)
    assert (shipped.status, shipped.body["shipment_order"]["tracking_number"]) == (201, "1Z")
    assert (await _stocks(zoho, item_id), await _status(zoho, order_id)) == ((3, 2), "partially_shipped")
    assert (await zoho.post(path, {**shipment, "shipment_number": "S-2"})).status == 400
    assert (await zoho.post(f"/salesorders/{order_id}/status/void")).status == 400

    rest = await _pack(zoho, order_id, 1)
    second = await zoho.post(
        f"/shipmentorders?salesorder_id={order_id}&package_ids={rest}", {**shipment, "shipment_number": "S-2"}
    )
    assert (await _stocks(zoho, item_id), await _status(zoho, order_id)) == ((2, 2), "shipped")
    for reply in (shipped, second):
        shipment_id = reply.body["shipment_order"]["shipment_id"]
        assert (await zoho.post(f"/shipmentorders/{shipment_id}/status/delivered")).status == 200
    assert await _status(zoho, order_id) == "fulfilled"


async def test_no_more_is_packed_than_was_ordered(box: Sandbox, zoho: ZohoClient) -> None:
    await zoho.item("W-1", 5)
    order_id, draft_id = _buy(box, quantity=2), _buy(box, paid=False)
    await _pack(zoho, order_id, 1)
    assert await _pack(zoho, order_id, 2) == ""
    assert await _pack(zoho, draft_id, 1) == ""


async def _pack(zoho: ZohoClient, order_id: str, quantity: int) -> str:
    line = (await zoho.get(f"/salesorders/{order_id}")).body["salesorder"]["line_items"][0]
    lines = [{"so_line_item_id": line["line_item_id"], "quantity": quantity}]
    reply = await zoho.post(f"/packages?salesorder_id={order_id}", {"date": "2026-01-31", "line_items": lines})
    return str(reply.body["package"]["package_id"]) if reply.status == 201 else ""
