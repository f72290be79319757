"""What a seller offers, a page at a time, by the time it was made.

One search reaches a thousand listings; behind them another one begins at the time of the last. What lies with Amazon is left out,
as only Amazon may change its stock.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sync_svc.channels.amazon import mapping
from sync_svc.channels.amazon.client import AmazonClient
from sync_svc.channels.base import FoundListing, FoundPage, ListingPhase, ListingState
from sync_svc.channels.codec import fields_of, objects_of, time_or_none

INCLUDED = ("summaries", "offers", "fulfillmentAvailability", "productTypes")
_SEPARATOR = "|"


async def list_page(client: AmazonClient, cursor: str, terms: mapping.Terms) -> FoundPage:
    """See `Channel.live_listings`; the cursor is the time from which a search began, and the token of its page."""
    since, _, token = cursor.partition(_SEPARATOR)
    body = await client.list_listings(since, token, INCLUDED)
    items = objects_of(body, "items")
    found = [one for one in (_found(item, terms) for item in items) if one is not None]
    following = fields_of(body.get("pagination")).get("nextToken")
    if isinstance(following, str) and following:
        return FoundPage(found, f"{since}{_SEPARATOR}{following}")
    # Without a token this page was the last; a search that was cut off at what it reaches ends with a token of none, too.
    reached = _made_at(items[-1]) if items and token else None
    if reached is None:
        return FoundPage(found, "")
    begun = time_or_none(since) if since else None
    if begun is not None and reached <= begun:
        reached = begun + timedelta(milliseconds=1)
    return FoundPage(found, f"{_text(reached)}{_SEPARATOR}")


def _found(item: Mapping[str, Any], terms: mapping.Terms) -> FoundListing | None:
    sku = str(item.get("sku") or "")
    live = mapping.live_listing(ListingState(0, sku), item, terms)
    if not sku or live.phase is not ListingPhase.LIVE or mapping.is_shipped_by_amazon(item):
        return None
    summary = next(iter(objects_of(item, "summaries")), {})
    offer = next(iter(objects_of(item, "offers")), {})
    return FoundListing(
        platform_sku=sku,
        title=str(summary.get("itemName") or ""),
        quantity=live.quantity,
        price=live.price,
        currency=str(fields_of(offer.get("price")).get("currencyCode") or "USD"),
        external_ids=live.external_ids,
        asin=str(summary.get("asin") or ""),
    )


def _made_at(item: Mapping[str, Any]) -> datetime | None:
    summary = next(iter(objects_of(item, "summaries")), {})
    return time_or_none(summary.get("createdDate"))


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
