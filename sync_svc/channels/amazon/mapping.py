"""Listings as Amazon has them, and the patches that change them. Pure.

Quantity and price are merged into what stands there, so that lead times and other offers are kept. Only whole attributes can be
patched, each a list of objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sync_svc.channels.amazon.errors import serious
from sync_svc.channels.base import LISTING_ID, ListingPhase, ListingState, LiveListing
from sync_svc.channels.codec import decimal_or_none, fields_of, objects_of

US_MARKETPLACE = "ATVPDKIKX0DER"
OWN_STOCK = "DEFAULT"
ANY_PRODUCT = "PRODUCT"
SHOWN = ("summaries", "offers", "fulfillmentAvailability", "issues")
MAX_SKU_CHARS = 40
_MAX_TITLE_CHARS = 200
_MOST_STOCK = 10**9
_CONDITIONS = {"N": "new_new", "R": "refurbished_refurbished"}
_USED = "used_good"


@dataclass(frozen=True, slots=True)
class Terms:
    """What the channel's options say of its listings."""

    marketplace_id: str = US_MARKETPLACE
    language: str = "en_US"
    product_type: str = ""
    requirements: str = "LISTING"
    attributes: Mapping[str, Any] = field(default_factory=dict)
    may_create: bool = True
    send_content: bool = False
    delete_ended: bool = False


def terms_of(options: Mapping[str, Any], site: str) -> Terms:
    """Reads the options; `site` is the marketplace."""
    return Terms(
        marketplace_id=str(options.get("marketplace_id") or site or US_MARKETPLACE),
        language=str(options.get("language") or "en_US"),
        product_type=str(options.get("product_type") or ""),
        requirements=str(options.get("requirements") or "LISTING"),
        attributes=fields_of(options.get("attributes")),
        may_create=options.get("create_listings") is not False,
        send_content=options.get("send_content") is True,
        delete_ended=options.get("delete_ended") is True,
    )


# -- what is sent -------------------------------------------------------------------------------------------------


def patch_body(state: ListingState, terms: Terms, product_type: str) -> dict[str, Any]:
    """The patches that bring a listing to its state."""
    return {"productType": product_type or ANY_PRODUCT, "patches": patches(state, terms)}


def patches(state: ListingState, terms: Terms) -> list[dict[str, Any]]:
    """Quantity always, price where there is one, content where it is ours to send. An ended listing loses its offer."""
    if state.phase is ListingPhase.ENDED:
        offer = {"marketplace_id": terms.marketplace_id}
        return [_patch("merge", "fulfillment_availability", _stock(0)), _patch("delete", "purchasable_offer", offer)]
    found = [_patch("merge", "fulfillment_availability", _stock(state.quantity))]
    if state.price is not None:
        found.append(_patch("merge", "purchasable_offer", _offer(state, terms)))
    if sends_content(state, terms):
        content = _content(state, terms)
        found += [_patch("replace", name, *value) for name, value in content.items()]
    return found


def out_of_stock(terms: Terms, product_type: str) -> dict[str, Any]:
    """The patch that only takes a listing's quantity to zero."""
    return {
        "productType": product_type or ANY_PRODUCT,
        "patches": [_patch("merge", "fulfillment_availability", _stock(0))],
    }


def sends_content(state: ListingState, terms: Terms) -> bool:
    """Whether title and description go along: Amazon's pages are shared, so only where the channel says so."""
    return terms.send_content and state.content_changed


def can_create(state: ListingState, terms: Terms) -> bool:
    """Whether enough is known to make a listing: its product type, or the page it offers on."""
    return bool(_own_text(state, "asin") or _own_text(state, "product_type") or terms.product_type)


def new_listing(state: ListingState, terms: Terms) -> dict[str, Any]:
    """The listing to create: an offer on a page Amazon has, or a page of our own."""
    asin = _own_text(state, "asin")
    given = {**terms.attributes, **fields_of(state.metadata.get("attributes"))}
    attributes: dict[str, Any] = {
        "condition_type": [_local(terms, value=_CONDITIONS.get(state.condition, _USED))],
        **({"merchant_suggested_asin": [_local(terms, value=asin)]} if asin else _content(state, terms)),
        **given,
        "purchasable_offer": [_offer(state, terms)],
        "fulfillment_availability": [{**_first(given.get("fulfillment_availability")), **_stock(state.quantity)}],
    }
    product_type = _own_text(state, "product_type") or terms.product_type or ANY_PRODUCT
    requirements = "LISTING_OFFER_ONLY" if asin else terms.requirements
    return {"productType": product_type, "requirements": requirements, "attributes": attributes}


def _patch(operation: str, attribute: str, *value: Mapping[str, Any]) -> dict[str, Any]:
    return {"op": operation, "path": f"/attributes/{attribute}", "value": list(value)}


