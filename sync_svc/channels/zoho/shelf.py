"""What an organization keeps stock of, a page at a time: its active items that have a SKU."""

from __future__ import annotations

from sync_svc.channels.base import FoundListing, FoundPage, ListingPhase, ListingState
from sync_svc.channels.codec import fields_of, objects_of
from sync_svc.channels.zoho import mapping
from sync_svc.channels.zoho.client import ZohoClient


async def list_page(client: ZohoClient, cursor: str, terms: mapping.Terms) -> FoundPage:
    """See `Channel.live_listings`; the cursor is the number of the page."""
    page = int(cursor) if cursor.isdecimal() else 1
    body = await client.list_items(page)
    found = []
    for item in objects_of(body, "items"):
        live = mapping.live_listing(ListingState(0, str(item.get("sku") or "")), item, terms)
        if live.platform_sku and live.external_ids["item_id"] and live.phase is ListingPhase.LIVE:
            title = str(item.get("name") or "")
            found.append(
                FoundListing(live.platform_sku, title, live.quantity, live.price, external_ids=live.external_ids)
            )
    has_more = fields_of(body.get("page_context")).get("has_more_page") is True
    return FoundPage(found, str(page + 1) if has_more else "")
