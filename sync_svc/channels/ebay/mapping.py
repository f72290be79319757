"""A listing as eBay has it: inventory item, offer, price and quantity. Pure.

Items and offers are replaced as a whole by eBay, so what stands there is read and merged: the hub changes what it owns and keeps
the pictures, item specifics and terms a person added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sync_svc.channels.base import LISTING_ID, ListingPhase, ListingState, LiveListing, Outcome, PushResult
from sync_svc.channels.codec import decimal_or_none, fields_of, objects_of
from sync_svc.channels.ebay.errors import error_list, failure_of
from sync_svc.channels.http import Failure, outcome_of

MAX_SKU_CHARS = 50
MAX_TITLE_CHARS = 80
MAX_ITEM_DESCRIPTION_CHARS = 4000
_ENDED_STATUSES = frozenset({"ENDED", "EBAY_ENDED", "NOT_LISTED", "INACTIVE"})
# The hub's condition: what a new item gets, and the word that all finer grades of that kind have in common.
_CONDITIONS = {
    "N": ("NEW", "NEW"),
    "R": ("SELLER_REFURBISHED", "REFURBISHED"),
    "U": ("USED_EXCELLENT", "USED"),
    "": ("USED_EXCELLENT", "USED"),
}
# What eBay adds when it is read, or takes at creation only.
_ITEM_READ_ONLY = frozenset({"sku", "locale", "groupIds", "inventoryItemGroupKeys"})
_OFFER_READ_ONLY = frozenset({"sku", "marketplaceId", "format", "offerId", "status", "listing"})
_READ_ONLY = _ITEM_READ_ONLY | _OFFER_READ_ONLY
_VOLATILE = frozenset({"availability", "availableQuantity", "pricingSummary"})
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class SellerDefaults:
    """What every offer of an account needs beside the listing itself; empty means that eBay has to be asked."""

    marketplace_id: str
    merchant_location_key: str
    category_id: str
    fulfillment_policy_id: str
    payment_policy_id: str
    return_policy_id: str


def money(amount: Decimal, currency: str) -> dict[str, str]:
    """An amount as eBay writes it: two decimals, as text."""
    return {"currency": currency, "value": str(amount.quantize(CENT))}


def price_and_quantity(state: ListingState, offer_ids: Iterable[str]) -> dict[str, Any]:
    """One element of bulk_update_price_quantity, with both quantities: a listing shows the smaller of them."""
    offer: dict[str, Any] = {"availableQuantity": state.quantity}
    if state.price is not None:
        offer["price"] = money(state.price, state.currency)
    return {
        "sku": state.platform_sku,
        "shipToLocationAvailability": {"quantity": state.quantity},
        "offers": [{"offerId": offer_id, **offer} for offer_id in offer_ids],
    }


def writable(fields: Mapping[str, Any] | None) -> dict[str, Any]:
    """What can be written back of an item or an offer that was read."""
    return {name: value for name, value in (fields or {}).items() if name not in _READ_ONLY}


def same_content(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two items or two offers differ in price and quantity at most."""
    return _content(one) == _content(other)


def _content(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in _READ_ONLY | _VOLATILE}


def merged_item(state: ListingState, existing: Mapping[str, Any] | None) -> dict[str, Any]:
    """The inventory item as it shall be, with whatever the hub does not own kept."""
    item = writable(existing)
    product = dict(fields_of(item.get("product")))
    product["title"] = _title(state, product)
    description = _own_description(state) or product.get("description") or product["title"]
    product["description"] = str(description)[:MAX_ITEM_DESCRIPTION_CHARS]
    if "image_urls" in state.metadata:
        product["imageUrls"] = list(state.metadata["image_urls"])
    if "aspects" in state.metadata:
        product["aspects"] = dict(state.metadata["aspects"])
    availability = dict(fields_of(item.get("availability")))
    ship_to = fields_of(availability.get("shipToLocationAvailability"))
    availability["shipToLocationAvailability"] = {**ship_to, "quantity": state.quantity}
    return {**item, "product": product, "availability": availability, "condition": _condition(state, item)}


