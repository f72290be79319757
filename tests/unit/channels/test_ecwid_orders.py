"""Ecwid's orders: the window asked for, what is read, and what its states mean."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from sync_svc.channels.ecwid.adapter import EcwidChannel
from sync_svc.channels.ecwid.orders import order_of
from tests.unit.channels.doubles import Call, Platform, ecwid_account

ORDERS = "/api/v3/4870020/orders"


def order(order_id: str = "XJ12H", **changes: Any) -> dict[str, Any]:
    return {
        "id": order_id,
        "internalId": 77001,
        "email": "somebody@example.test",
        "paymentStatus": "PAID",
        "fulfillmentStatus": "AWAITING_PROCESSING",
        "createTimestamp": 1795334400,
        "updateTimestamp": 1795334700,
        "items": [
            {"id": 140273658, "productId": 5001, "sku": "00845BK", "name": "Bose 201", "quantity": 2, "price": 49.99}
        ],
    } | changes


def test_order_is_read_without_its_buyer() -> None:
    read = order_of(order())
    assert read is not None
    assert (read.external_order_id, read.paid, read.cancelled) == ("XJ12H", True, False)
    assert read.placed_at == datetime.fromtimestamp(1795334400, UTC)
    (line,) = read.lines
    assert (line.line_id, line.platform_sku, line.quantity) == ("140273658", "00845BK", 2)
    assert line.unit_price == Decimal("49.99")
    assert "somebody" not in repr(read)


@pytest.mark.parametrize(
    ("payment", "fulfillment", "paid", "cancelled"),
    [
        ("AWAITING_PAYMENT", "AWAITING_PROCESSING", False, False),
        ("CANCELLED", "AWAITING_PROCESSING", False, True),
        ("REFUNDED", "PROCESSING", True, True),
        ("REFUNDED", "DELIVERED", True, False),
        ("PARTIALLY_REFUNDED", "PROCESSING", True, False),
        ("PAID", "WILL_NOT_DELIVER", True, True),
        ("PAID", "RETURNED", True, False),
        ("SOMETHING_NEW", "CUSTOM_FULFILLMENT_STATUS_1", False, False),
    ],
)
def test_states_mean(payment: str, fulfillment: str, paid: bool, cancelled: bool) -> None:
    read = order_of(order(paymentStatus=payment, fulfillmentStatus=fulfillment))
    assert read is not None
    assert (read.paid, read.cancelled) == (paid, cancelled)
    assert read.platform_status == f"{payment} {fulfillment}"


def test_abandoned_cart_is_no_order() -> None:
    assert order_of(order(paymentStatus="INCOMPLETE")) is None


def test_older_stores_number_and_dates_are_read() -> None:
    old = order(createDate="2018-05-31 15:08:36 +0000", updateDate="2018-05-31 15:09:35 +0000")
    for name in ("id", "createTimestamp", "updateTimestamp"):
        del old[name]
    read = order_of(old | {"orderNumber": 1028})
    assert read is not None
    assert read.external_order_id == "1028"
    assert read.modified_at == datetime(2018, 5, 31, 15, 9, 35, tzinfo=UTC)


@pytest.mark.parametrize("body", [None, [], {}, {"items": "x"}])
def test_what_is_no_order_is_none(body: Any) -> None:
    assert order_of(body) is None


async def test_window_is_paged_to_its_end_without_abandoned_carts() -> None:
    platform = Platform()

    def page(call: Call) -> httpx2.Response:
        offset = int(call.query["offset"])
        found = [
            order(f"O{number}", paymentStatus="INCOMPLETE" if number % 10 == 0 else "PAID")
            for number in range(offset, min(offset + 100, 130))
        ]
        return httpx2.Response(200, json={"total": 130, "count": len(found), "offset": offset, "items": found})

    platform.on("GET", ORDERS, page)
    channel = EcwidChannel(ecwid_account(), transport=platform.transport)
    first = await channel.orders_since("")
    second = await channel.orders_since(first.cursor)
    assert (len(first.orders), first.more) == (90, True)
    assert (len(second.orders), second.more) == (27, False)
    asked = [call.query for call in platform.calls]
    assert asked[0]["updatedTo"] == asked[1]["updatedTo"]
    assert asked[0]["limit"] == "100"


async def test_next_window_overlaps_and_rounds_outward() -> None:
    platform = Platform()
    platform.on("GET", ORDERS, (200, {"total": 0, "items": []}))
    await EcwidChannel(ecwid_account(), transport=platform.transport).orders_since("2026-11-22T08:00:00.900+00:00")
    start = datetime(2026, 11, 22, 7, 55, tzinfo=UTC).timestamp()
    assert platform.calls[0].query["updatedFrom"] == str(int(start))


async def test_unknown_order_is_none() -> None:
    platform = Platform()
    platform.on("GET", f"{ORDERS}/NOPE", (404, "Not Found"))
    platform.on("GET", f"{ORDERS}/XJ12H", (200, order()))
    channel = EcwidChannel(ecwid_account(), transport=platform.transport)
    assert await channel.get_order("NOPE") is None
    assert await channel.get_order("XJ12H") is not None
