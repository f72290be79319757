"""The terms every offer of a seller needs: location, category and business policies.

The channel's options name them; what they leave out is asked of eBay once and kept for a while.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from sync_svc.channels.base import ChannelError, Outcome
from sync_svc.channels.ebay.client import EbayClient
from sync_svc.channels.ebay.mapping import SellerDefaults

DEFAULT_MARKETPLACE = "EBAY_US"
DEFAULT_LANGUAGE = "en-US"
# eBay US: Home Speakers & Subwoofers, a leaf; a listing's own `category_id` goes before it.
DEFAULT_CATEGORY = "14990"
_KEPT_S = 600.0


class SellerTerms:
    """Gives the seller's defaults; asks eBay for at most four of them, once in ten minutes."""

    def __init__(self, client: EbayClient, options: Mapping[str, Any], marketplace_id: str) -> None:
        self._client = client
        self._options = options
        self._marketplace_id = marketplace_id
        self._lock = asyncio.Lock()
        self._defaults: SellerDefaults | None = None
        self._ask_again_at = 0.0

    async def defaults(self) -> SellerDefaults:
        """The defaults; raises `ChannelError` when eBay cannot be asked now."""
        async with self._lock:
            if self._defaults is None or time.monotonic() >= self._ask_again_at:
                self._defaults = await self._complete()
                self._ask_again_at = time.monotonic() + _KEPT_S
            return self._defaults

    async def _complete(self) -> SellerDefaults:
        return SellerDefaults(
            marketplace_id=self._marketplace_id,
            merchant_location_key=self._option("merchant_location_key") or await self._client.first_location(),
            category_id=self._option("category_id") or DEFAULT_CATEGORY,
            fulfillment_policy_id=await self._policy("fulfillment"),
            payment_policy_id=await self._policy("payment"),
            return_policy_id=await self._policy("return"),
        )

    async def _policy(self, kind: str) -> str:
        chosen = self._option(f"{kind}_policy_id")
        if chosen:
            return chosen
        try:
            return await self._client.first_policy(kind, self._marketplace_id)
        except ChannelError as error:
            # A consent without the account scope may list all the same; eBay says at publishing what is missing.
            if error.outcome is Outcome.PERMANENT:
                return ""
            raise

    def _option(self, name: str) -> str:
        return str(self._options.get(name) or "")