def merged_offer(state: ListingState, existing: Mapping[str, Any] | None, defaults: SellerDefaults) -> dict[str, Any]:
    """The offer as it shall be. Of an existing one, terms and category stay unless the listing names its own."""
    offer = writable(existing)
    offer.setdefault("listingDuration", "GTC")
    offer["availableQuantity"] = state.quantity
    offer["listingDescription"] = (
        _own_description(state) or offer.get("listingDescription") or state.title or state.platform_sku
    )
    _set(offer, "categoryId", state.metadata.get("category_id"), defaults.category_id)
    _set(offer, "merchantLocationKey", state.metadata.get("merchant_location_key"), defaults.merchant_location_key)
    offer["listingPolicies"] = _policies(state, fields_of(offer.get("listingPolicies")), defaults)
    if state.price is not None:
        pricing = fields_of(offer.get("pricingSummary"))
        offer["pricingSummary"] = {**pricing, "price": money(state.price, state.currency)}
    return offer


def new_offer(state: ListingState, defaults: SellerDefaults) -> dict[str, Any]:
    """The offer to create."""
    keys = {"sku": state.platform_sku, "marketplaceId": defaults.marketplace_id, "format": "FIXED_PRICE"}
    return {**merged_offer(state, None, defaults), **keys}


def _policies(state: ListingState, existing: Mapping[str, Any], defaults: SellerDefaults) -> dict[str, Any]:
    policies = dict(existing)
    for field, name, default in (
        ("fulfillmentPolicyId", "fulfillment_policy_id", defaults.fulfillment_policy_id),
        ("paymentPolicyId", "payment_policy_id", defaults.payment_policy_id),
        ("returnPolicyId", "return_policy_id", defaults.return_policy_id),
    ):
        _set(policies, field, state.metadata.get(name), default)
    return policies


def _set(target: dict[str, Any], field: str, own: Any, default: str) -> None:
    """The listing's own value wins, then what stands there, then the account's default."""
    value = own or target.get(field) or default
    if value:
        target[field] = str(value)


def _own_description(state: ListingState) -> str:
    """A description that only repeats the title says nothing, and does not replace what a person wrote."""
    return "" if state.description == state.title else state.description


def _title(state: ListingState, product: Mapping[str, Any]) -> str:
    return (state.title or str(product.get("title") or "") or state.platform_sku)[:MAX_TITLE_CHARS].rstrip()


def _condition(state: ListingState, item: Mapping[str, Any]) -> str:
    """A person's finer grade within the same kind, as USED_VERY_GOOD, is kept."""
    if state.metadata.get("condition"):
        return str(state.metadata["condition"])
    condition, kind = _CONDITIONS.get(state.condition, _CONDITIONS[""])
    existing = str(item.get("condition") or "")
    return existing if kind in existing else condition


def pick_offer(offers: Sequence[Mapping[str, Any]], marketplace_id: str) -> Mapping[str, Any] | None:
    """The fixed-price offer of the account's marketplace, a published one first."""
    fitting = [
        offer
        for offer in offers
        if offer.get("marketplaceId", marketplace_id) == marketplace_id
        and offer.get("format", "FIXED_PRICE") == "FIXED_PRICE"
    ]
    return max(fitting, key=is_published, default=None)


def is_published(offer: Mapping[str, Any]) -> bool:
    """Whether the offer is a listing that buyers can see."""
    status = str(fields_of(offer.get("listing")).get("listingStatus"))
    return offer.get("status") == "PUBLISHED" and status not in _ENDED_STATUSES


def offer_ids(offer: Mapping[str, Any]) -> dict[str, str]:
    """The ids to remember of an offer; the listing's only while it is published."""
    ids = {"offer_id": str(offer.get("offerId", ""))}
    listing_id = fields_of(offer.get("listing")).get("listingId")
    if is_published(offer) and listing_id:
        ids[LISTING_ID] = str(listing_id)
    return ids


