"""What eBay holds for a seller: locations, inventory items, offers and their listings, orders.

Items and offers are kept as the documents the seller sent, because eBay replaces them whole.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from sandbox.wire import Json

PUBLISHED = "PUBLISHED"
UNPUBLISHED = "UNPUBLISHED"


@dataclass(slots=True)
class Offer:
    """An offer of one SKU on one marketplace; with a listing once published."""

    offer_id: str
    sku: str
    marketplace_id: str
    format: str
    fields: Json
    status: str = UNPUBLISHED
    listing_id: str = ""
    sold: int = 0
    revision_day: str = ""
    revisions: int = 0

    @property
    def published(self) -> bool:
        """Whether buyers can see it."""
        return self.status == PUBLISHED

    @property
    def available(self) -> int | None:
        """The quantity set on the offer itself, None when it has none."""
        return whole(self.fields.get("availableQuantity"))

    @property
    def price(self) -> Json:
        """`{value, currency}`, empty when no price is set."""
        summary = self.fields.get("pricingSummary")
        price = summary.get("price") if isinstance(summary, dict) else None
        return price if isinstance(price, dict) else {}


@dataclass(slots=True)
class Order:
    """An order; `lines` are documents with lineItemId, sku, title, listingId, quantity, shipped, price and any refund."""

    order_id: str
    seller: str
    buyer: str
    created_at: float
    modified_at: float
    paid: bool
    lines: list[Json]
    cancelled_at: float | None = None
    fulfillments: list[Json] = field(default_factory=list)

    @property
    def fulfillment_status(self) -> str:
        """NOT_STARTED, IN_PROGRESS or FULFILLED."""
        shipped = sum(line["shipped"] for line in self.lines)
        if shipped == 0:
            return "NOT_STARTED"
        return "FULFILLED" if shipped >= sum(line["quantity"] for line in self.lines) else "IN_PROGRESS"


@dataclass(slots=True)
class Seller:
    """One seller account and everything it owns."""

    name: str
    locations: dict[str, Json] = field(default_factory=dict)
    items: dict[str, Json] = field(default_factory=dict)
    offers: dict[str, Offer] = field(default_factory=dict)
    offers_by_sku: dict[str, list[str]] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)

    def offers_of(self, sku: str) -> list[Offer]:
        """The offers of a SKU in the order they were made."""
        return [self.offers[offer_id] for offer_id in self.offers_by_sku.get(sku, ())]

    def add_offer(self, offer: Offer) -> None:
        """Puts an offer in both indexes; a repeat changes nothing."""
        self.offers[offer.offer_id] = offer
        ids = self.offers_by_sku.setdefault(offer.sku, [])
        if offer.offer_id not in ids:
            ids.append(offer.offer_id)

    def drop_offer(self, offer: Offer) -> None:
        """Forgets an offer."""
        self.offers.pop(offer.offer_id, None)
        ids = self.offers_by_sku.get(offer.sku, [])
        if offer.offer_id in ids:
            ids.remove(offer.offer_id)
        if not ids:
            self.offers_by_sku.pop(offer.sku, None)


def whole(value: Any) -> int | None:
    """The value when it is a whole number, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def item_quantity(item: Json) -> int | None:
    """The total ship-to-home quantity of an inventory item, None when it is not set."""
    return whole(_ship_to_location(item).get("quantity"))


def set_item_quantity(item: Json, quantity: int) -> None:
    """Sets that quantity and leaves everything else."""
    availability = item.setdefault("availability", {})
    availability.setdefault("shipToLocationAvailability", {})["quantity"] = quantity


def shown_quantity(offer: Offer, item: Json | None) -> int:
    """What the listing shows: the smaller of the item's total and the offer's own quantity."""
    if not offer.published or item is None:
        return 0
    total = item_quantity(item) or 0
    return total if offer.available is None else min(total, offer.available)


def title_of(item: Json | None) -> str:
    """The product title, empty when there is none."""
    product = (item or {}).get("product")
    title = product.get("title") if isinstance(product, dict) else None
    return title if isinstance(title, str) else ""


def offer_from_json(document: Json) -> Offer:
    """An offer as it was kept."""
    return Offer(**document)


def order_from_json(document: Json) -> Order:
    """An order as it was kept."""
    return Order(**document)


def as_json(entity: Offer | Order) -> Json:
    """The form that is kept."""
    return {item.name: getattr(entity, item.name) for item in dataclasses.fields(entity)}


def _ship_to_location(item: Json) -> Json:
    availability = item.get("availability")
    ship_to = availability.get("shipToLocationAvailability") if isinstance(availability, dict) else None
    return ship_to if isinstance(ship_to, dict) else {}
