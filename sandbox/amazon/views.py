"""Listings items and orders as the API gives them: only the parts that are asked for."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal

from sandbox.amazon.reading import MARKETPLACE_ID
from sandbox.amazon.state import DEFAULT_CHANNEL, Listing, Order
from sandbox.clock import iso_from_seconds
from sandbox.wire import Json

PARTS = (
    *("summaries", "attributes", "issues", "offers", "fulfillmentAvailability"),
    *("procurement", "relationships", "productTypes"),
)
ORDER_PARTS = (
    *("BUYER", "RECIPIENT", "PROCEEDS", "EXPENSE", "PROMOTION", "CANCELLATION", "FULFILLMENT", "PACKAGES", "TAX"),
    *("PAYMENT", "FULFILLMENT_ORDERS"),
)
_DAY_S = 86_400


def statuses(listing: Listing) -> list[str]:
    """What a buyer can do with it."""
    found = ["BUYABLE"] if listing.shown else []
    return [*found, "DISCOVERABLE"] if listing.title and not listing.suppressed else found


def item_document(listing: Listing, parts: Collection[str]) -> Json:
    """A listings item with some of its parts."""
    whole = {
        "summaries": [_summary(listing)],
        "attributes": listing.attributes,
        "issues": [{**issue, "marketplaceIds": [MARKETPLACE_ID]} for issue in listing.issues],
        "offers": _offers(listing),
        "fulfillmentAvailability": _availability(listing),
        "procurement": [],
        "relationships": [{"marketplaceId": MARKETPLACE_ID, "relationships": []}],
        "productTypes": [{"marketplaceId": MARKETPLACE_ID, "productType": listing.product_type}],
    }
    return {"sku": listing.sku, **{name: whole[name] for name in PARTS if name in parts}}


def order_document(order: Order, parts: Collection[str], *, ordered_stays: bool = False) -> Json:
    """An order with some of its parts. One that is pending tells no price.

    Whether what the seller cancels counts as ordered (`ordered_stays`) is not documented.
    """
    document: Json = {
        "orderId": order.order_id,
        "createdTime": iso_from_seconds(order.created_at),
        "lastUpdatedTime": iso_from_seconds(order.updated_at),
        "salesChannel": {"channelName": "AMAZON", "marketplaceId": MARKETPLACE_ID, "marketplaceName": "Amazon.com"},
        "orderItems": [_line_document(order, line, parts, ordered_stays) for line in order.lines],
    }
    whole = {
        "BUYER": ("buyer", {"buyerEmail": "buyer@marketplace.amazon.example"}),
        "RECIPIENT": ("recipient", {"deliveryAddress": _ADDRESS}),
        "PROCEEDS": ("proceeds", {"grandTotal": _money(_total(order), order)}),
        "FULFILLMENT": ("fulfillment", _fulfillment(order)),
        "PACKAGES": ("packages", [_package_document(package) for package in order.packages]),
    }
    hidden = {"PROCEEDS"} if not order.paid else set()
    document |= dict(whole[name] for name in ORDER_PARTS if name in parts and name in whole and name not in hidden)
    return document


_ADDRESS = {"city": "Austin", "stateOrRegion": "TX", "postalCode": "78701", "countryCode": "US"}


def _summary(listing: Listing) -> Json:
    summary: Json = {
        "marketplaceId": MARKETPLACE_ID,
        "asin": listing.asin,
        "productType": listing.product_type,
        "status": statuses(listing),
        "itemName": listing.title,
        "createdDate": iso_from_seconds(listing.created_at),
        "lastUpdatedDate": iso_from_seconds(listing.updated_at),
    }
    return {**summary, "conditionType": listing.condition} if listing.condition else summary


def _offers(listing: Listing) -> list[Json]:
    if listing.price is None:
        return []
    amount, currency = listing.price
    price = {"currencyCode": currency, "amount": amount}
    audience = {"value": "ALL", "displayName": "Sell on Amazon"}
    return [{"marketplaceId": MARKETPLACE_ID, "offerType": "B2C", "price": price, "audience": audience}]


def _availability(listing: Listing) -> list[Json]:
    found = []
    for entry in listing.attributes.get("fulfillment_availability", []):
        shown: Json = {"fulfillmentChannelCode": entry["fulfillment_channel_code"]}
        if entry["fulfillment_channel_code"] == DEFAULT_CHANNEL and "quantity" in entry:
            shown["quantity"] = entry["quantity"]
        found.append(shown)
    return found


def _line_document(order: Order, line: Json, parts: Collection[str], ordered_stays: bool) -> Json:
    product: Json = {
        "asin": line["asin"],
        "title": line["title"],
        "sellerSku": line["sku"],
        "condition": {"conditionType": "USED"},
    }
    ordered = line["quantity"] + (line.get("cancelled", 0) if ordered_stays else 0)
    document: Json = {"orderItemId": line["order_item_id"], "quantityOrdered": ordered, "product": product}
    if order.paid:
        product["price"] = {"unitPrice": {"amount": line["price"], "currencyCode": line["currency"]}}
    if "PROCEEDS" in parts and order.paid:
        document["proceeds"] = {"proceedsTotal": _money(Decimal(line["price"]) * line["quantity"], order)}
    if "FULFILLMENT" in parts:
        left = 0 if order.cancelled else line["quantity"] - line["shipped"]
        document["fulfillment"] = {"quantityFulfilled": line["shipped"], "quantityUnfulfilled": left}
    execution = _execution(order, line)
    if "CANCELLATION" in parts and execution:
        document["cancellation"] = {"cancellationExecution": execution}
    return document


def _execution(order: Order, line: Json) -> Json | None:
    if order.cancelled and line["quantity"]:
        return {"cancelledBy": "BUYER", "cancelReason": "Order Cancelled by Buyer"}
    return {"cancelledBy": "MERCHANT", "cancelReason": "No inventory"} if line.get("cancelled") else None


def _fulfillment(order: Order) -> Json:
    ship_by = {
        "earliestDateTime": iso_from_seconds(order.created_at),
        "latestDateTime": iso_from_seconds(order.created_at + 2 * _DAY_S),
    }
    return {
        "fulfillmentStatus": order.status,
        "fulfilledBy": "MERCHANT",
        "fulfillmentServiceLevel": "STANDARD",
        "shipByWindow": ship_by,
    }


def _package_document(package: Json) -> Json:
    return {
        "packageReferenceId": package["packageReferenceId"],
        "createdTime": package["createdTime"],
        "packageStatus": {"status": "SHIPPED"},
        "carrier": package["carrier"],
        "shipTime": _in_utc(package["shipDate"]),
        "trackingNumber": package["trackingNumber"],
        "packageItems": package["items"],
    }


def _in_utc(text: str) -> str:
    return iso_from_seconds(datetime.fromisoformat(text).astimezone(UTC).timestamp())


def _total(order: Order) -> Decimal:
    return sum((Decimal(line["price"]) * line["quantity"] for line in order.lines), Decimal())


def _money(value: Decimal, order: Order) -> Json:
    return {"amount": str(value), "currencyCode": order.lines[0]["currency"] if order.lines else "USD"}
