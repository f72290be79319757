"""eBay's orders: what buyers take, search windows, cancellation and shipping."""

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from yarl import URL

from sandbox import Sandbox
from sandbox.clock import iso_millis
from sandbox.world import CannotBuy, CannotRefund, Purchase
from tests.integration.sandbox.clients import Client, Reply, list_on_ebay

_ORDER = "/sell/fulfillment/v1/order"


def _buy(box: Sandbox, sku: str = "A1", quantity: int = 1, *, paid: bool = True) -> str:
    return str(box.ebay.buy(Purchase("USAV", ((sku, quantity),), paid))["order_id"])


async def _search(client: Client, text: str, more: str = "") -> Reply:
    return await client.get(f"{_ORDER}?filter={quote(text, safe='')}{more}")


def _stamp(box: Sandbox, seconds: float = 0.0) -> str:
    return iso_millis(datetime.fromtimestamp(box.clock.seconds() + seconds, UTC))


async def test_buyer_takes_only_what_is_shown(box: Sandbox, seller: Client) -> None:
    await list_on_ebay(seller, "A1", 2)
    with pytest.raises(CannotBuy) as refused:
        _buy(box, quantity=3)
    assert refused.value.shown == 2
    _buy(box, quantity=2)
    shown = box.shelves.get("EBAY", "USAV", "A1")
    assert shown is not None
    assert shown.quantity == 0
    with pytest.raises(CannotBuy):
        _buy(box)


async def test_order_tells_what_was_bought(box: Sandbox, seller: Client) -> None:
    await list_on_ebay(seller, "A1", 2)
    order_id = _buy(box, quantity=2)
    order = (await seller.get(f"{_ORDER}/{order_id}")).body
    assert order["orderPaymentStatus"] == "PAID"
    assert order["orderFulfillmentStatus"] == "NOT_STARTED"
    assert order["cancelStatus"]["cancelState"] == "NONE_REQUESTED"
    [line] = order["lineItems"]
    assert (line["sku"], line["quantity"], line["lineItemCost"]["value"]) == ("A1", 2, "199.00")


async def test_window_takes_orders_modified_in_it(box: Sandbox, seller: Client) -> None:
    await list_on_ebay(seller, "A1")
    start = _stamp(box)
    order_id = _buy(box)
    box.clock.advance(10)
    found = await _search(seller, f"lastmodifieddate:[{start}..]")
    assert [order["orderId"] for order in found.body["orders"]] == [order_id]
    later = _stamp(box)
    assert (await _search(seller, f"lastmodifieddate:[{later}..]")).body["total"] == 0
    box.ebay.cancel(order_id)
    box.clock.advance(1)
    assert (await _search(seller, f"lastmodifieddate:[{later}..{_stamp(box)}]")).body["total"] == 1
    both = f"creationdate:[{later}..],lastmodifieddate:[{start}..]"
    assert (await _search(seller, both)).body["total"] == 0


async def test_offset_counts_orders_and_next_leads_on(box: Sandbox, seller: Client) -> None:
    await list_on_ebay(seller, "A1", 5)
    start = _stamp(box)
    bought = [_buy(box) for _ in range(5)]
    found: list[str] = []
    reply = await _search(seller, f"lastmodifieddate:[{start}..]", "&limit=2&offset=1")
    while True:
        found += [order["orderId"] for order in reply.body["orders"]]
        if "next" not in reply.body:
            break
        reply = await seller.get(reply.body["next"].removeprefix(seller.base))
    assert found == bought[1:]


@pytest.mark.parametrize(
    ("text", "error_id"),
    [
        ("lastmodifieddate:[..]", 30820),
        ("lastmodifieddate:[yesterday..]", 30810),
        ("lastmodifieddate:[2026-01-02T00:00:00.000Z..2026-01-01T00:00:00.000Z]", 30840),
        ("lastmodifieddate:[2026-01-02T00:00:00.000Z..2126-01-01T00:00:00.000Z]", 30850),
        ("lastmodifieddate:[2001-01-02T00:00:00.000Z..]", 30830),
        ("colour:{RED}", 30700),
        ("lastmodifieddate", 30800),
        ("orderfulfillmentstatus:{LOST}", 30800),
    ],
)
async def test_wrong_filter_has_its_own_error(seller: Client, text: str, error_id: int) -> None:
    reply = await _search(seller, text)
    assert (reply.status, reply.body["errors"][0]["errorId"]) == (400, error_id)


