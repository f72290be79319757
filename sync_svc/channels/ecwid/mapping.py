"""Listings as Ecwid has them, and what its errors mean. Pure.

A listing is a product, or a variation ("combination") of one that has a SKU of its own; then both ids are remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sync_svc.channels.base import LISTING_ID, ListingPhase, ListingState, LiveListing, Outcome
from sync_svc.channels.codec import decimal_or_none, fields_of, objects_of
from sync_svc.channels.http import Answer, Failure

SUSPENDED = "connection_suspended"
SKU_TAKEN = "SKU_ALREADY_EXISTS"
NOT_FOUND = "http_404"
# Statuses that are about the token or the store and not about what was sent: all calls would fail alike.
_ACCOUNT_TROUBLE = {
    401: ("http_401", "Ecwid refuses the access token."),
    402: (SUSPENDED, "The store's plan does not include the API; Ecwid has suspended the connection."),
    403: ("http_403", "The access token lacks a permission this call needs."),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a listing stands in the store."""

    product_id: str
    combination_id: str = ""

    @property
    def path(self) -> str:
        product = f"/products/{self.product_id}"
        return f"{product}/combinations/{self.combination_id}" if self.combination_id else product

    @property
    def external_ids(self) -> dict[str, str]:
        """The ids to remember. Variations of one product are told apart in the id people see, too."""
        if not self.combination_id:
            return {LISTING_ID: self.product_id, "product_id": self.product_id}
        return {
            LISTING_ID: f"{self.product_id}-{self.combination_id}",
            "product_id": self.product_id,
            "combination_id": self.combination_id,
        }


def explain(answer: Answer) -> Failure | None:
    """Reads an error answer, whose body is optional; None leaves the sorting to the status."""
    body = fields_of(answer.body)
    message = str(body.get("errorMessage") or body.get("error_message") or "")
    if answer.status in _ACCOUNT_TROUBLE:
        code, text = _ACCOUNT_TROUBLE[answer.status]
        return Failure(Outcome.AUTH, code, message or text)
    code = str(body.get("errorCode") or f"http_{answer.status}")
    if answer.status == 404:
        code = NOT_FOUND
    elif answer.status == 409:
        code = SKU_TAKEN
    elif not message or answer.status == 429:
        return None
    # An error within a success says nothing of whose fault it is; trying again later is the safe reading.
    outcome = Outcome.PERMANENT if 400 <= answer.status < 500 else Outcome.RETRY
    return Failure(outcome, code, message or f"Ecwid answered {answer.status}.")


def place_of(state: ListingState) -> Place | None:
    """Where the listing is known to stand; None when it was never matched."""
    product_id = state.external_ids.get("product_id")
    return Place(product_id, state.external_ids.get("combination_id", "")) if product_id else None


def find_place(body: Any, sku: str) -> Place | None:
    """Looks for exactly this SKU among found products and their variations."""
    for product in _items(body):
        if str(product.get("sku", "")) == sku:
            return Place(str(product["id"]))
        for combination in _combinations(product):
            if str(combination.get("sku", "")) == sku:
                return Place(str(product["id"]), str(combination["id"]))
    return None


def product_of(body: Any, place: Place) -> Mapping[str, Any] | None:
    """The product of a place among found products."""
    return next((product for product in _items(body) if str(product["id"]) == place.product_id), None)


def _items(body: Any) -> list[Mapping[str, Any]]:
    return [item for item in objects_of(body, "items") if item.get("id")]


def _combinations(product: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in objects_of(product, "combinations") if one.get("id")]


def changes(state: ListingState, place: Place) -> dict[str, Any]:
    """The fields to send for a listing that exists. A variation has no title and cannot be hidden: it goes to zero."""
    is_live = state.phase is ListingPhase.LIVE
    fields: dict[str, Any] = {"quantity": state.quantity if is_live else 0, "unlimited": False}
    if state.price is not None and is_live:
        fields["price"] = state.price
    if place.combination_id:
        return fields
    if state.content_changed and is_live:
        fields |= _content(state)
    return fields | {"enabled": is_live}


def new_product(state: ListingState) -> dict[str, Any]:
    """The product to create."""
    return {
        "sku": state.platform_sku,
        "name": state.title or state.platform_sku,
        "price": state.price,
        "quantity": state.quantity,
        "unlimited": False,
        "enabled": True,
        **_content(state),
    }


def _content(state: ListingState) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if state.title:
        content["name"] = state.title
    # A description that only repeats the title does not replace what a person wrote.
    if state.description and state.description != state.title:
        content["description"] = state.description
    if state.metadata.get("category_ids"):
        content["categoryIds"] = list(state.metadata["category_ids"])
    return content


def shows(state: ListingState, live: LiveListing) -> bool:
    """Whether the store shows the price, quantity and phase that were asked for."""
    if not live.exists or (state.phase is ListingPhase.LIVE and live.phase is not ListingPhase.LIVE):
        return False
    if state.phase is ListingPhase.ENDED:
        return live.phase is ListingPhase.ENDED or live.quantity == 0
    return live.quantity == state.quantity and (state.price is None or live.price == state.price)


def live_listing(state: ListingState, place: Place, product: Any) -> LiveListing:
    """Reads a listing out of its product."""
    combination: Mapping[str, Any] | None = None
    found = isinstance(product, Mapping) and bool(product.get("id"))
    if found and place.combination_id:
        combination = next((one for one in _combinations(product) if str(one["id"]) == place.combination_id), None)
        found = combination is not None
    if not found:
        return absent(state)
    return LiveListing(
        listing_id=state.listing_id,
        platform_sku=state.platform_sku,
        exists=True,
        quantity=_quantity(product, combination),
        price=_price(product, combination),
        phase=ListingPhase.LIVE if product.get("enabled", True) else ListingPhase.ENDED,
        external_ids=place.external_ids,
    )


def absent(state: ListingState) -> LiveListing:
    """The answer for a listing the store does not have."""
    return LiveListing(state.listing_id, state.platform_sku, exists=False)


def _quantity(product: Mapping[str, Any], combination: Mapping[str, Any] | None) -> int | None:
    # A variation without a SKU of its own inherits the quantity of its product.
    source = combination if combination is not None and combination.get("sku") else product
    quantity = source.get("quantity")
    return None if source.get("unlimited") or not isinstance(quantity, int) else quantity


def _price(product: Mapping[str, Any], combination: Mapping[str, Any] | None) -> Decimal | None:
    own = combination.get("price", combination.get("defaultDisplayedPrice")) if combination is not None else None
    return decimal_or_none(own if own is not None else product.get("price"))
