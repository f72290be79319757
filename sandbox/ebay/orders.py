"""Orders as eBay tells them: what a sale creates, the order document, payment, cancellation and shipping.

A sale lowers the item's total and the offer's own quantity; a cancellation does not give them back.
"""

from __future__ import annotations

import copy
from decimal import Decimal

from sandbox.clock import iso_from_seconds
from sandbox.ebay.errors import refuse
from sandbox.ebay.state import Offer, Order, Seller, item_quantity, set_item_quantity, shown_quantity, title_of
from sandbox.ebay.store import MARKETPLACE_ID, Store
from sandbox.wire import Json
from sandbox.world import CannotBuy, CannotRefund, Purchase


def place_order(store: Store, purchase: Purchase) -> Order:
    """A buyer takes what the listings show, all lines or none. Raises CannotBuy."""
    seller = store.sellers[purchase.account]
    taken = [(_sellable(seller, sku, quantity), quantity) for sku, quantity in purchase.lines]
    now = store.world.clock.seconds()
    order = Order(
        order_id=_order_id(store.world.keeper.next_id("ebay.order", 0)),
        seller=seller.name,
        buyer=f"buyer-{int(now) % 1000:03d}",
        created_at=now,
        modified_at=now,
        paid=purchase.paid,
        lines=[],
    )
    for offer, quantity in taken:
        order.lines.append(_line(store, seller, offer, quantity))
        _take(store, seller, offer, quantity)
    store.keep_order(seller, order)
    return order


def cancel_order(store: Store, seller: Seller, order: Order) -> None:
    """The buyer's cancellation is granted; a repeat changes nothing."""
    if order.cancelled_at is None:
        order.cancelled_at = order.modified_at = store.world.clock.seconds()
        store.keep_order(seller, order)


def pay_order(store: Store, seller: Seller, order: Order) -> None:
    """Payment arrives; a repeat changes nothing."""
    if not order.paid:
        order.paid, order.modified_at = True, store.world.clock.seconds()
        store.keep_order(seller, order)


def refund_lines(store: Store, seller: Seller, order: Order, sku: str) -> None:
    """The seller gives back the price of the lines of a SKU, of all when it is empty. Raises CannotRefund."""
    wanted = [line for line in order.lines if sku in {"", line["sku"]} and "refund" not in line]
    if not wanted or not order.paid or order.cancelled_at is not None:
        raise CannotRefund("nothing of that was paid, or it was given back already")
    now = store.world.clock.seconds()
    for line in wanted:
        line["refund"] = {
            "refundId": str(store.world.keeper.next_id("ebay.refund", 5_000_000_001)),
            "amount": _line_cost(line),
            "refundDate": iso_from_seconds(now),
        }
    order.modified_at = now
    store.keep_order(seller, order)


def ship(store: Store, seller: Seller, order: Order, body: Json) -> Json:
    """Adds a package, every time anew: a repeat makes another. Raises Refused."""
    carrier, tracking = body.get("shippingCarrierCode"), body.get("trackingNumber")
    if bool(carrier) != bool(tracking):
        raise refuse(400, 32300, "Invalid shipment tracking number or carrier")
    if order.cancelled_at is not None:
        raise refuse(409, 32600, "Invalid input data. The order is cancelled.")
    shipped = _shipped_lines(order, body.get("lineItems"))
    now = store.world.clock.seconds()
    fulfillment: Json = {
        "fulfillmentId": str(store.world.keeper.next_id("ebay.fulfillment", 9_405_509_699_937)),
        "lineItems": [{"lineItemId": line["lineItemId"], "quantity": quantity} for line, quantity in shipped],
        "shippedDate": str(body.get("shippedDate") or iso_from_seconds(now)),
    }
    if carrier:
        fulfillment |= {"shippingCarrierCode": carrier, "shipmentTrackingNumber": tracking}
    for line, quantity in shipped:
        line["shipped"] = min(line["quantity"], line["shipped"] + quantity)
    order.fulfillments.append(fulfillment)
    order.modified_at = now
    store.keep_order(seller, order)
    return fulfillment


def order_document(order: Order, *, alone: bool) -> Json:
    """The order as the Fulfillment API gives it; only a single read tells the cancel requests."""
    total = _amount(sum((Decimal(line["price"]) * line["quantity"] for line in order.lines), Decimal()), order)
    return {
        "orderId": order.order_id,
        "creationDate": iso_from_seconds(order.created_at),
        "lastModifiedDate": iso_from_seconds(order.modified_at),
        "orderFulfillmentStatus": order.fulfillment_status,
        "orderPaymentStatus": payment_status(order),
        "sellerId": order.seller.lower(),
        "buyer": {"username": order.buyer},
        "pricingSummary": {"priceSubtotal": total, "deliveryCost": _amount(Decimal(), order), "total": total},
        "cancelStatus": _cancel_status(order, alone=alone),
        "paymentSummary": {"totalDueSeller": total, "refunds": [], "payments": _payments(order, total)},
        "fulfillmentStartInstructions": [_instructions(order)],
        "fulfillmentHrefs": [fulfillment_path(order, entry) for entry in order.fulfillments],
        "lineItems": [_line_document(line) for line in order.lines],
        "salesRecordReference": order.order_id.replace("-", "")[-6:],
        "totalFeeBasisAmount": total,
    }


