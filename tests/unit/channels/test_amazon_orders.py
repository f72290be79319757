"""Orders of Amazon: searched within a rate that allows one search in three minutes, and read for what they mean to stock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from sync_svc.channels.amazon import orders
from sync_svc.channels.amazon.adapter import AmazonChannel
from sync_svc.channels.base import ChannelError
from sync_svc.channels.windows import Window
from tests.unit.channels.doubles import Call, Platform, amazon_account, reply

ORDERS = "/orders/2026-01-01/orders"
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def order(order_id: str = "902-1", status: str = "UNSHIPPED", **changes: Any) -> dict[str, Any]:
    product = {
        "asin": "B1",
        "title": "Bose 201",
        "sellerSku": "00845BK",
        "price": {"unitPrice": {"amount": "49.99", "currencyCode": "USD"}},
    }
    return {
        "orderId": order_id,
        "createdTime": "2026-11-22T07:00:00Z",
        "lastUpdatedTime": "2026-11-22T07:30:00.123Z",
        "buyer": {"buyerName": "Jane Doe"},
        "fulfillment": {"fulfillmentStatus": status, "fulfilledBy": "MERCHANT"},
        "orderItems": [{"orderItemId": "777", "quantityOrdered": 2, "product": product}],
        **changes,
    }


@pytest.fixture
def amazon() -> Platform:
    platform = Platform()
    platform.on("POST", "/token", (200, {"access_token": "t", "expires_in": 3600}))
    return platform


def channel(platform: Platform) -> AmazonChannel:
    return AmazonChannel(amazon_account(), transport=platform.transport)


@pytest.mark.parametrize(
    ("status", "paid", "cancelled"),
    [
        ("PENDING_AVAILABILITY", False, False),
        ("PENDING", False, False),
        ("UNSHIPPED", True, False),
        ("PARTIALLY_SHIPPED", True, False),
        ("SHIPPED", True, False),
        ("UNFULFILLABLE", True, False),
        ("CANCELLED", False, True),
        ("SOMETHING_NEW", False, False),
    ],
)
def test_statuses(status: str, paid: bool, cancelled: bool) -> None:
    read = orders.order_of(order(status=status))
    assert read is not None
    assert (read.paid, read.cancelled, read.platform_status) == (paid, cancelled, status)


def test_order_tells_lines_and_times_and_nobody() -> None:
    read = orders.order_of(order())
    assert read is not None
    assert "Jane" not in repr(read)
    (line,) = read.lines
    assert (line.line_id, line.platform_sku, line.quantity, line.unit_price) == ("777", "00845BK", 2, Decimal("49.99"))
    assert read.modified_at == datetime(2026, 11, 22, 7, 30, 0, 123000, tzinfo=UTC)


@pytest.mark.parametrize(
    "changes",
    [
        {"quantityOrdered": 0},
        {"quantityOrdered": 1, "cancellation": {"cancellationExecution": {"cancelledBy": "BUYER"}}},
    ],
)
def test_cancelled_line_is_marked(changes: dict[str, Any]) -> None:
    read = orders.order_of(order(orderItems=[{"orderItemId": "1", "product": {}, **changes}]))
    assert read is not None
    assert read.lines[0].cancelled


@pytest.mark.parametrize(
    ("ordered", "fulfillment", "quantity", "cancelled"),
    [
        # Whether the number ordered falls or not, what is left to send does.
        (3, {"quantityFulfilled": 0, "quantityUnfulfilled": 2}, 2, False),
        (2, {"quantityFulfilled": 0, "quantityUnfulfilled": 2}, 2, False),
        (3, {"quantityFulfilled": 1, "quantityUnfulfilled": 1}, 2, False),
        (3, {"quantityFulfilled": 2, "quantityUnfulfilled": 0}, 2, False),
        (3, {"quantityFulfilled": 0, "quantityUnfulfilled": 0}, 1, True),
        (0, {"quantityFulfilled": 0, "quantityUnfulfilled": 0}, 1, True),
        (3, {}, 1, True),
    ],
)
def test_line_cancelled_in_part_is_what_is_left_of_it(
    ordered: int, fulfillment: dict[str, int], quantity: int, cancelled: bool
) -> None:
    execution = {"cancellationExecution": {"cancelledBy": "MERCHANT"}}
    line = {"orderItemId": "1", "product": {}, "quantityOrdered": ordered, "fulfillment": fulfillment}
    read = orders.order_of(order(orderItems=[{**line, "cancellation": execution}]))
    assert read is not None
    assert (read.lines[0].quantity, read.lines[0].cancelled) == (quantity, cancelled)


def test_request_to_cancel_is_no_cancellation() -> None:
    asked = {"orderItemId": "1", "quantityOrdered": 1, "product": {}}
    read = orders.order_of(
        order(orderItems=[{**asked, "cancellation": {"cancellationRequest": {"requester": "BUYER"}}}])
    )
    assert read is not None
    assert not read.lines[0].cancelled


def test_order_from_amazons_own_stock_is_none_of_ours() -> None:
    fulfillment = {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "AMAZON"}
    assert orders.order_of(order(fulfillment=fulfillment)) is None


def test_search_stays_two_minutes_behind() -> None:
    search = orders.open_search((NOW - timedelta(hours=1)).isoformat(), NOW)
    asked = orders.search_parameters(search)
    assert asked["lastUpdatedBefore"] == "2026-11-22T07:57:55.000Z"
    assert asked["lastUpdatedAfter"] == "2026-11-22T06:55:00.000Z"
    assert asked["fulfilledBy"] == "MERCHANT"


async def test_pages_ask_the_same_but_for_the_token(amazon: Platform) -> None:
    first = {"orders": [order("1")], "pagination": {"nextToken": "a/b+c=="}}
    amazon.on("GET", ORDERS, (200, first), (200, {"orders": [order("2")]}))
    hub = channel(amazon)
    page = await hub.orders_since("")
    assert page.more
    last = await hub.orders_since(page.cursor)
    assert not last.more
    one, two = amazon.seen("GET", ORDERS)
    assert two.query.pop("paginationToken") == "a/b+c=="
    assert one.query == two.query
    following = orders.open_search(last.cursor, datetime.now(UTC) + timedelta(hours=1))
    assert orders.search_parameters(following)["lastUpdatedAfter"] < one.query["lastUpdatedBefore"]


async def test_search_that_may_not_be_made_yet_is_no_failure(amazon: Platform) -> None:
    amazon.on("GET", ORDERS, (200, {"orders": []}))
    hub = channel(amazon)
    cursor = ""
    for _ in range(30):
        page = await hub.orders_since(cursor)
        cursor = page.cursor
        assert not page.more
    assert len(amazon.seen("GET", ORDERS)) == 20


async def test_token_that_is_too_old_begins_the_window_again(amazon: Platform) -> None:
    refused = {"errors": [{"code": "InvalidInput", "message": "The token has expired."}]}

    def answer(call: Call) -> httpx2.Response:
        return reply(400, refused) if "paginationToken" in call.query else reply(200, {"orders": [order()]})

    amazon.on("GET", ORDERS, answer)
    cursor = orders.Search(orders.open_search("", NOW).window, "old").cursor
    page = await channel(amazon).orders_since(cursor)
    assert len(page.orders) == 1


async def test_clock_that_is_ahead_reads_the_window_without_its_end(amazon: Platform) -> None:
    refused = {"errors": [{"code": "InvalidInput", "message": "two minutes before now"}]}
    amazon.on("GET", ORDERS, (400, refused), (200, {"orders": []}))
    await channel(amazon).orders_since("")
    one, two = amazon.seen("GET", ORDERS)
    assert two.query["lastUpdatedBefore"] < one.query["lastUpdatedBefore"]


async def test_window_with_nothing_to_leave_out_is_an_error(amazon: Platform) -> None:
    amazon.on("GET", ORDERS, (400, {"errors": [{"code": "InvalidInput", "message": "no"}]}))
    start = datetime.now(UTC) - timedelta(seconds=126)
    window = Window(start, start + timedelta(seconds=1))
    with pytest.raises(ChannelError):
        await channel(amazon).orders_since(orders.Search(window).cursor)


async def test_order_is_read_by_id_with_no_word_about_the_buyer(amazon: Platform) -> None:
    amazon.on("GET", f"{ORDERS}/902-1", (200, {"order": order()}))
    amazon.on("GET", f"{ORDERS}/9", (404, {"errors": [{"code": "NotFound", "message": "?"}]}))
    hub = channel(amazon)
    assert await hub.get_order("902-1") is not None
    assert await hub.get_order("9") is None
    assert amazon.calls[1].query == {"includedData": "FULFILLMENT,CANCELLATION"}
