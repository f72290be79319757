"""Whatever JSON comes back, a connector reads it or says so: no other error leaves it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx2
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_svc.channels.amazon import listings
from sync_svc.channels.amazon.adapter import AmazonChannel
from sync_svc.channels.amazon.notifications import hint_of as amazon_hint_of
from sync_svc.channels.base import (
    TOKEN_HEADER,
    Channel,
    ChannelError,
    HintQueue,
    ListingPhase,
    Outcome,
    WebhookRefused,
)
from sync_svc.channels.ebay import revisions
from sync_svc.channels.ebay.adapter import EbayChannel
from sync_svc.channels.ebay.notifications import hint_of
from sync_svc.channels.ecwid import client, webhooks
from sync_svc.channels.ecwid.adapter import EcwidChannel
from sync_svc.channels.zoho import webhooks as zoho_webhooks
from sync_svc.channels.zoho.adapter import ZohoChannel
from tests.unit.channels.doubles import amazon_account, ebay_account, ecwid_account, parcel, state, zoho_account

# Names the connectors look for, so that random objects get past the first question.
# fmt: off
NAMES = st.sampled_from([
    "access_token", "expires_in", "errors", "errorId", "category", "message", "offers", "offer", "offerId", "status",
    "listing", "listingId", "sku", "responses", "statusCode", "inventoryItem", "availability",
    "shipToLocationAvailability", "quantity", "availableQuantity", "pricingSummary", "price", "value", "product",
    "title", "orders", "orderId", "total", "lineItems", "lineItemId", "lineItemCost", "cancelStatus", "items", "id",
    "name", "combinations", "updateCount", "ticket", "httpStatusCode", "httpBody", "enabled", "paymentStatus",
    "createTimestamp", "metadata", "notification", "data", "topic", "notificationId", "eventId", "eventCreated",
    "storeId", "eventType", "entityId", "order", "destinations", "deliveryConfig", "next",
    "code", "item", "item_id", "rate", "locations", "location_id", "available_stock", "inventory_adjustment",
    "inventory_adjustment_id", "inventory_adjustments", "reference_number", "line_items", "salesorder", "salesorders",
    "salesorder_id", "page_context", "has_more_page", "last_modified_time", "created_time", "organizations",
    "organization_id", "summaries", "asin", "productType", "marketplaceId", "fulfillmentAvailability",
    "fulfillmentChannelCode", "offerType", "amount", "issues", "severity", "attributeNames", "submissionId", "payload",
    "destinationId", "feedId", "feedDocumentId", "url", "processingStatus", "resultFeedDocumentId", "messageId", "feeds",
    "orderItems", "product", "sellerSku", "quantityOrdered", "fulfillment", "fulfillmentStatus", "pagination",
    "inventoryItems", "createdDate", "itemName", "fulfillments", "shipmentTrackingNumber", "shippedDate",
    "lineItemFulfillmentStatus", "packages",
    "packageReferenceId", "packageItems", "orderItemId", "quantityFulfilled", "trackingNumber", "package",
    "package_id", "package_number", "quantity_shipped", "quantity_packed", "line_item_id", "date",
    "nextToken", "Messages", "Body", "ReceiptHandle", "Failed", "__type",
])
# fmt: on
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        [
            *("PUBLISHED", "COMPLETED", "00845BK", "PAID", "1e999", "1e999999999", "", "2026-11-22T08:00:00Z"),
            *("order.created", "draft", "pending_approval", "inactive", "void", "HUB-1-0", "5001", "ACCEPTED"),
            *("INVALID", "ERROR", "DONE", "IN_QUEUE", "FATAL", "DEFAULT", "AMAZON_NA", "ATVPDKIKX0DER", "GZIP"),
            *("https://amazon.test/x", "::", "CANCELLED", "confirmed", "7", "HUB-7", "FULFILLED", "SHIPPED"),
        ]
    )
    | st.text(max_size=8)
)
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
STATUSES = st.sampled_from([200, 200, 200, 201, 204, 207, 302, 400, 401, 404, 409, 429, 500, 503, 504])
# Amazon's word for how often it may be called: nothing here is about waiting.
EASED = {"x-amzn-RateLimit-Limit": "10000"}
ANSWERS = st.lists(st.tuples(STATUSES, DOCUMENTS), min_size=1, max_size=6)


def transport(answers: list[tuple[int, Any]]) -> httpx2.MockTransport:
    """Gives the answers in turn, for ever; a token is always granted, or nothing would be reached."""
    number = 0

    def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal number
        if request.url.path.endswith("/token"):
            return httpx2.Response(200, json={"access_token": "t", "expires_in": 7200})
        status, body = answers[number % len(answers)]
        number += 1
        return httpx2.Response(status, content=json.dumps(body).encode(), headers=EASED)

    return httpx2.MockTransport(answer)


async def exercise(channel: Channel) -> None:
    """Every call a connector has; only its own errors may come."""
    known = {
        "offer_id": "9001",
        "listing_id": "1",
        "product_id": "5001",
        "combination_id": "7",
        "item_id": "5001",
        "product_type": "PRODUCT",
    }
    batch = [
        state(listing_id=1),
        state(listing_id=2, platform_sku="B", external_ids=known, content_changed=False),
        state(listing_id=3, platform_sku="C", external_ids=known, phase=ListingPhase.ENDED),
        state(listing_id=4, platform_sku="D", external_ids={**known, "adjustment": "HUB-4-0", "feed": "501:1:2@49.99"}),
    ]
    results = await channel.push(batch)
    assert sorted(result.listing_id for result in results) == [1, 2, 3, 4]
    assert all(isinstance(result.outcome, Outcome) for result in results)
    reads: list[Callable[[], Awaitable[object]]] = [
        channel.check,
        lambda: channel.read(batch),
        lambda: channel.orders_since(""),
        lambda: channel.get_order("1"),
        lambda: channel.connect_webhooks("https://hub.test/x"),
        lambda: channel.ship(parcel()),
        lambda: channel.live_listings(""),
        lambda: channel.live_listings("1"),
    ]
    if isinstance(channel, HintQueue):
        queue = channel
        reads.append(lambda: receive_and_settle(queue))
    for read in reads:
        with suppress(ChannelError):
            await read()
    await channel.aclose()


async def receive_and_settle(queue: HintQueue) -> None:
    await queue.settle_hints(await queue.receive_hints())


@settings(max_examples=150, deadline=None)
@given(ANSWERS)
def test_ebay_takes_any_answer(answers: list[tuple[int, Any]]) -> None:
    usual, revisions._BUSY_DELAYS_S = revisions._BUSY_DELAYS_S, (0.0, 0.0, 0.0)
    try:
        asyncio.run(exercise(EbayChannel(ebay_account(), transport=transport(answers))))
    finally:
        revisions._BUSY_DELAYS_S = usual


@settings(max_examples=150, deadline=None)
@given(ANSWERS, st.booleans())
def test_ecwid_takes_any_answer(answers: list[tuple[int, Any]], in_batches: bool) -> None:
    usual = client._poll_delays, client._DIRECT_MAX, client._PLENTY_LEFT
    client._poll_delays = lambda size: iter([0.0] * 3)
    client._PLENTY_LEFT = 2.0 if in_batches else 0.0
    try:
        asyncio.run(exercise(EcwidChannel(ecwid_account(), transport=transport(answers))))
    finally:
        client._poll_delays, client._DIRECT_MAX, client._PLENTY_LEFT = usual


@settings(max_examples=150, deadline=None)
@given(ANSWERS)
def test_zoho_takes_any_answer(answers: list[tuple[int, Any]]) -> None:
    asyncio.run(exercise(ZohoChannel(zoho_account(requests_per_minute=0), transport=transport(answers))))


@settings(max_examples=150, deadline=None)
@given(ANSWERS, st.booleans())
def test_amazon_takes_any_answer(answers: list[tuple[int, Any]], in_feeds: bool) -> None:
    usual = listings._CONFIRM_AFTER_S, listings._MOST_SINGLE
    listings._CONFIRM_AFTER_S, listings._MOST_SINGLE = (0.0, 0.0, 0.0), 0 if in_feeds else 60
    queue = {"queue_url": "https://amazon.test/queue", "queue_arn": "arn:x", "product_type": "PRODUCT"}
    account = amazon_account(**queue, send_content=True, delete_ended=in_feeds)
    try:
        asyncio.run(exercise(AmazonChannel(account, transport=transport(answers))))
    finally:
        listings._CONFIRM_AFTER_S, listings._MOST_SINGLE = usual


@given(DOCUMENTS)
def test_any_message_of_a_queue_is_read(document: Any) -> None:
    assert amazon_hint_of(json.dumps(document), "A1SELLER").event_id


@given(DOCUMENTS)
def test_any_notification_is_read_or_refused(document: Any) -> None:
    body = json.dumps(document).encode()
    with suppress(WebhookRefused):
        hint_of(body)
    with suppress(WebhookRefused):
        webhooks.hints_of({}, body, client_secret="s", store_id="1", now=0.0)
    with suppress(WebhookRefused):
        zoho_webhooks.hints_of({TOKEN_HEADER: "t"}, body, {"token": "t"}, now=0.0)
