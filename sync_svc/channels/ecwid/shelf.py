"""What a store offers, a page at a time: enabled products, and their variations that have SKUs of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sync_svc.channels.base import FoundListing, FoundPage, ListingPhase, ListingState
from sync_svc.channels.codec import fields_of, objects_of
from sync_svc.channels.ecwid import mapping
from sync_svc.channels.ecwid.client import EcwidClient, Request
from sync_svc.channels.ecwid.mapping import Place

PAGE_SIZE = 100


async def list_page(client: EcwidClient, cursor: str) -> FoundPage:
    """See `Channel.live_listings`; the cursor is how many products were read."""
    offset = int(cursor) if cursor.isdecimal() else 0
    params = {"limit": str(PAGE_SIZE), "offset": str(offset)}
    body = fields_of((await client.send(Request("GET", "/products"), params=params)).body)
    products = objects_of(body, "items")
    total = body.get("total")
    read = offset + len(products)
    is_last = not products or (isinstance(total, int) and read >= total)
    return FoundPage([one for product in products for one in _listings(product)], "" if is_last else str(read))


def _listings(product: Mapping[str, Any]) -> Iterator[FoundListing]:
    if not product.get("id"):
        return
    places = [(str(product.get("sku") or ""), Place(str(product["id"])))]
    for one in objects_of(product, "combinations"):
        if one.get("id"):
            places.append((str(one.get("sku") or ""), Place(str(product["id"]), str(one["id"]))))
    for sku, place in places:
        live = mapping.live_listing(ListingState(0, sku), place, product)
        if sku and live.exists and live.phase is ListingPhase.LIVE:
            title = str(product.get("name") or "")
            yield FoundListing(sku, title, live.quantity, live.price, external_ids=live.external_ids)
