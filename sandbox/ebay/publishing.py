"""From offer to listing: what an offer needs before buyers may see it, and how often a listing may be revised.

A listing may be revised 250 times in one Pacific calendar day; then it is blocked until the next.
"""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.ebay.errors import error, refuse
from sandbox.ebay.state import PUBLISHED, UNPUBLISHED, Offer, Seller, item_quantity, title_of
from sandbox.ebay.store import Store, policy_ids
from sandbox.wire import Json

_POLICIES = {
    "fulfillmentPolicyId": (25007, "Shipping"),
    "paymentPolicyId": (25008, "Payment"),
    "returnPolicyId": (25009, "Return"),
}


def publish_errors(store: Store, seller: Seller, offer: Offer, fields: Json) -> list[Json]:
    """Everything that keeps these fields of an offer from being a listing."""
    item = seller.items.get(offer.sku) or {}
    errors = _missing_fields(seller, fields, item) + _wrong_policies(seller, fields) + _wrong_quantity(fields, item)
    if store.world.switches.ebay.strict_publish:
        errors += _strict_errors(item)
    return errors


def publish(store: Store, seller: Seller, offer: Offer) -> None:
    """Makes the listing, under a new listing id when it had been ended; a repeat changes nothing."""
    if not offer.published:
        offer.status = PUBLISHED
        offer.listing_id = str(store.world.keeper.next_id("ebay.listing", 110_550_000_001))
        offer.sold = offer.revisions = 0
        store.keep_offer(seller, offer)


def withdraw(store: Store, seller: Seller, offer: Offer) -> None:
    """Ends the listing and keeps the offer."""
    offer.status = UNPUBLISHED
    store.keep_offer(seller, offer)


def revise_listings(store: Store, offers: Iterable[Offer]) -> None:
    """Counts one revision of every published offer, or of none. Raises Refused when one is used up."""
    published = [offer for offer in offers if offer.published]
    today, limit = store.world.clock.pacific_day(), store.world.switches.ebay.revisions_per_day
    for offer in published:
        if offer.revision_day != today:
            offer.revision_day, offer.revisions = today, 0
        if limit and offer.revisions >= limit:
            raise refuse(
                400, 25002, f"A user error has occurred. Listing {offer.listing_id} was revised {limit} times today."
            )
    for offer in published:
        offer.revisions += 1


def _missing_fields(seller: Seller, fields: Json, item: Json) -> list[Json]:
    errors = []
    if fields.get("merchantLocationKey") not in seller.locations:
        errors.append(error(25012, "Invalid location. merchantLocationKey is missing or not one of the seller."))
    if not Offer("", "", "", "", fields).price:
        errors.append(error(25003, "Invalid price. pricingSummary.price is missing."))
    if not fields.get("categoryId"):
        errors.append(error(25005, "Invalid category. categoryId is missing."))
    if fields.get("listingDuration") != "GTC":
        errors.append(_invalid_field("listingDuration", "A fixed price listing needs GTC."))
    if not fields.get("listingDescription") and not (item.get("product") or {}).get("description"):
        errors.append(_invalid_field("listingDescription", "It is missing."))
    if not title_of(item):
        errors.append(_invalid_field("title", "The inventory item has no title."))
    return errors


def _wrong_policies(seller: Seller, fields: Json) -> list[Json]:
    known, given = policy_ids(seller.name), fields.get("listingPolicies") or {}
    return [
        error(error_id, f"Invalid {name} policy information. {field} is missing or not one of the seller.")
        for field, (error_id, name) in _POLICIES.items()
        if given.get(field) != known[field]
    ]


def _wrong_quantity(fields: Json, item: Json) -> list[Json]:
    total, own = item_quantity(item), fields.get("availableQuantity")
    if total and (own is None or own > 0):
        return []
    return [error(25004, "Invalid quantity. Item and offer need a quantity of 1 or more to be listed.")]


def _strict_errors(item: Json) -> list[Json]:
    errors = []
    if not item.get("condition"):
        errors.append(error(25021, "Invalid condition information. condition is missing."))
    if not (item.get("product") or {}).get("imageUrls"):
        errors.append(error(25014, "Invalid pictures. At least one picture is needed."))
    return errors


def _invalid_field(name: str, detail: str) -> Json:
    return error(25016, f"Invalid {name}. {detail}", parameters={"fieldName": name})