def live_listing(state: ListingState, item: Mapping[str, Any] | None, offer: Mapping[str, Any] | None) -> LiveListing:
    """What buyers see. The quantity is the smaller of the item's and the offer's."""
    if offer is None:
        return LiveListing(state.listing_id, state.platform_sku, exists=False)
    quantities = [q for q in (_item_quantity(item), _integer(offer.get("availableQuantity"))) if q is not None]
    return LiveListing(
        listing_id=state.listing_id,
        platform_sku=state.platform_sku,
        exists=True,
        quantity=min(quantities, default=None),
        price=offer_price(offer),
        phase=ListingPhase.LIVE if is_published(offer) else ListingPhase.ENDED,
        external_ids=offer_ids(offer),
    )


def offer_price(offer: Mapping[str, Any]) -> Decimal | None:
    """The price of an offer; None when it has none."""
    price = fields_of(fields_of(offer.get("pricingSummary")).get("price"))
    return decimal_or_none(price.get("value"))


def _item_quantity(item: Mapping[str, Any] | None) -> int | None:
    availability = fields_of(fields_of(item).get("availability"))
    return _integer(fields_of(availability.get("shipToLocationAvailability")).get("quantity"))


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def results_of_bulk(body: Any, states: Sequence[ListingState]) -> list[PushResult]:
    """Reads bulk_update_price_quantity: each element has a status of its own, and the worst of a SKU counts."""
    by_sku: dict[str, list[Mapping[str, Any]]] = {}
    for element in objects_of(body, "responses"):
        by_sku.setdefault(str(element.get("sku", "")), []).append(element)
    if len(states) == 1 and "" in by_sku:
        by_sku.setdefault(states[0].platform_sku, []).extend(by_sku[""])
    return [_result_of_elements(state, by_sku.get(state.platform_sku, [])) for state in states]


def _result_of_elements(state: ListingState, elements: Sequence[Mapping[str, Any]]) -> PushResult:
    if not elements:
        return PushResult(state.listing_id, Outcome.UNKNOWN, "eBay's answer does not mention this SKU.", "missing")
    for element in elements:
        status = _integer(element.get("statusCode")) or 0
        errors = error_list(element)
        if 200 <= status < 300 and not errors:
            continue
        failure = failure_of(errors, status) if errors else _failure_of_status(status)
        return PushResult(state.listing_id, failure.outcome, failure.message, failure.code)
    return PushResult(state.listing_id, Outcome.DONE)


def _failure_of_status(status: int) -> Failure:
    if status == 0:
        return Failure(Outcome.UNKNOWN, "missing", "eBay gave no status for this SKU.")
    return Failure(outcome_of(status), f"http_{status}", f"eBay answered {status} for this SKU.")


def items_of_bulk(body: Any) -> dict[str, Mapping[str, Any]]:
    """Reads bulk_get_inventory_item: the items there are, by SKU."""
    found = ((element, fields_of(element.get("inventoryItem"))) for element in objects_of(body, "responses"))
    return {str(element.get("sku", "")): item for element, item in found if item}


def enabled_location(body: Any) -> str:
    """The key of the first enabled location of a list; empty when there is none."""
    for location in objects_of(body, "locations"):
        if location.get("merchantLocationStatus", "ENABLED") == "ENABLED":
            return str(location.get("merchantLocationKey", ""))
    return ""


def default_policy(body: Any, kind: str) -> str:
    """The id of the policy marked as default for some category, or else the first; empty when there is none."""
    ranked = sorted(objects_of(body, f"{kind}Policies"), key=lambda policy: not _is_default(policy))
    return str(ranked[0].get(f"{kind}PolicyId", "")) if ranked else ""


def _is_default(policy: Mapping[str, Any]) -> bool:
    return any(kind.get("default") is True for kind in objects_of(policy, "categoryTypes"))
