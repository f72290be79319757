"""Items as Zoho has them. Pure.

Ids are text: Zoho writes them as bare numbers too long for a double. A stock may come as a number or as text, and what counts
is what can still be sold: sales orders of Zoho's own lower it without any document of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sync_svc.channels.base import LISTING_ID, ListingPhase, ListingState, LiveListing
from sync_svc.channels.codec import decimal_or_none, objects_of

MOST_STOCK = 10**9
DEFAULT_REASON = "Inventory Revaluation"
_STOCK_FIELDS = ("available_stock", "actual_available_stock", "stock_on_hand")
_NAME_CHARS = 100
# Fields an update sends back as they were read, in case Zoho empties what an update leaves out.
_KEPT = (
    "unit",
    "description",
    "item_type",
    "product_type",
    "purchase_rate",
    "purchase_description",
    "reorder_level",
    "is_taxable",
    "tax_id",
    "vendor_id",
    "purchase_account_id",
    "inventory_account_id",
    "upc",
    "ean",
    "isbn",
    "part_number",
)
_IDS = frozenset({"tax_id", "vendor_id", "purchase_account_id", "inventory_account_id"})


@dataclass(frozen=True, slots=True)
class Terms:
    """What the channel's options say of its items and documents."""

    location_id: str = ""
    stock_field: str = ""
    reason: str = DEFAULT_REASON
    adjustment_account_id: str = ""
    new_item: Mapping[str, Any] | None = None
    may_create: bool = True
    may_approve: bool = True


def terms_of(options: Mapping[str, Any]) -> Terms:
    """Reads the options. Raises ValueError naming a wrong one."""
    stock_field = str(options.get("stock_field") or "")
    if stock_field and stock_field not in _STOCK_FIELDS:
        raise ValueError(f"The option stock_field is one of {', '.join(_STOCK_FIELDS)}.")
    new_item = options.get("new_item")
    return Terms(
        location_id=text_id(options.get("location_id")),
        stock_field=stock_field,
        reason=str(options.get("adjustment_reason") or DEFAULT_REASON),
        adjustment_account_id=text_id(options.get("adjustment_account_id")),
        new_item=new_item if isinstance(new_item, Mapping) else None,
        may_create=options.get("create_listings") is not False,
        may_approve=options.get("approve_adjustments") is not False,
    )


def text_id(value: Any) -> str:
    """An id as text, however it came; empty when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    text = str(value).strip()
    return text if text.isalnum() and text.isascii() and len(text) <= 40 else ""


def external_ids(item: Mapping[str, Any]) -> dict[str, str]:
    """The ids to remember."""
    item_id = text_id(item.get("item_id"))
    return {LISTING_ID: item_id, "item_id": item_id}


def stock_of(item: Mapping[str, Any], terms: Terms) -> int | None:
    """What can still be sold of an item, in the channel's location when it has one; None where nothing is tracked."""
    fields: tuple[str, ...] = (terms.stock_field,) if terms.stock_field else _STOCK_FIELDS
    if terms.location_id:
        places = [
            place for place in objects_of(item, "locations") if text_id(place.get("location_id")) == terms.location_id
        ]
        item, fields = (places[0] if places else {}), tuple(f"location_{field}" for field in fields)
    return next((stock for field in fields if (stock := whole(item.get(field))) is not None), None)


def whole(value: Any) -> int | None:
    """A number of units, given as number or text; None when it is none."""
    amount = None if isinstance(value, bool) else decimal_or_none(value)
    return int(amount) if amount is not None and abs(amount) <= MOST_STOCK else None


def is_active(item: Mapping[str, Any]) -> bool:
    """Whether an item is on sale."""
    return str(item.get("status", "active")).casefold() != "inactive"


def new_item(state: ListingState, terms: Terms, *, with_sku: bool = False) -> dict[str, Any]:
    """The item to create, without stock: that comes by a document. Names may have to be unique, and then hold the SKU."""
    return {
        "item_type": "inventory",
        "product_type": "goods",
        "track_inventory": True,
        "unit": "qty",
        **(terms.new_item or {}),
        "name": _name(state.title or state.platform_sku, state.platform_sku if with_sku else ""),
        "sku": state.platform_sku,
        "rate": state.price,
        **_description(state, ""),
    }


def changes(state: ListingState, item: Mapping[str, Any], *, with_sku: bool = False) -> dict[str, Any] | None:
    """The update an item needs; None when it shows all of it already."""
    name = str(item.get("name") or "")
    wanted: dict[str, Any] = {}
    if state.price is not None and decimal_or_none(item.get("rate")) != state.price:
        wanted["rate"] = state.price
    if state.content_changed:
        wanted |= _description(state, str(item.get("description") or ""))
        titles = {_name(state.title, ""), _name(state.title, state.platform_sku)}
        if state.title and name not in titles:
            wanted["name"] = _name(state.title, state.platform_sku if with_sku else "")
    if not wanted:
        return None
    rate = decimal_or_none(item.get("rate"))
    kept = {field: _kept(field, item[field]) for field in _KEPT if item.get(field) not in (None, "")}
    same = {"name": name or state.platform_sku, "sku": state.platform_sku} | ({} if rate is None else {"rate": rate})
    return {**kept, **same, **wanted}


def _kept(field: str, value: Any) -> Any:
    return text_id(value) if field in _IDS else value


def _name(title: str, sku: str) -> str:
    suffix = f" [{sku}]" if sku else ""
    return title[: max(_NAME_CHARS - len(suffix), 1)].strip() + suffix


def _description(state: ListingState, present: str) -> dict[str, str]:
    # A description that only repeats the title does not replace what a person wrote.
    says_more = state.description and state.description not in (state.title, present)
    return {"description": state.description} if says_more else {}


def live_listing(state: ListingState, item: Mapping[str, Any] | None, terms: Terms) -> LiveListing:
    """Reads a listing out of its item."""
    if item is None:
        return LiveListing(state.listing_id, state.platform_sku, exists=False)
    return LiveListing(
        listing_id=state.listing_id,
        platform_sku=state.platform_sku,
        exists=True,
        quantity=stock_of(item, terms),
        price=_price(item.get("rate")),
        phase=ListingPhase.LIVE if is_active(item) else ListingPhase.ENDED,
        external_ids=external_ids(item),
    )


def _price(value: Any) -> Decimal | None:
    return None if isinstance(value, bool) else decimal_or_none(value)
