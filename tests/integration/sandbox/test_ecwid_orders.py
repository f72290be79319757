"""Ecwid's orders and webhooks: stock goes down when an order is placed, and everything is told to one address."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sandbox import Sandbox
from sandbox.ecwid.events import sign
from sandbox.ecwid.store import STORE_ID
from sandbox.world import CannotBuy, Purchase
from tests.integration.sandbox.clients import Client
from tests.integration.sandbox.receivers import Receiver


@pytest.fixture
async def hook(box: Sandbox) -> AsyncIterator[Receiver]:
    """The application's webhook address."""
    async with Receiver() as receiver:
        box.ecwid.set_webhook_url(receiver.url)
        yield receiver


async def _product(shop: Client, sku: str = "W-1", quantity: int = 3) -> int:
    reply = await shop.post("/products", {"name": "Wave", "sku": sku, "price": 10, "quantity": quantity})
    return int(reply.body["id"])


def _buy(box: Sandbox, sku: str = "W-1", quantity: int = 1, *, paid: bool = True) -> str:
    return str(box.ecwid.buy(Purchase("USAV", ((sku, quantity),), paid))["order_id"])


async def test_placed_order_lowers_stock_paid_or_not(box: Sandbox, shop: Client) -> None:
    product_id = await _product(shop)
    order_id = _buy(box, quantity=2, paid=False)
    assert (await shop.get(f"/products/{product_id}")).body["quantity"] == 1
    order = (await shop.get(f"/orders/{order_id}")).body
    assert (order["paymentStatus"], order["fulfillmentStatus"]) == ("AWAITING_PAYMENT", "AWAITING_PROCESSING")
    [line] = order["items"]
    assert (line["sku"], line["quantity"], line["productId"]) == ("W-1", 2, product_id)
    assert (await shop.get(f"/orders/{order['orderNumber']}")).body["id"] == order_id
    with pytest.raises(CannotBuy):
        _buy(box, quantity=2)


async def test_cancelled_order_gives_its_stock_back_once(box: Sandbox, shop: Client) -> None:
    product_id = await _product(shop)
    order_id = _buy(box, quantity=2)
    box.ecwid.cancel(order_id)
    box.ecwid.cancel(order_id)
    assert (await shop.get(f"/products/{product_id}")).body["quantity"] == 3
    assert (await shop.get(f"/orders/{order_id}")).body["paymentStatus"] == "CANCELLED"


async def test_nobody_pays_for_a_cancelled_order(box: Sandbox, shop: Client) -> None:
    await _product(shop)
    paid, cancelled = _buy(box, paid=False), _buy(box, paid=False)
    box.ecwid.pay(paid)
    box.ecwid.cancel(cancelled)
    box.ecwid.pay(cancelled)
    told = [(await shop.get(f"/orders/{order_id}")).body["paymentStatus"] for order_id in (paid, cancelled)]
    assert told == ["PAID", "CANCELLED"]


async def test_search_by_change_and_status(box: Sandbox, shop: Client) -> None:
    await _product(shop)
    first = _buy(box)
    box.clock.advance(100)
    since = int(box.clock.seconds())
    second = _buy(box)
    found = (await shop.get(f"/orders?updatedFrom={since}&updatedTo={since + 50}")).body
    assert [order["id"] for order in found["items"]] == [second]
    box.clock.advance(100)
    await shop.put(f"/orders/{first}", {"fulfillmentStatus": "SHIPPED", "trackingNumber": "9400"})
    found = (await shop.get(f"/orders?updatedFrom={since + 60}")).body
    assert [(order["id"], order["trackingNumber"]) for order in found["items"]] == [(first, "9400")]
    assert (await shop.get("/orders?fulfillmentStatus=SHIPPED,DELIVERED")).body["total"] == 1
    assert (await shop.get("/orders/NOPE1")).status == 404


async def test_order_is_told_with_a_signature_over_time_and_id(box: Sandbox, shop: Client, hook: Receiver) -> None:
    await _product(shop)
    order_id = _buy(box)
    await box.courier.idle()
    by_type = {message.query["eventType"]: message for message in hook.received}
    assert by_type.keys() == {"product.created", "product.updated", "order.created"}
    told = by_type["order.created"].document
    assert told["data"] == {"orderId": order_id}
    assert (told["storeId"], told["eventType"]) == (STORE_ID, "order.created")
    signature = by_type["order.created"].headers["X-Ecwid-Webhook-Signature"]
    assert signature == sign(told["eventCreated"], told["eventId"])


async def test_own_writes_are_told_too_but_only_when_they_change_something(
    box: Sandbox, shop: Client, hook: Receiver
) -> None:
    product_id = await _product(shop)
    await shop.put(f"/products/{product_id}", {"quantity": 9})
    await shop.put(f"/products/{product_id}", {"quantity": 9})
    await box.courier.idle()
    assert [message.document["eventType"] for message in hook.received] == ["product.created", "product.updated"]


async def test_status_change_tells_old_and_new(box: Sandbox, shop: Client, hook: Receiver) -> None:
    await _product(shop)
    order_id = _buy(box)
    await shop.put(f"/orders/{order_id}", {"fulfillmentStatus": "SHIPPED"})
    await box.courier.idle()
    [told] = [message.document for message in hook.received if message.document["eventType"] == "order.updated"]
    assert told["data"]["oldFulfillmentStatus"] == "AWAITING_PROCESSING"
    assert told["data"]["newFulfillmentStatus"] == "SHIPPED"


@pytest.mark.parametrize(("status", "attempts"), [(204, 1), (209, 1), (203, 3), (302, 3), (500, 3)])
async def test_only_some_answers_count_as_received(
    box: Sandbox, shop: Client, hook: Receiver, status: int, attempts: int
) -> None:
    box.switches.webhook_time_scale = 1e-6
    box.switches.ecwid.webhook_events = "product.created"
    hook.statuses = [status, status]
    await _product(shop)
    await box.courier.idle()
    assert len(hook.received) == attempts
    assert len({message.document["eventId"] for message in hook.received}) == 1


async def test_27_attempts_then_it_is_given_up(box: Sandbox, shop: Client, hook: Receiver) -> None:
    box.switches.webhook_time_scale = 1e-7
    hook.statuses = [500] * 100
    await _product(shop)
    await box.courier.idle()
    assert len(hook.received) == 27


async def test_forged_message_comes_beside_the_true_one(box: Sandbox, shop: Client, hook: Receiver) -> None:
    box.faults.set("forged", operation="webhook.product.created", count=1)
    product_id = await _product(shop)
    await box.courier.idle()
    genuine = [
        message.document
        for message in hook.received
        if message.headers["X-Ecwid-Webhook-Signature"]
        == sign(message.document["eventCreated"], message.document["eventId"])
    ]
    assert len(hook.received) == 2
    assert [document["entityId"] for document in genuine] == [product_id]


async def test_no_address_means_no_messages(box: Sandbox, shop: Client, hook: Receiver) -> None:
    box.ecwid.set_webhook_url("")
    await _product(shop)
    await box.courier.idle()
    assert hook.received == []