def _stock(quantity: int) -> dict[str, Any]:
    return {"fulfillment_channel_code": OWN_STOCK, "quantity": quantity}


def _offer(state: ListingState, terms: Terms) -> dict[str, Any]:
    price = {"schedule": [{"value_with_tax": state.price}]}
    return {"marketplace_id": terms.marketplace_id, "currency": state.currency, "our_price": [price]}


def _content(state: ListingState, terms: Terms) -> dict[str, list[dict[str, Any]]]:
    title = (state.title or state.platform_sku)[:_MAX_TITLE_CHARS]
    content = {"item_name": [_local(terms, value=title, language_tag=terms.language)]}
    # A description that only repeats the title does not replace what a person wrote.
    if state.description and state.description != state.title:
        content["product_description"] = [_local(terms, value=state.description, language_tag=terms.language)]
    return content


def _local(terms: Terms, **fields: Any) -> dict[str, Any]:
    return {**fields, "marketplace_id": terms.marketplace_id}


def _own_text(state: ListingState, name: str) -> str:
    value = state.metadata.get(name)
    return value if isinstance(value, str) else ""


def _first(value: Any) -> Mapping[str, Any]:
    return fields_of(value[0]) if isinstance(value, list) and value else {}


# -- what is read -------------------------------------------------------------------------------------------------


def external_ids(item: Mapping[str, Any], sku: str, terms: Terms) -> dict[str, str]:
    """The ids to remember: the page (ASIN) once it is known, and the product type every patch has to name."""
    summary = _of_marketplace(item, "summaries", terms)
    asin, product_type = summary.get("asin"), summary.get("productType")
    return {
        LISTING_ID: asin if isinstance(asin, str) and asin else sku,
        "product_type": product_type if isinstance(product_type, str) and product_type else ANY_PRODUCT,
    }


def live_listing(state: ListingState, item: Mapping[str, Any] | None, terms: Terms) -> LiveListing:
    """Reads a listing. One without an offer is not for sale."""
    if item is None:
        return LiveListing(state.listing_id, state.platform_sku, exists=False)
    price = price_of(item, terms)
    return LiveListing(
        listing_id=state.listing_id,
        platform_sku=state.platform_sku,
        exists=True,
        quantity=quantity_of(item),
        price=price,
        phase=ListingPhase.ENDED if price is None else ListingPhase.LIVE,
        external_ids=external_ids(item, state.platform_sku, terms),
    )


def quantity_of(item: Mapping[str, Any]) -> int | None:
    """The quantity of our own stock; None when the listing has none, as when Amazon ships it."""
    for entry in objects_of(item, "fulfillmentAvailability"):
        quantity = entry.get("quantity", 0)
        if entry.get("fulfillmentChannelCode") == OWN_STOCK and isinstance(quantity, int):
            return max(0, min(int(quantity), _MOST_STOCK))
    return None


def is_shipped_by_amazon(item: Mapping[str, Any]) -> bool:
    """Whether the stock lies with Amazon, which alone may change it."""
    codes = {str(entry.get("fulfillmentChannelCode", "")) for entry in objects_of(item, "fulfillmentAvailability")}
    return OWN_STOCK not in codes and any(code.startswith("AMAZON") for code in codes)


def price_of(item: Mapping[str, Any], terms: Terms) -> Decimal | None:
    """The price for everyone; None when there is no offer."""
    offers = [
        offer
        for offer in objects_of(item, "offers")
        if offer.get("marketplaceId") == terms.marketplace_id and offer.get("offerType") != "B2B"
    ]
    return decimal_or_none(fields_of(offers[0].get("price")).get("amount")) if offers else None


def shows(state: ListingState, item: Mapping[str, Any], terms: Terms) -> bool:
    """Whether a listing shows the quantity, price and phase that were asked for."""
    if state.phase is ListingPhase.ENDED:
        return price_of(item, terms) is None or not quantity_of(item)
    is_priced = state.price is None or price_of(item, terms) == state.price
    return quantity_of(item) == state.quantity and is_priced


def objections(item: Mapping[str, Any], sent: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The errors raised against a listing that may be about what was sent."""
    names = {str(patch.get("path", "")).rpartition("/")[2] for patch in sent}

    def concerns(issue: Mapping[str, Any]) -> bool:
        named = issue.get("attributeNames")
        return not isinstance(named, list) or not named or bool(names & {str(name) for name in named})

    return [issue for issue in serious(objects_of(item, "issues")) if concerns(issue)]


def _of_marketplace(item: Mapping[str, Any], name: str, terms: Terms) -> Mapping[str, Any]:
    entries = objects_of(item, name)
    return next((entry for entry in entries if entry.get("marketplaceId") == terms.marketplace_id), {})
