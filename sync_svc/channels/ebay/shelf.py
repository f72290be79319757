"""What a seller offers through the Inventory API, a page at a time. Listings of the older API are not among it: they have to be
migrated first, and eBay lists them nowhere here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync_svc.channels.base import FoundListing, FoundPage, ListingState
from sync_svc.channels.codec import fields_of, objects_of
from sync_svc.channels.ebay import mapping
from sync_svc.channels.ebay.client import EbayClient
from sync_svc.channels.gathering import gather_bounded

PAGE_SIZE = 50
_READS_AT_ONCE = 8


async def list_page(client: EbayClient, cursor: str, marketplace_id: str) -> FoundPage:
    """See `Channel.live_listings`; the cursor is the number of the page. One call, and one per item for its offers."""
    page = int(cursor) if cursor.isdecimal() else 0
    body = await client.list_items(page, PAGE_SIZE)
    items = [item for item in objects_of(body, "inventoryItems") if item.get("sku")]

    async def read(item: Mapping[str, Any]) -> FoundListing | None:
        offer = mapping.pick_offer(await client.get_offers(str(item["sku"])), marketplace_id)
        return _found(item, offer) if offer is not None and mapping.is_published(offer) else None

    found = await gather_bounded(read, items, at_once=_READS_AT_ONCE)
    following = str(page + 1) if body.get("next") and items else ""
    return FoundPage([one for one in found if one is not None], following)


def _found(item: Mapping[str, Any], offer: Mapping[str, Any]) -> FoundListing:
    live = mapping.live_listing(ListingState(0, str(item["sku"])), item, offer)
    price = fields_of(fields_of(offer.get("pricingSummary")).get("price"))
    return FoundListing(
        platform_sku=live.platform_sku,
        title=str(fields_of(item.get("product")).get("title") or ""),
        quantity=live.quantity,
        price=live.price,
        currency=str(price.get("currency") or "USD"),
        external_ids=live.external_ids,
    )
