"""What Amazon holds for the seller: listings items, orders, feeds and their documents, destinations and subscriptions."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from sandbox.wire import Json

DEFAULT_CHANNEL = "DEFAULT"


@dataclass(slots=True)
class Listing:
    """One listings item. `attributes` are what the seller sent, `issues` what is wrong with it."""

    sku: str
    asin: str
    product_type: str
    attributes: Json
    created_at: float
    updated_at: float
    issues: list[Json] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The item name, empty when there is none."""
        return str(first(self.attributes, "item_name").get("value") or "")

    @property
    def condition(self) -> str:
        """The condition type, as `used_good`; empty when there is none."""
        return str(first(self.attributes, "condition_type").get("value") or "")

    @property
    def quantity(self) -> int | None:
        """Units for sale that the seller ships himself, None when never set."""
        value = self._merchant().get("quantity")
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def sell(self, units: int) -> None:
        """Takes units off that quantity, or gives them back."""
        entry = self._merchant()
        if self.quantity is not None:
            entry["quantity"] = max(0, entry["quantity"] - units)

    @property
    def price(self) -> tuple[str, str] | None:
        """(amount, currency) of the offer, None without one."""
        offer = first(self.attributes, "purchasable_offer")
        try:
            value = offer["our_price"][0]["schedule"][0]["value_with_tax"]
        except (KeyError, IndexError, TypeError):
            return None
        return f"{float(value):.2f}", str(offer.get("currency", "USD"))

    @property
    def suppressed(self) -> bool:
        """Whether an issue keeps it from being sold."""
        return any(issue.get("enforcements") for issue in self.issues)

    @property
    def shown(self) -> int:
        """What a buyer can take."""
        return (self.quantity or 0) if self.price and not self.suppressed else 0

    def _merchant(self) -> Json:
        entries = self.attributes.get("fulfillment_availability", [])
        return next((entry for entry in entries if entry.get("fulfillment_channel_code") == DEFAULT_CHANNEL), {})


@dataclass(slots=True)
class Order:
    """One order; `lines` have order_item_id, sku, asin, title, quantity, shipped, price and currency.

    `quantity` is what is left of a line of which the seller cancelled units; those are its `cancelled`.
    """

    order_id: str
    created_at: float
    updated_at: float
    paid: bool
    lines: list[Json]
    cancelled: bool = False
    packages: list[Json] = field(default_factory=list)

    @property
    def status(self) -> str:
        """The fulfillment status."""
        if self.cancelled:
            return "CANCELLED"
        if not self.paid:
            return "PENDING"
        ordered, shipped = (sum(line[name] for line in self.lines) for name in ("quantity", "shipped"))
        return "SHIPPED" if shipped >= ordered else "PARTIALLY_SHIPPED" if shipped else "UNSHIPPED"


@dataclass(slots=True)
class Document:
    """A feed document: what was uploaded, or a report. `body` is base64 text, empty until it is there."""

    document_id: str
    content_type: str
    created_at: float
    body: str = ""
    gzipped: bool = False


@dataclass(slots=True)
class Feed:
    """One feed and how far it has come."""

    feed_id: str
    feed_type: str
    marketplace_ids: list[str]
    input_document_id: str
    created_at: float
    status: str = "IN_QUEUE"
    started_at: float = 0.0
    ended_at: float = 0.0
    result_document_id: str = ""


@dataclass(slots=True)
class Subscription:
    """A wish for one type of notification. `directive` is the event filter as it was sent."""

    subscription_id: str
    notification_type: str
    payload_version: str
    destination_id: str
    directive: Json | None = None


@dataclass(slots=True)
class Account:
    """Everything of the seller, by id."""

    listings: dict[str, Listing] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    feeds: dict[str, Feed] = field(default_factory=dict)
    destinations: dict[str, Json] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)


def first(attributes: Json, name: str) -> Json:
    """The first entry of an attribute, empty when there is none."""
    entries = attributes.get(name)
    return entries[0] if isinstance(entries, list) and entries and isinstance(entries[0], dict) else {}


def as_json(entity: Any) -> Json:
    """The form that is kept."""
    return {item.name: getattr(entity, item.name) for item in dataclasses.fields(entity)}