def payment_status(order: Order) -> str:
    """OrderPaymentStatusEnum: a paid order that was cancelled is refunded in full."""
    if not order.paid:
        return "PENDING"
    refunded = sum("refund" in line for line in order.lines)
    if order.cancelled_at is not None or refunded == len(order.lines):
        return "FULLY_REFUNDED"
    return "PARTIALLY_REFUNDED" if refunded else "PAID"


def fulfillment_path(order: Order, fulfillment: Json) -> str:
    """Where a package can be read."""
    fulfillment_id = fulfillment["fulfillmentId"]
    return f"/sell/fulfillment/v1/order/{order.order_id}/shipping_fulfillment/{fulfillment_id}"


def _sellable(seller: Seller, sku: str, quantity: int) -> Offer:
    offer = next((offer for offer in seller.offers_of(sku) if offer.published), None)
    if offer is None:
        raise CannotBuy(sku, None)
    shown = shown_quantity(offer, seller.items.get(sku))
    if quantity > shown:
        raise CannotBuy(sku, shown)
    return offer


def _take(store: Store, seller: Seller, offer: Offer, quantity: int) -> None:
    item = seller.items[offer.sku]
    set_item_quantity(item, max(0, (item_quantity(item) or 0) - quantity))
    if offer.available is not None:
        offer.fields["availableQuantity"] = max(0, offer.available - quantity)
    offer.sold += quantity
    store.keep_item(seller, offer.sku)
    store.keep_offer(seller, offer)


def _line(store: Store, seller: Seller, offer: Offer, quantity: int) -> Json:
    return {
        "lineItemId": str(store.world.keeper.next_id("ebay.line", 10_084_000_000_001)),
        "sku": offer.sku,
        "listingId": offer.listing_id,
        "title": title_of(seller.items.get(offer.sku)),
        "quantity": quantity,
        "shipped": 0,
        "price": str(offer.price.get("value", "0")),
        "currency": str(offer.price.get("currency", "USD")),
    }


def _shipped_lines(order: Order, wanted: object) -> list[tuple[Json, int]]:
    lines = {line["lineItemId"]: line for line in order.lines}
    if not wanted:
        return [(line, line["quantity"] - line["shipped"]) for line in order.lines]
    if not isinstance(wanted, list) or not all(isinstance(entry, dict) for entry in wanted):
        raise refuse(400, 32600, "Invalid input data")
    ids = [str(entry.get("lineItemId")) for entry in wanted]
    if len(set(ids)) < len(ids):
        raise refuse(400, 32210, "Duplicate line item in the request")
    unknown = next((line_id for line_id in ids if line_id not in lines), None)
    if unknown is not None:
        raise refuse(400, 32200, f"Invalid line item id: {unknown}")
    return [
        (lines[line_id], int(entry.get("quantity") or lines[line_id]["quantity"]))
        for line_id, entry in zip(ids, wanted, strict=True)
    ]


def _order_id(number: int) -> str:
    return f"{10 + number // 10**10 % 90:02d}-{number // 10**5 % 10**5:05d}-{number % 10**5:05d}"


def _amount(value: Decimal, order: Order) -> Json:
    currency = order.lines[0]["currency"] if order.lines else "USD"
    return {"value": str(value), "currency": currency}


def _cancel_status(order: Order, *, alone: bool) -> Json:
    if order.cancelled_at is None:
        return {"cancelState": "NONE_REQUESTED", "cancelRequests": []}
    at = iso_from_seconds(order.cancelled_at)
    request = {
        "cancelRequestId": order.order_id.replace("-", ""),
        "cancelRequestState": "COMPLETED",
        "cancelInitiator": "Buyer",
        "cancelReason": "BUYER_ASKED_CANCEL",
        "cancelRequestedDate": at,
        "cancelCompletedDate": at,
    }
    return {"cancelState": "CANCELED", "cancelledDate": at, "cancelRequests": [request] if alone else []}


def _payments(order: Order, total: Json) -> list[Json]:
    status = "PAID" if order.paid else "PENDING"
    payment = {"paymentMethod": "EBAY", "paymentStatus": status, "amount": copy.copy(total)}
    if order.paid:
        payment["paymentDate"] = iso_from_seconds(order.created_at)
    return [payment]


def _instructions(order: Order) -> Json:
    address = {"addressLine1": "1 Example St", "city": "Austin", "stateOrProvince": "TX", "postalCode": "78701"}
    ship_to = {"fullName": order.buyer, "contactAddress": {**address, "countryCode": "US"}}
    step = {"shipTo": ship_to, "shippingCarrierCode": "USPS", "shippingServiceCode": "USPSPriority"}
    return {"fulfillmentInstructionsType": "SHIP_TO", "ebaySupportedFulfillment": False, "shippingStep": step}


def _line_cost(line: Json) -> Json:
    return {"value": str(Decimal(line["price"]) * line["quantity"]), "currency": line["currency"]}


def _line_document(line: Json) -> Json:
    cost = _line_cost(line)
    status = {0: "NOT_STARTED", line["quantity"]: "FULFILLED"}.get(line["shipped"], "IN_PROGRESS")
    return {
        "lineItemId": line["lineItemId"],
        "legacyItemId": line["listingId"],
        "sku": line["sku"],
        "title": line["title"],
        "quantity": line["quantity"],
        "soldFormat": "FIXED_PRICE",
        "lineItemCost": cost,
        "total": cost,
        "lineItemFulfillmentStatus": status,
        "listingMarketplaceId": MARKETPLACE_ID,
        "purchaseMarketplaceId": MARKETPLACE_ID,
        "refunds": [line["refund"]] if "refund" in line else [],
        "appliedPromotions": [],
    }
