"""Looks at listings a moment after they were changed: those who look at the same moment share a search, as far as the quota has
room for looks at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from sync_svc.channels.amazon import mapping
from sync_svc.channels.amazon.client import AmazonClient
from sync_svc.channels.base import ChannelError, ListingState
from sync_svc.channels.batcher import Batcher

SEARCHED_AT_ONCE = 20
_READS_KEPT = 3
_AT_ONCE = 4

Item = Mapping[str, Any]


class Looks:
    """The looks of one seller."""

    def __init__(self, client: AmazonClient, terms: mapping.Terms) -> None:
        self._client = client
        self._terms = terms
        self._looks = Batcher(self._look_together, most=SEARCHED_AT_ONCE)
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def aclose(self) -> None:
        """Looks for nothing any more."""
        await self._looks.aclose()

    async def look(
        self, state: ListingState, sent: Sequence[Mapping[str, Any]], *, is_new: bool, is_last: bool
    ) -> Item | None:
        """What Amazon shows of a listing to which these patches were sent; None when that cannot be told now."""
        if self._client.throttle.left("getListingsItem") < _READS_KEPT:
            return None
        sku = state.platform_sku
        try:
            item, was_searched = None, True
            if is_searchable(sku) and not is_new:
                ((item, was_searched),) = await self._looks.ask([sku])
            if was_searched and (item is None or self._needs_a_closer_look(state, sent, item, is_last)):
                item = await self._get(sku)
        except ChannelError:
            return None
        return item

    def _needs_a_closer_look(
        self, state: ListingState, sent: Sequence[Mapping[str, Any]], item: Item, is_last: bool
    ) -> bool:
        """A search may be behind: what it says against a change is asked again, and so is what it has not shown in the end."""
        is_shown = mapping.shows(state, item, self._terms)
        return not is_shown and (is_last or bool(mapping.objections(item, sent)))

    async def _look_together(self, skus: Sequence[str]) -> list[tuple[Item | None, bool]]:
        """What those who look at the same moment want to see, in one call; and whether it comes from a search."""
        if len(skus) == 1:
            return [(await self._get(skus[0]), False)]
        found = await self._client.search_listings(skus, mapping.SHOWN)
        return [(found.get(sku), True) for sku in skus]

    async def _get(self, sku: str) -> Item | None:
        async with self._gate:
            return await self._client.get_listing(sku, mapping.SHOWN)


def is_searchable(sku: str) -> bool:
    """Whether a search can name it."""
    return "," not in sku
