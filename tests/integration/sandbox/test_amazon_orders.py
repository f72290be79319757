"""Amazon's orders: a search that is two minutes behind, parts that must be asked for, and packages by reference."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from sandbox import Sandbox
from sandbox.world import CannotBuy, Purchase
from tests.integration.sandbox import clients
from tests.integration.sandbox.clients import Client, list_on_amazon

_BASE = "/orders/2026-01-01/orders"
_MARKET = "ATVPDKIKX0DER"
_LAG_S = 121


def _buy(box: Sandbox, quantity: int = 1, *, paid: bool = True) -> str:
    return str(box.amazon.buy(Purchase("MAIN", (("A1", quantity),), paid))["order_id"])


def _now(box: Sandbox, back_s: float = 0) -> str:
    box.clock.advance(-back_s)
    text = box.clock.now().isoformat()
    box.clock.advance(back_s)
    return quote(text, safe="")


async def _ids(amazon: Client, query: str) -> list[str]:
    return [order["orderId"] for order in (await amazon.get(f"{_BASE}?{query}")).body["orders"]]


async def test_sale_lowers_the_quantity_when_it_is_placed(box: Sandbox, amazon: Client) -> None:
    await list_on_amazon(amazon, box, "A1", 3)
    order_id = _buy(box, 2, paid=False)
    shown = box.shelves.get("AMAZON", "MAIN", "A1")
    assert shown is not None
    assert shown.quantity == 1
    with pytest.raises(CannotBuy):
        _buy(box, 2)
    order = (await amazon.get(f"{_BASE}/{order_id}?includedData=FULFILLMENT,PROCEEDS")).body["order"]
    assert order["fulfillment"]["fulfillmentStatus"] == "PENDING"
    assert "proceeds" not in order
    assert "price" not in order["orderItems"][0]["product"]
    box.amazon.pay(order_id)
    order = (await amazon.get(f"{_BASE}/{order_id}?includedData=FULFILLMENT,PROCEEDS")).body["order"]
    assert (order["fulfillment"]["fulfillmentStatus"], order["proceeds"]["grandTotal"]["amount"]) == (
        "UNSHIPPED",
        "199.00",
    )


async def test_cancellation_gives_back_only_what_was_never_paid(box: Sandbox, amazon: Client) -> None:
    await list_on_amazon(amazon, box, "A1", 3)
    for paid in (True, False):
        order_id = _buy(box, paid=paid)
        for _ in range(2):
            box.amazon.cancel(order_id)
    shown = box.shelves.get("AMAZON", "MAIN", "A1")
    assert shown is not None
    assert shown.quantity == 2
    order = (await amazon.get(f"{_BASE}/{order_id}?includedData=FULFILLMENT,CANCELLATION")).body["order"]
    assert order["fulfillment"]["fulfillmentStatus"] == "CANCELLED"
    assert order["orderItems"][0]["cancellation"]["cancellationExecution"]["cancelledBy"] == "BUYER"


async def test_search_sees_nothing_of_the_last_two_minutes(box: Sandbox, amazon: Client) -> None:
    await list_on_amazon(amazon, box, "A1", 3)
    since = _now(box)
    order_id = _buy(box)
    assert await _ids(amazon, f"lastUpdatedAfter={since}") == []
    box.clock.advance(_LAG_S)
    assert await _ids(amazon, f"lastUpdatedAfter={since}") == [order_id]
    assert await _ids(amazon, f"createdAfter={since}&fulfillmentStatuses=SHIPPED") == []
    bare = (await amazon.get(f"{_BASE}?createdAfter={since}")).body["orders"][0]
    assert not {"fulfillment", "proceeds", "recipient", "packages"} & bare.keys()


@pytest.mark.parametrize(
    "query",
    [
        "marketplaceIds=ATVPDKIKX0DER",
        "createdAfter=2026-01-01T00:00:00Z&lastUpdatedAfter=2026-01-01T00:00:00Z",
        "createdAfter=2026-01-01T00:00:00Z&lastUpdatedBefore=2026-01-02T00:00:00Z",
        "createdAfter=yesterday",
        "createdAfter=2026-01-02T00:00:00Z&createdBefore=2026-01-01T00:00:00Z",
        "createdAfter=2026-01-01T00:00:00Z&maxResultsPerPage=101",
        "createdAfter=2026-01-01T00:00:00Z&includedData=SECRETS",
        "createdAfter=2026-01-01T00:00:00Z&marketplaceIds=X",
        "createdAfter=2026-01-01T00:00:00Z&paginationToken=x",
    ],
)
async def test_wrong_searches_are_400(amazon: Client, query: str) -> None:
    reply = await amazon.get(f"{_BASE}?{query}")
    assert (reply.status, reply.body["errors"][0]["code"]) == (400, "InvalidInput")


async def test_upper_bound_must_be_two_minutes_back(box: Sandbox, amazon: Client) -> None:
    start = "createdAfter=2026-01-01T00:00:00Z"
    assert (await amazon.get(f"{_BASE}?{start}&createdBefore={_now(box, 60)}")).status == 400
    assert (await amazon.get(f"{_BASE}?{start}&createdBefore={_now(box, _LAG_S)}")).status == 200


async def test_page_token_holds_for_the_same_search_for_a_day(box: Sandbox, amazon: Client) -> None:
    box.switches.amazon.token_life_s = 7 * 86_400.0
    amazon = await clients.amazon(amazon.session, box)
    await list_on_amazon(amazon, box, "A1", 9)
    since, placed = _now(box), [_buy(box) for _ in range(5)]
    box.clock.advance(_LAG_S)
    query = f"lastUpdatedAfter={since}&maxResultsPerPage=2"
    page = (await amazon.get(f"{_BASE}?{query}")).body
    token = quote(page["pagination"]["nextToken"], safe="")
    seen = [order["orderId"] for order in page["orders"]]
    following = f"{query.replace('Page=2', 'Page=3')}&includedData=BUYER&paginationToken={token}"
    page = (await amazon.get(f"{_BASE}?{following}")).body
    seen += [order["orderId"] for order in page["orders"]]
    assert sorted(seen) == sorted(placed)
    assert "pagination" not in page
    changed = f"{query}&fulfillmentStatuses=UNSHIPPED&paginationToken={token}"
    assert (await amazon.get(f"{_BASE}?{changed}")).status == 400
    box.clock.advance(86_401)
    assert (await amazon.get(f"{_BASE}?{following}")).status == 400


async def test_shipment_is_confirmed_and_edited_by_its_reference(box: Sandbox, amazon: Client) -> None:
    await list_on_amazon(amazon, box, "A1", 5)
    order_id = _buy(box, 3)
    item_id = (await amazon.get(f"{_BASE}/{order_id}")).body["order"]["orderItems"][0]["orderItemId"]
    assert await _ship(amazon, order_id, item_id, 2) == 204
    assert await _ship(amazon, order_id, item_id, 2, tracking="1Z2") == 204
    order = (await amazon.get(f"{_BASE}/{order_id}?includedData=FULFILLMENT,PACKAGES")).body["order"]
    assert order["fulfillment"]["fulfillmentStatus"] == "PARTIALLY_SHIPPED"
    assert [package["trackingNumber"] for package in order["packages"]] == ["1Z2"]
    assert order["orderItems"][0]["fulfillment"] == {"quantityFulfilled": 2, "quantityUnfulfilled": 1}
    assert await _ship(amazon, order_id, item_id, 2, reference="2") == 400
    assert await _ship(amazon, order_id, item_id, 1, reference="2") == 204
    assert await _ship(amazon, order_id, item_id, 1, reference="SH-3") == 400
    assert await _ship(amazon, order_id, "1", 1, reference="3") == 400
    assert await _ship(amazon, "111-0000000-0000000", item_id, 1) == 404
    order = (await amazon.get(f"{_BASE}/{order_id}?includedData=FULFILLMENT")).body["order"]
    assert order["fulfillment"]["fulfillmentStatus"] == "SHIPPED"


async def test_pending_and_cancelled_orders_cannot_be_shipped(box: Sandbox, amazon: Client) -> None:
    await list_on_amazon(amazon, box, "A1", 5)
    pending, cancelled = _buy(box, paid=False), _buy(box)
    box.amazon.cancel(cancelled)
    for order_id in (pending, cancelled):
        item_id = (await amazon.get(f"{_BASE}/{order_id}")).body["order"]["orderItems"][0]["orderItemId"]
        assert await _ship(amazon, order_id, item_id, 1) == 400


async def _ship(
    amazon: Client, order_id: str, item_id: str, quantity: int, *, reference: str = "1", tracking: str = "1Z1"
) -> int:
    detail: dict[str, Any] = {
        "packageReferenceId": reference,
        "carrierCode": "UPS",
        "trackingNumber": tracking,
        "shipDate": "2026-01-31T08:00:00Z",
        "orderItems": [{"orderItemId": item_id, "quantity": quantity}],
    }
    body = {"marketplaceId": _MARKET, "packageDetail": detail}
    return (await amazon.post(f"/orders/v0/orders/{order_id}/shipmentConfirmation", body)).status
