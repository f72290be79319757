"""eBay's orders: what is asked, what is read, and what its states mean."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from sync_svc.channels.base import ChannelError
from sync_svc.channels.ebay.adapter import EbayChannel
from sync_svc.channels.ebay.orders import order_of
from tests.unit.channels.doubles import Call, Platform, ebay_account

ORDERS = "/sell/fulfillment/v1/order"


def order(order_id: str = "12-09876-54321", **changes: Any) -> dict[str, Any]:
    return {
        "orderId": order_id,
        "creationDate": "2026-11-22T08:00:00.123Z",
        "lastModifiedDate": "2026-11-22T08:05:00.456Z",
        "orderFulfillmentStatus": "NOT_STARTED",
        "orderPaymentStatus": "PAID",
        "cancelStatus": {"cancelState": "NONE_REQUESTED", "cancelRequests": []},
        "buyer": {"username": "somebody"},
        "lineItems": [
            {
                "lineItemId": "10011",
                "legacyItemId": "154572446665",
                "sku": "00845BK",
                "title": "Bose 201 Series IV",
                "quantity": 2,
                "lineItemCost": {"currency": "USD", "value": "99.98"},
            }
        ],
    } | changes


def make_platform() -> Platform:
    platform = Platform()
    platform.on("POST", "/token", (200, {"access_token": "t1", "expires_in": 7200}))
    return platform


def test_order_is_read_without_its_buyer() -> None:
    read = order_of(order())
    assert read is not None
    assert (read.external_order_id, read.paid, read.cancelled) == ("12-09876-54321", True, False)
    assert read.modified_at == datetime(2026, 11, 22, 8, 5, 0, 456000, UTC)
    assert read.platform_status == "PAID NOT_STARTED"
    (line,) = read.lines
    assert (line.line_id, line.platform_sku, line.quantity) == ("10011", "00845BK", 2)
    assert line.unit_price == Decimal("49.99")
    assert "somebody" not in repr(read)


def test_line_of_a_listing_without_a_sku_is_known_by_its_item_id() -> None:
    bare = {"lineItemId": "1", "legacyItemId": "154572446665", "quantity": 1}
    read = order_of(order(lineItems=[bare]))
    assert read is not None
    assert read.lines[0].platform_sku == "154572446665"


@pytest.mark.parametrize(
    ("changes", "paid", "cancelled"),
    [
        ({"orderPaymentStatus": "PENDING"}, False, False),
        ({"orderPaymentStatus": "FAILED"}, False, False),
        ({"orderPaymentStatus": "PARTIALLY_REFUNDED"}, True, False),
        ({"orderPaymentStatus": "FULLY_REFUNDED"}, True, True),
        ({"orderPaymentStatus": "FULLY_REFUNDED", "orderFulfillmentStatus": "FULFILLED"}, True, False),
        ({"cancelStatus": {"cancelState": "CANCELED"}}, True, True),
        ({"cancelStatus": {"cancelState": "IN_PROGRESS"}}, True, False),
        ({"cancelStatus": {"cancelState": "SOMETHING_NEW"}, "orderPaymentStatus": "NEW_TOO"}, False, False),
    ],
)
def test_states_mean(changes: dict[str, Any], paid: bool, cancelled: bool) -> None:
    read = order_of(order(**changes))
    assert read is not None
    assert (read.paid, read.cancelled) == (paid, cancelled)


@pytest.mark.parametrize(
    ("changes", "payment", "cancelled"),
    [
        ({"refunds": [{"amount": {"value": "99.98"}}]}, "PARTIALLY_REFUNDED", True),
        ({"refunds": [{"amount": {"value": "49.98"}}, {"amount": {"value": "50.00"}}]}, "PARTIALLY_REFUNDED", True),
        # A discount for what is still sent.
        ({"refunds": [{"amount": {"value": "10.00"}}]}, "PARTIALLY_REFUNDED", False),
        ({"refunds": [{"amount": {"value": "80.00"}}], "discountedLineItemCost": {"value": "80.00"}}, "PAID", True),
        ({"refunds": [{"amount": {"value": "99.98"}}], "lineItemFulfillmentStatus": "FULFILLED"}, "PAID", False),
        ({"refunds": [{"amount": {"value": "99.98"}}], "lineItemFulfillmentStatus": "IN_PROGRESS"}, "PAID", False),
        ({"refunds": []}, "FULLY_REFUNDED", True),
        ({"refunds": []}, "PAID", False),
        ({"refunds": "none", "lineItemCost": None}, "PAID", False),
        ({"refunds": [{}, {"amount": {"value": "much"}}]}, "PAID", False),
    ],
)
def test_line_whose_price_was_given_back_before_it_was_sent_is_cancelled(
    changes: dict[str, Any], payment: str, cancelled: bool
) -> None:
    (line,) = order()["lineItems"]
    line = {**line, "lineItemFulfillmentStatus": "NOT_STARTED", **changes}
    read = order_of(order(orderPaymentStatus=payment, orderFulfillmentStatus="IN_PROGRESS", lineItems=[line]))
    assert read is not None
    assert ([each.cancelled for each in read.lines], read.cancelled) == ([cancelled], False)


@pytest.mark.parametrize("body", [None, [], {}, {"orderId": ""}])
def test_what_is_no_order_is_none(body: Any) -> None:
    assert order_of(body) is None


async def test_window_is_paged_to_its_end_with_a_fixed_bound() -> None:
    platform = make_platform()

    def page(call: Call) -> httpx2.Response:
        offset = int(call.query["offset"])
        found = [order(f"order-{number}") for number in range(offset, min(offset + 200, 250))]
        return httpx2.Response(200, json={"total": 250, "limit": 200, "offset": offset, "orders": found})

    platform.on("GET", ORDERS, page)
    channel = EbayChannel(ebay_account(), transport=platform.transport)
    first = await channel.orders_since("")
    assert (len(first.orders), first.more) == (200, True)
    second = await channel.orders_since(first.cursor)
    assert (len(second.orders), second.more) == (50, False)
    asked = [call.query for call in platform.seen("GET", ORDERS)]
    assert asked[0]["filter"] == asked[1]["filter"]
    assert (asked[0]["limit"], asked[1]["offset"]) == ("200", "200")


async def test_next_window_begins_before_the_end_of_the_last() -> None:
    platform = make_platform()
    platform.on("GET", ORDERS, (200, {"total": 0, "orders": []}))
    channel = EbayChannel(ebay_account(), transport=platform.transport)
    page = await channel.orders_since("2026-11-22T08:00:00.000+00:00")
    assert not page.more
    bounds = platform.seen("GET", ORDERS)[0].query["filter"]
    assert bounds.startswith("lastmodifieddate:[2026-11-22T07:55:00.000Z..")


async def test_brackets_of_the_filter_are_percent_encoded() -> None:
    raw: list[bytes] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        raw.append(request.url.raw_path)
        body = {"access_token": "t1", "expires_in": 7200} if request.method == "POST" else {"total": 0, "orders": []}
        return httpx2.Response(200, json=body)

    await EbayChannel(ebay_account(), transport=httpx2.MockTransport(answer)).orders_since("")
    assert b"%5B" in raw[-1]
    assert b"%5D" in raw[-1]
    assert not set(b"[]{}|") & set(raw[-1])


async def test_clock_that_runs_ahead_asks_again_with_an_earlier_end() -> None:
    platform = make_platform()
    future = {"errors": [{"errorId": 30850, "category": "REQUEST", "message": "dates can't be in the future"}]}
    platform.on("GET", ORDERS, (400, future), (200, {"total": 0, "orders": []}))
    await EbayChannel(ebay_account(), transport=platform.transport).orders_since("")
    first, second = (call.query["filter"].rpartition("..")[2] for call in platform.seen("GET", ORDERS))
    assert second < first


async def test_unknown_order_is_none_and_trouble_is_an_error() -> None:
    platform = make_platform()
    platform.on("GET", f"{ORDERS}/1-2", (404, {"errors": [{"errorId": 32100, "category": "REQUEST"}]}))
    platform.on("GET", f"{ORDERS}/3-4", (500, {"errors": [{"errorId": 30500, "category": "APPLICATION"}]}))
    platform.on("GET", f"{ORDERS}/5-6", (200, order("5-6")))
    channel = EbayChannel(ebay_account(), transport=platform.transport)
    assert await channel.get_order("1-2") is None
    found = await channel.get_order("5-6")
    assert found is not None
    with pytest.raises(ChannelError):
        await channel.get_order("3-4")
