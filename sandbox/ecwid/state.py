"""What the Ecwid store holds: products with their variations, and orders.

A product is the document the application sent, with ids and times; a variation without its own SKU lives off its product.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sandbox.wire import Json

UNLIMITED_SHOWN = 999_999


@dataclass(slots=True)
class Product:
    """One product; `fields` hold name, price, sku, quantity and whatever else was sent."""

    product_id: int
    fields: Json
    created_at: float
    updated_at: float
    combinations: list[Json] = field(default_factory=list)

    @property
    def sku(self) -> str:
        """The base product's SKU."""
        return str(self.fields["sku"])

    @property
    def enabled(self) -> bool:
        """Whether buyers can see it."""
        return self.fields.get("enabled") is not False

    def combination(self, combination_id: int) -> Json | None:
        """A variation by id."""
        return next((entry for entry in self.combinations if entry["id"] == combination_id), None)

    def skus(self) -> Iterator[tuple[str, Json | None]]:
        """Every SKU of the product with its variation, None for the base product."""
        yield self.sku, None
        for combination in self.combinations:
            if combination.get("sku"):
                yield str(combination["sku"]), combination


@dataclass(slots=True)
class Order:
    """One order; `items` are the documents of its lines."""

    order_id: str
    number: int
    created_at: float
    updated_at: float
    items: list[Json]
    payment_status: str
    fulfillment_status: str = "AWAITING_PROCESSING"
    tracking_number: str = ""
    email: str = "buyer@example.com"
    restocked: bool = False


def stock_of(product: Product, combination: Json | None = None) -> int | None:
    """Units in stock, None when unlimited. A variation without a quantity has its product's."""
    holder = product.fields
    if combination is not None and ("quantity" in combination or combination.get("unlimited")):
        holder = combination
    if holder.get("unlimited") or "quantity" not in holder:
        return None
    return int(holder["quantity"])


def shown_quantity(product: Product, combination: Json | None = None) -> int:
    """What the shop lets a buyer take."""
    if not product.enabled:
        return 0
    stock = stock_of(product, combination)
    return UNLIMITED_SHOWN if stock is None else max(0, stock)


def lower_stock(product: Product, combination: Json | None, quantity: int) -> int | None:
    """Takes units off the stock that the SKU lives off; the stock that is left, None when unlimited."""
    stock = stock_of(product, combination)
    if stock is None:
        return None
    holder = combination if combination is not None and "quantity" in combination else product.fields
    holder["quantity"] = stock - quantity
    return stock - quantity


def product_document(product: Product) -> Json:
    """The product as the API gives it: an unlimited one has no quantity."""
    stock = stock_of(product)
    fields = {name: value for name, value in product.fields.items() if name not in {"quantity", "unlimited"}}
    document = {
        **fields,
        "id": product.product_id,
        "unlimited": stock is None,
        "inStock": stock is None or stock > 0,
        "enabled": product.enabled,
        "created": _date(product.created_at),
        "updated": _date(product.updated_at),
        "createTimestamp": int(product.created_at),
        "updateTimestamp": int(product.updated_at),
        "combinations": [combination_document(product, entry) for entry in product.combinations],
    }
    if stock is not None:
        document["quantity"] = stock
    return document


def combination_document(product: Product, combination: Json) -> Json:
    """A variation as the API gives it."""
    stock = stock_of(product, combination)
    return {**combination, "unlimited": stock is None, "inStock": stock is None or stock > 0}


def order_document(order: Order) -> Json:
    """The order as the API gives it."""
    subtotal = round(sum(item["price"] * item["quantity"] for item in order.items), 2)
    document: Json = {
        "id": order.order_id,
        "internalId": order.number,
        "orderNumber": order.number,
        "vendorOrderNumber": order.order_id,
        "publicUid": order.order_id,
        "email": order.email,
        "subtotal": subtotal,
        "total": subtotal,
        "usdTotal": subtotal,
        "tax": 0,
        "paymentMethod": "Sandbox payment",
        "paymentStatus": order.payment_status,
        "fulfillmentStatus": order.fulfillment_status,
        "createDate": _date(order.created_at),
        "updateDate": _date(order.updated_at),
        "createTimestamp": int(order.created_at),
        "updateTimestamp": int(order.updated_at),
        "items": order.items,
        "shippingPerson": {"name": "Sandbox Buyer", "city": "Austin", "countryCode": "US", "postalCode": "78701"},
    }
    if order.tracking_number:
        document["trackingNumber"] = order.tracking_number
    return document


def as_json(entity: Product | Order) -> Json:
    """The form that is kept."""
    return {item.name: getattr(entity, item.name) for item in dataclasses.fields(entity)}


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S +0000")
