"""Orders that sellers edit: what each marketplace lets them change, how it shows, and the stock that follows."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.world import CannotEdit, Purchase, WantedLine
from tests.integration.sandbox.clients import Client, Reply, ZohoClient, list_on_amazon, list_on_ebay
from tests.integration.sandbox.receivers import Receiver

_AMAZON = "/orders/2026-01-01/orders"
_PARTS = "includedData=FULFILLMENT,CANCELLATION,PROCEEDS"
_BY_SELLER = {"cancellationExecution": {"cancelledBy": "MERCHANT", "cancelReason": "No inventory"}}


async def _edit(control: Client, order_id: str, *lines: Any, **more: Any) -> Reply:
    """An edit with lines of (SKU, quantity) or (SKU, quantity, instead of)."""
    names = ("sku", "quantity", "instead_of")
    body = {"lines": [dict(zip(names, line, strict=False)) for line in lines], **more}
    return await control.post(f"/orders/{order_id}/edit", body)


def _buy(market: Any, account: str, *lines: tuple[str, int], paid: bool = True) -> str:
    return str(market.buy(Purchase(account, lines, paid))["order_id"])


def _lines(reply: Reply) -> list[tuple[str, int]]:
    assert reply.status == 200, reply.body
    return [(line["sku"], line["quantity"]) for line in reply.body["lines"]]


def _shown(box: Sandbox, platform: str, account: str, *skus: str) -> list[int]:
    found = [box.shelves.get(platform, account, sku) for sku in skus]
    return [entry.quantity for entry in found if entry is not None]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "lines"),
        ({"lines": {"sku": "A"}}, "lines"),
        ({"lines": ["A"]}, "sku"),
        ({"lines": [{"quantity": 1}]}, "sku"),
        ({"lines": [{"sku": "A", "quantity": 0}]}, "quantity"),
        ({"lines": [{"sku": "A", "quantity": True}]}, "quantity"),
        ({"lines": [{"sku": "A", "quantity": 1, "instead_of": 7}]}, "instead_of"),
        ([], "body"),
    ],
)
async def test_impossible_edit_is_400_and_names_the_field(control: Client, body: Any, field: str) -> None:
    reply = await control.post("/orders/none/edit", body)
    assert reply.status == 400
    assert field in reply.body["error"]


async def test_unknown_order_is_404(control: Client) -> None:
    assert (await _edit(control, "none", ("A", 1))).status == 404


async def test_zoho_keeps_adds_and_drops_lines_and_commits_what_is_left(
    box: Sandbox, control: Client, zoho: ZohoClient
) -> None:
    for sku in ("A", "B", "C"):
        await zoho.item(sku, 5)
    order_id = _buy(box.zoho, "USAV", ("A", 1), ("B", 2))
    before = (await zoho.get(f"/salesorders/{order_id}")).body["salesorder"]
    box.clock.advance(60)
    assert _lines(await _edit(control, order_id, ("C", 3), ("A", 2))) == [("A", 2), ("C", 3)]
    after = (await zoho.get(f"/salesorders/{order_id}")).body["salesorder"]
    ids = [[line["line_item_id"] for line in order["line_items"]] for order in (before, after)]
    assert ids[1][0] == ids[0][0]
    assert ids[1][1] not in ids[0]
    assert after["last_modified_time"] > before["last_modified_time"]
    assert (after["status"], after["total"]) == ("confirmed", 5 * 99.5)
    assert _shown(box, "ZOHO", "USAV", "A", "B", "C") == [3, 5, 2]


async def test_zoho_lets_another_item_take_a_line(box: Sandbox, control: Client, zoho: ZohoClient) -> None:
    items = {sku: await zoho.item(sku, 3, rate=rate) for sku, rate in (("A", 10), ("B", 20))}
    order_id = _buy(box.zoho, "USAV", ("A", 1), ("B", 2))
    before = (await zoho.get(f"/salesorders/{order_id}")).body["salesorder"]["line_items"]
    swapped = await _edit(control, order_id, ("A", 2, "B"), ("B", 1, "A"))
    assert _lines(swapped) == [("B", 1), ("A", 2)]
    after = (await zoho.get(f"/salesorders/{order_id}")).body["salesorder"]["line_items"]
    assert [line["line_item_id"] for line in after] == [line["line_item_id"] for line in before]
    told = [(str(line["item_id"]), line["name"], line["rate"]) for line in after]
    assert told == [(items["B"], "Wave B", 20), (items["A"], "Wave A", 10)]
    assert _shown(box, "ZOHO", "USAV", "A", "B") == [1, 2]
    assert (await _edit(control, order_id, ("A", 1, "C"))).status == 409, "no line of that"


async def test_zoho_sells_by_edit_only_what_it_shows(box: Sandbox, control: Client, zoho: ZohoClient) -> None:
    await zoho.item("A", 3)
    await zoho.item("B", 1)
    order_id, draft = _buy(box.zoho, "USAV", ("A", 1)), _buy(box.zoho, "USAV", ("B", 1), paid=False)
    _buy(box.zoho, "USAV", ("A", 1))
    refused = await _edit(control, order_id, ("A", 3))
    assert (refused.status, refused.body["sku"], refused.body["shown"]) == (409, "A", 1)
    assert (await _edit(control, order_id, ("A", 1), ("none", 1))).status == 404
    assert (await _edit(control, draft, ("B", 2))).status == 409, "a draft commits nothing, and takes no more either"
    assert _lines(await _edit(control, order_id, ("A", 2))) == [("A", 2)]
    assert _lines(await _edit(control, draft, ("B", 1))) == [("B", 1)]
    assert _shown(box, "ZOHO", "USAV", "A", "B") == [0, 1]


async def test_zoho_keeps_what_is_packed_or_shipped(box: Sandbox, control: Client, zoho: ZohoClient) -> None:
    for sku in ("A", "B"):
        await zoho.item(sku, 9)
    order_id = _buy(box.zoho, "USAV", ("A", 3), ("B", 1))
    line = (await zoho.get(f"/salesorders/{order_id}")).body["salesorder"]["line_items"][0]
    packed = {"date": "2026-01-31", "line_items": [{"so_line_item_id": line["line_item_id"], "quantity": 2}]}
    package = (await zoho.post(f"/packages?salesorder_id={order_id}", packed)).body["package"]
    shipment = {"shipment_number": "S-1", "date": "2026-01-31", "delivery_method": "UPS", "tracking_number": "1Z"}
    await zoho.post(f"/shipmentorders?salesorder_id={order_id}&package_ids={package['package_id']}", shipment)
    for lines in ([("A", 1), ("B", 1)], [("B", 1)], [("B", 3, "A")], [("B", 2, "A"), ("A", 2, "B")]):
        assert (await _edit(control, order_id, *lines)).status == 409, lines
    edited = await _edit(control, order_id, ("A", 2))
    assert (_lines(edited), edited.body["fulfillment_status"]) == ([("A", 2)], "SHIPPED")
    grown = await _edit(control, order_id, ("A", 2), ("B", 1))
    assert grown.body["fulfillment_status"] == "PARTIALLY_SHIPPED"
    assert _shown(box, "ZOHO", "USAV", "A", "B") == [7, 8]


async def test_zoho_tells_of_an_edit_once_unless_kept_quiet(box: Sandbox, control: Client, zoho: ZohoClient) -> None:
    await zoho.item("A", 9)
    order_id = _buy(box.zoho, "USAV", ("A", 1))
    async with Receiver() as hook:
        box.zoho.set_webhook_url(hook.url)
        for _ in range(2):
            await _edit(control, order_id, ("A", 2))
        await _edit(control, order_id, ("A", 3), webhook=False)
        await box.courier.idle()
        [told] = [message.document["salesorder"] for message in hook.received]
    assert (told["salesorder_id"], told["line_items"][0]["quantity"]) == (int(order_id), 2)
    assert [entry["event"] for entry in (await control.get("/deliveries")).body["items"]] == ["salesorder.updated"]


async def test_zohos_own_call_rewrites_the_lines(box: Sandbox, zoho: ZohoClient) -> None:
    items = {sku: await zoho.item(sku, 5) for sku in ("A", "B", "C")}
    order_id = _buy(box.zoho, "USAV", ("A", 1), ("B", 2))
    kept, gone = (await zoho.get(f"/salesorders/{order_id}")).body["salesorder"]["line_items"]
    lines = [
        {"line_item_id": kept["line_item_id"], "item_id": items["B"], "quantity": 2},
        {"item_id": items["C"], "quantity": 1, "rate": 5},
    ]
    body = {"customer_id": 1, "salesorder_number": "SO-00001", "notes": "changed", "line_items": lines}
    reply = await zoho.put(f"/salesorders/{order_id}", body)
    assert reply.status == 200
    order = reply.body["salesorder"]
    told = [(line["line_item_id"], line["sku"], line["quantity"], line["rate"]) for line in order["line_items"]]
    assert told[0] == (kept["line_item_id"], "B", 2, 99.5)
    assert told[1][1:] == ("C", 1, 5)
    assert order["notes"] == "changed"
    assert _shown(box, "ZOHO", "USAV", "A", "B", "C") == [5, 3, 4]
    for wrong in ({"line_item_id": gone["line_item_id"], "item_id": items["A"]}, {"quantity": 1}, lines[0]):
        assert (await zoho.put(f"/salesorders/{order_id}", {**body, "line_items": [lines[0], wrong]})).status == 400
    await zoho.post(f"/salesorders/{order_id}/status/void")
    assert (await zoho.put(f"/salesorders/{order_id}", body)).status == 400


async def test_ecwid_moves_the_stock_by_the_difference(box: Sandbox, control: Client, shop: Client) -> None:
    for sku in ("A", "B", "C"):
        await shop.post("/products", {"name": "Wave", "sku": sku, "price": 10, "quantity": 5})
    order_id = _buy(box.ecwid, "USAV", ("A", 3), ("B", 2))
    before = (await shop.get(f"/orders/{order_id}")).body["items"]
    async with Receiver() as hook:
        box.ecwid.set_webhook_url(hook.url)
        for _ in range(2):
            assert _lines(await _edit(control, order_id, ("C", 2), ("A", 1))) == [("A", 1), ("C", 2)]
        await box.courier.idle()
        told = [message.document for message in hook.received if message.query["eventType"] == "order.updated"]
    after = (await shop.get(f"/orders/{order_id}")).body
    assert (after["items"][0]["id"], after["total"]) == (before[0]["id"], 30)
    assert after["items"][1]["id"] not in {item["id"] for item in before}
    assert [event["data"]["orderId"] for event in told] == [order_id]
    assert _shown(box, "ECWID", "USAV", "A", "B", "C") == [4, 5, 3]
    refused = await _edit(control, order_id, ("A", 6), ("C", 1))
    assert (refused.status, refused.body["shown"]) == (409, 4)
    assert (await _edit(control, order_id, ("A", 1), ("none", 1))).status == 404
    assert (await _edit(control, order_id, ("B", 1, "A"))).status == 409, "only Zoho picks another item for a line"
    assert _shown(box, "ECWID", "USAV", "A", "B", "C") == [4, 5, 3]
    box.ecwid.cancel(order_id)
    assert _shown(box, "ECWID", "USAV", "A", "B", "C") == [5, 5, 5]


async def test_ecwid_keeps_what_is_shipped(box: Sandbox, control: Client, shop: Client) -> None:
    await shop.post("/products", {"name": "Wave", "sku": "A", "price": 10, "quantity": 5})
    order_id = _buy(box.ecwid, "USAV", ("A", 2))
    await shop.put(f"/orders/{order_id}", {"fulfillmentStatus": "SHIPPED"})
    assert (await _edit(control, order_id, ("A", 1))).status == 409
    assert _lines(await _edit(control, order_id, ("A", 3))) == [("A", 3)]


async def _items(amazon: Client, order_id: str) -> tuple[str, list[Any]]:
    order = (await amazon.get(f"{_AMAZON}/{order_id}?{_PARTS}")).body["order"]
    told = [
        (line["quantityOrdered"], line["fulfillment"]["quantityUnfulfilled"], line.get("cancellation"))
        for line in order["orderItems"]
    ]
    return order["fulfillment"]["fulfillmentStatus"], told


@pytest.mark.parametrize(("stays", "ordered"), [(False, [(1, 0), (0, 0)]), (True, [(3, 2), (2, 2)])])
async def test_amazon_cancels_units_and_lines(
    box: Sandbox, control: Client, amazon: Client, stays: bool, ordered: list[tuple[int, int]]
) -> None:
    box.switches.amazon.quantity_ordered_stays = stays
    for sku in ("A1", "A2"):
        await list_on_amazon(amazon, box, sku, 5)
    order_id = _buy(box.amazon, "MAIN", ("A1", 3), ("A2", 2))
    reply = await _edit(control, order_id, ("A1", 1))
    assert (_lines(reply), reply.body["fulfillment_status"]) == ([("A1", 1)], "UNSHIPPED")
    (first, _), (second, _) = ordered
    told = [(first, 1, _BY_SELLER), (second, 0, _BY_SELLER)]
    assert await _items(amazon, order_id) == ("UNSHIPPED", told)
    assert _shown(box, "AMAZON", "MAIN", "A1", "A2") == [2, 3], "what was paid is not given back"
    for lines in ([("A1", 2)], [("A1", 1), ("A2", 1)], [("A1", 1), ("A3", 1)], [("A2", 1, "A1")]):
        assert (await _edit(control, order_id, *lines)).status == 409, lines
    ended = await _edit(control, order_id)
    assert (_lines(ended), ended.body["cancelled"]) == ([], True)
    first = 3 if stays else 0
    assert await _items(amazon, order_id) == ("CANCELLED", [(first, 0, _BY_SELLER), (second, 0, _BY_SELLER)])


async def test_amazon_gives_back_what_was_never_paid_and_keeps_what_is_shipped(
    box: Sandbox, control: Client, amazon: Client
) -> None:
    await list_on_amazon(amazon, box, "A1", 9)
    order_id = _buy(box.amazon, "MAIN", ("A1", 4), paid=False)
    await _edit(control, order_id, ("A1", 3))
    assert _shown(box, "AMAZON", "MAIN", "A1") == [6]
    box.amazon.pay(order_id)
    item_id = (await amazon.get(f"{_AMAZON}/{order_id}")).body["order"]["orderItems"][0]["orderItemId"]
    detail = {
        "packageReferenceId": "1",
        "carrierCode": "UPS",
        "trackingNumber": "1Z",
        "shipDate": "2026-01-31T08:00:00Z",
        "orderItems": [{"orderItemId": item_id, "quantity": 2}],
    }
    path = f"/orders/v0/orders/{order_id}/shipmentConfirmation"
    body = {"marketplaceId": "ATVPDKIKX0DER", "packageDetail": detail}
    assert (await amazon.post(path, body)).status == 204
    assert (await _edit(control, order_id, ("A1", 1))).status == 409
    assert (await _edit(control, order_id)).status == 409
    assert _lines(await _edit(control, order_id, ("A1", 2))) == [("A1", 2)]
    assert await _items(amazon, order_id) == ("SHIPPED", [(2, 0, _BY_SELLER)])


async def test_ebays_orders_stay_as_they_are(box: Sandbox, control: Client, seller: Client) -> None:
    await list_on_ebay(seller, "A1")
    refused = await _edit(control, _buy(box.ebay, "USAV", ("A1", 2)), ("A1", 1))
    assert (refused.status, refused.body["error"]) == (409, "a buyer's order on eBay cannot be edited")


async def test_cancelled_and_empty_orders_and_doubled_lines_are_409(
    box: Sandbox, control: Client, zoho: ZohoClient, shop: Client, amazon: Client
) -> None:
    await zoho.item("A", 9)
    await shop.post("/products", {"name": "Wave", "sku": "A", "price": 10, "quantity": 9})
    await list_on_amazon(amazon, box, "A", 9)
    for market, account in ((box.zoho, "USAV"), (box.ecwid, "USAV"), (box.amazon, "MAIN")):
        order_id = _buy(market, account, ("A", 2))
        assert (await _edit(control, order_id, ("A", 1), ("A", 1))).status == 409
        if market is not box.amazon:
            assert (await _edit(control, order_id)).status == 409, "at least one line stays"
        market.cancel(order_id)
        with pytest.raises(CannotEdit, match="cannot be edited"):
            market.edit(order_id, [WantedLine("A", 1)])
        assert (await _edit(control, order_id, ("A", 1))).status == 409