async def test_limits_of_paging(seller: Client) -> None:
    assert (await seller.get(f"{_ORDER}?limit=201")).body["errors"][0]["errorId"] == 31100
    assert (await seller.get(f"{_ORDER}?offset=-1")).body["errors"][0]["errorId"] == 31000
    ids = ",".join(["1"] * 51)
    assert (await seller.get(f"{_ORDER}?orderIds={ids}")).body["errors"][0]["errorId"] == 30900


async def test_brackets_must_be_encoded(box: Sandbox, seller: Client) -> None:
    query = "filter=lastmodifieddate:[2026-01-01T00:00:00.000Z..]"
    url = URL(f"{box.url}/ebay{_ORDER}?{query}", encoded=True)
    async with seller.session.get(url, headers=seller.headers) as response:
        assert response.status == 400
        assert (await response.json())["errors"][0]["errorId"] == 30800


async def test_only_a_single_read_tells_cancel_requests(box: Sandbox, seller: Client) -> None:
    await list_on_ebay(seller, "A1")
    order_id = _buy(box)
    box.ebay.cancel(order_id)
    box.ebay.cancel(order_id)
    alone = (await seller.get(f"{_ORDER}/{order_id}")).body["cancelStatus"]
    assert (alone["cancelState"], len(alone["cancelRequests"])) == ("CANCELED", 1)
    listed = (await seller.get(f"{_ORDER}?orderIds={order_id}")).body["orders"][0]
    assert listed["cancelStatus"]["cancelRequests"] == []
    assert listed["orderPaymentStatus"] == "FULLY_REFUNDED"


async def test_refund_of_a_line_shows_at_the_line_and_in_the_state_of_payment(box: Sandbox, seller: Client) -> None:
    for sku in ("A1", "B2"):
        await list_on_ebay(seller, sku)
    order_id = str(box.ebay.buy(Purchase("USAV", (("A1", 1), ("B2", 1))))["order_id"])
    box.ebay.refund(order_id, "B2")
    order = (await seller.get(f"{_ORDER}/{order_id}")).body
    assert order["orderPaymentStatus"] == "PARTIALLY_REFUNDED"
    kept, refunded = order["lineItems"]
    assert (kept["refunds"], [each["amount"] for each in refunded["refunds"]]) == ([], [refunded["lineItemCost"]])
    with pytest.raises(CannotRefund):
        box.ebay.refund(order_id, "B2")
    box.ebay.refund(order_id, "")
    assert (await seller.get(f"{_ORDER}/{order_id}")).body["orderPaymentStatus"] == "FULLY_REFUNDED"


async def test_shipping_is_not_idempotent(box: Sandbox, seller: Client) -> None:
    await list_on_ebay(seller, "A1")
    order_id = _buy(box, quantity=2)
    line_id = (await seller.get(f"{_ORDER}/{order_id}")).body["lineItems"][0]["lineItemId"]
    path = f"{_ORDER}/{order_id}/shipping_fulfillment"
    package = {
        "lineItems": [{"lineItemId": line_id, "quantity": 1}],
        "shippingCarrierCode": "USPS",
        "trackingNumber": "9400",
    }
    first = await seller.post(path, package)
    assert first.status == 201
    assert first.headers["Location"].startswith(f"{box.url}/ebay{path}/")
    assert (await seller.get(f"{_ORDER}/{order_id}")).body["orderFulfillmentStatus"] == "IN_PROGRESS"
    await seller.post(path, package)
    listed = (await seller.get(path)).body
    assert listed["total"] == 2
    assert (await seller.get(f"{path}/{listed['fulfillments'][0]['fulfillmentId']}")).status == 200
    assert (await seller.get(f"{_ORDER}/{order_id}")).body["orderFulfillmentStatus"] == "FULFILLED"


async def test_carrier_and_tracking_need_each_other(box: Sandbox, seller: Client) -> None:
    await list_on_ebay(seller, "A1")
    path = f"{_ORDER}/{_buy(box)}/shipping_fulfillment"
    assert (await seller.post(path, {"trackingNumber": "1"})).body["errors"][0]["errorId"] == 32300
    wrong = {"lineItems": [{"lineItemId": "1"}]}
    assert (await seller.post(path, wrong)).body["errors"][0]["errorId"] == 32200


async def test_unpaid_order_is_pending_until_paid(box: Sandbox, seller: Client) -> None:
    await list_on_ebay(seller, "A1")
    order_id = _buy(box, paid=False)
    assert (await seller.get(f"{_ORDER}/{order_id}")).body["orderPaymentStatus"] == "PENDING"
    box.ebay.pay(order_id)
    assert (await seller.get(f"{_ORDER}/{order_id}")).body["orderPaymentStatus"] == "PAID"
