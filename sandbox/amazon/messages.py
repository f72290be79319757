"""Notifications as Amazon writes them. ORDER_CHANGE and the listings types write names in capitals, feeds in camel case."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.amazon.reading import MARKETPLACE_ID
from sandbox.amazon.state import DEFAULT_CHANNEL, Feed, Listing, Order
from sandbox.amazon.tokens import SELLER_ID
from sandbox.clock import iso_from_seconds
from sandbox.wire import Json

ORDER_CHANGE = "ORDER_CHANGE"
FEED_FINISHED = "FEED_PROCESSING_FINISHED"
QUANTITY_CHANGE = "LISTINGS_ITEM_MFN_QUANTITY_CHANGE"
ISSUES_CHANGE = "LISTINGS_ITEM_ISSUES_CHANGE"
TYPES = (ORDER_CHANGE, FEED_FINISHED, QUANTITY_CHANGE, ISSUES_CHANGE)
_APPLICATION_ID = "amzn1.sellerapps.app.sandbox"
_FEED_VERSION = "2020-09-04"
_OLD_STATUSES = {
    "PENDING": "Pending",
    "UNSHIPPED": "Unshipped",
    "PARTIALLY_SHIPPED": "PartiallyShipped",
    "SHIPPED": "Shipped",
    "CANCELLED": "Canceled",
}


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who gets a notification, when it happened, and under which id it goes out."""

    subscription_id: str
    event_at: float
    published_at: float
    notification_id: str
    seller_id: str = SELLER_ID


Writer = Callable[[Envelope], Json]


def new_id() -> str:
    """An id of a notification."""
    return str(uuid.uuid4())


def order_change(order: Order) -> Writer:
    """An order was placed, paid, shipped or cancelled."""
    summary = _order_summary(order)

    def write(envelope: Envelope) -> Json:
        change = {
            "NotificationLevel": "OrderLevel",
            "SellerId": envelope.seller_id,
            "AmazonOrderId": order.order_id,
            "OrderChangeType": "OrderStatusChange",
            "OrderChangeTrigger": {
                "TimeOfOrderChange": iso_from_seconds(envelope.event_at),
                "ChangeReason": "Order Status Change",
            },
            "Summary": summary,
        }
        return _in_capitals(ORDER_CHANGE, envelope, {"OrderChangeNotification": change})

    return write


def feed_finished(feed: Feed) -> Writer:
    """A feed was worked through, aborted or cancelled."""

    def write(envelope: Envelope) -> Json:
        told = {
            "sellerId": envelope.seller_id,
            "accountId": f"amzn1.merchant.o.{envelope.seller_id}",
            "feedId": feed.feed_id,
            "feedType": feed.feed_type,
            "processingStatus": feed.status,
        }
        if feed.result_document_id:
            told["resultFeedDocumentId"] = feed.result_document_id
        return {
            "notificationVersion": _FEED_VERSION,
            "notificationType": FEED_FINISHED,
            "payloadVersion": _FEED_VERSION,
            "eventTime": iso_from_seconds(envelope.event_at),
            "payload": {"feedProcessingFinishedNotification": told},
            "notificationMetadata": {
                "applicationId": _APPLICATION_ID,
                "subscriptionId": envelope.subscription_id,
                "publishTime": iso_from_seconds(envelope.published_at),
                "notificationId": envelope.notification_id,
            },
        }

    return write


def quantity_change(listing: Listing) -> Writer:
    """The quantity that the seller ships himself has changed, whoever changed it."""
    sku, quantity = listing.sku, listing.quantity or 0

    def write(envelope: Envelope) -> Json:
        payload = {
            "SellerId": envelope.seller_id,
            "FulfillmentChannelCode": DEFAULT_CHANNEL,
            "Sku": sku,
            "Quantity": quantity,
        }
        return _in_capitals(QUANTITY_CHANGE, envelope, payload)

    return write


def issues_change(listing: Listing) -> Writer:
    """The issues of a listing have changed."""
    severities = sorted({issue["severity"] for issue in listing.issues})

    def write(envelope: Envelope) -> Json:
        payload = {
            "SellerId": envelope.seller_id,
            "MarketplaceId": MARKETPLACE_ID,
            "Asin": listing.asin,
            "Sku": listing.sku,
            "Severities": severities,
            "EnforcementActions": ["LISTING_SUPPRESSED"] if listing.suppressed else [],
        }
        return _in_capitals(ISSUES_CHANGE, envelope, payload)

    return write


def _in_capitals(notification_type: str, envelope: Envelope, payload: Json) -> Json:
    return {
        "NotificationVersion": "1.0",
        "NotificationType": notification_type,
        "PayloadVersion": "1.0",
        "EventTime": iso_from_seconds(envelope.event_at),
        "Payload": payload,
        "NotificationMetadata": {
            "ApplicationId": _APPLICATION_ID,
            "SubscriptionId": envelope.subscription_id,
            "PublishTime": iso_from_seconds(envelope.published_at),
            "NotificationId": envelope.notification_id,
        },
    }


def _order_summary(order: Order) -> Json:
    shipped = sum(line["shipped"] for line in order.lines)
    return {
        "MarketplaceId": MARKETPLACE_ID,
        "OrderStatus": _OLD_STATUSES[order.status],
        "PurchaseDate": iso_from_seconds(order.created_at),
        "DestinationPostalCode": "78701",
        "FulfillmentType": "MFN",
        "OrderType": "StandardOrder",
        "NumberOfItemsShipped": shipped,
        "NumberOfItemsUnshipped": sum(line["quantity"] for line in order.lines) - shipped,
        "OrderPrograms": [],
        "ShippingPrograms": [],
        "OrderItems": [
            {
                "OrderItemId": line["order_item_id"],
                "SellerSKU": line["sku"],
                "SupplySourceId": None,
                "OrderItemStatus": "Shipped" if line["shipped"] >= line["quantity"] else "Unshipped",
                "Quantity": line["quantity"],
                "QuantityShipped": line["shipped"],
            }
            for line in order.lines
        ],
    }
