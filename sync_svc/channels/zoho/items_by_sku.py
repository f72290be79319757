"""Which items an organization has, by SKU: read 200 at a time and kept for some minutes, where a search for each SKU would cost a
request of the day for each.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from sync_svc.channels.codec import fields_of, objects_of
from sync_svc.channels.zoho.client import ZohoClient
from sync_svc.channels.zoho.mapping import text_id

_KEPT_S = 900.0
# In a larger organization a list costs more than it saves.
_MOST_PAGES = 25


class ItemsBySku:
    """The list of one organization."""

    def __init__(self, client: ZohoClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._lock = asyncio.Lock()
        self._ids: Mapping[str, str] | None = None
        self._read_until = 0.0

    async def ids(self) -> Mapping[str, str] | None:
        """Item ids by SKU as they were some minutes ago; None for an organization that is too large. Raises `ChannelError`."""
        async with self._lock:
            if self._clock() >= self._read_until:
                self._ids = await self._read()
                self._read_until = self._clock() + _KEPT_S
            return self._ids

    async def _read(self) -> Mapping[str, str] | None:
        found: dict[str, str] = {}
        for page in range(1, _MOST_PAGES + 1):
            body = await self._client.list_items(page)
            found |= {str(item.get("sku") or ""): text_id(item.get("item_id")) for item in objects_of(body, "items")}
            if fields_of(body.get("page_context")).get("has_more_page") is not True:
                return found
        return None
