"""How a listing comes to show what it shall on eBay.

A published listing whose content stands gets price and quantity in one call. Everything else goes the long way: read item and
offer, write what differs, publish. Every step may have happened already, so any push can be repeated after any crash.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sync_svc.channels.base import LISTING_ID, ChannelError, ListingPhase, ListingState, Outcome, PushResult
from sync_svc.channels.ebay import errors, mapping
from sync_svc.channels.ebay.client import EbayClient
from sync_svc.channels.ebay.revisions import Reviser, busy_delays, failed
from sync_svc.channels.ebay.terms import SellerTerms
from sync_svc.channels.gathering import gather_bounded
from sync_svc.channels.locks import KeyedLocks
from sync_svc.channels.refusals import NOT_LISTED, PRICE_MISSING

AT_ONCE = 8
# The bulk call's ways to say that an offer is gone or is no listing (25002 is its catch-all).
_LOOK_AGAIN = frozenset({"25002", "25701", "25702", "25710", "25713", "25725", "25754", "http_404"})


class ListingPusher:
    """Pushes states of one account. Calls for the same SKU wait for each other; eBay refuses them at once."""

    def __init__(
        self, client: EbayClient, terms: SellerTerms, *, skus_per_call: int, marketplace_id: str, may_create: bool
    ) -> None:
        self._client = client
        self._terms = terms
        self._skus_per_call = skus_per_call
        self._marketplace_id = marketplace_id
        self._may_create = may_create
        self._locks = KeyedLocks()
        self._reviser = Reviser(client)

    async def push(self, batch: Sequence[ListingState]) -> list[PushResult]:
        """Makes eBay show these states; one result each."""
        quick = [state for state in batch if _is_quick(state)]
        if len(quick) > 1:
            await self._reviser.prepare(quick)
        groups = [quick[i : i + self._skus_per_call] for i in range(0, len(quick), self._skus_per_call)]
        slow = [state for state in batch if not _is_quick(state)]
        work = [*groups, *([state] for state in slow)]
        results = await gather_bounded(self._push_group, work, at_once=AT_ONCE)
        return [result for group in results for result in group]

    async def _push_group(self, group: Sequence[ListingState]) -> list[PushResult]:
        async with self._locks.hold_all(state.platform_sku for state in group):
            if not _is_quick(group[0]):
                return [await self._settle(state) for state in group]
            results = await self._reviser.revise(group)
            return [
                await self._settle(state) if _must_look_again(results[state.listing_id]) else results[state.listing_id]
                for state in group
            ]

    async def _settle(self, state: ListingState) -> PushResult:
        """Brings one listing to its state from wherever it is. What was learned is told even of a failure."""
        learned: dict[str, str] = {}
        result = await self._settle_once(state, learned)
        for delay_s in busy_delays():
            if result.code != errors.CONCURRENT_ACCESS:
                break
            await asyncio.sleep(delay_s)
            result = await self._settle_once(state, learned)
        return replace(result, external_ids=learned)

    async def _settle_once(self, state: ListingState, learned: dict[str, str]) -> PushResult:
        bring_about = self._end if state.phase is ListingPhase.ENDED else self._show
        try:
            await bring_about(state, learned)
        except ChannelError as error:
            return failed(state, error)
        return PushResult(state.listing_id, Outcome.DONE)

    async def _show(self, state: ListingState, learned: dict[str, str]) -> None:
        _check_sku(state)
        item, offer = await asyncio.gather(
            self._client.get_item(state.platform_sku), self._offer_of(state.platform_sku)
        )
        if offer is None and state.quantity == 0:
            # Nothing to sell and nothing shown: that is what was asked. It is made when there is something to sell.
            return
        if offer is None and not self._may_create:
            raise ChannelError(Outcome.PERMANENT, NOT_LISTED, code="not_listed")
        if state.price is None and (offer is None or mapping.offer_price(offer) is None):
            raise ChannelError(Outcome.PERMANENT, PRICE_MISSING, code="price_missing")
        if offer is not None:
            learned.update(mapping.offer_ids(offer))
        await self._write(state, item, offer, learned)

    async def _write(
        self,
        state: ListingState,
        item: Mapping[str, Any] | None,
        offer: Mapping[str, Any] | None,
        learned: dict[str, str],
    ) -> None:
        """Writes what differs, item before offer, and publishes."""
        defaults = await self._terms.defaults()
        wanted_item = mapping.merged_item(state, item)
        if item is not None and offer is not None and mapping.is_published(offer):
            wanted_offer = mapping.merged_offer(state, offer, defaults)
            if mapping.same_content(wanted_item, item) and mapping.same_content(wanted_offer, offer):
                await self._revise_published(state, learned)
                return
        if wanted_item != mapping.writable(item):
            await self._spend_if_published(state, offer, learned)
            await self._client.put_item(state.platform_sku, wanted_item)
        if offer is None:
            offer = await self._create(state, mapping.new_offer(state, defaults))
            learned.update(mapping.offer_ids(offer))
        wanted_offer = mapping.merged_offer(state, offer, defaults)
        if wanted_offer != mapping.writable(offer):
            await self._spend_if_published(state, offer, learned)
            await self._client.put_offer(learned["offer_id"], wanted_offer)
        if not mapping.is_published(offer) and state.quantity > 0:
            learned[LISTING_ID] = await self._publish(learned["offer_id"])

    async def _revise_published(self, state: ListingState, learned: Mapping[str, str]) -> None:
        known = replace(state, external_ids=learned)
        result = (await self._reviser.revise([known]))[state.listing_id]
        if result.outcome is not Outcome.DONE:
            raise ChannelError(result.outcome, result.message, code=result.code, retry_after_s=result.retry_after_s)

    async def _spend_if_published(
        self, state: ListingState, offer: Mapping[str, Any] | None, learned: Mapping[str, str]
    ) -> None:
        if offer is not None and mapping.is_published(offer):
            await self._reviser.spend(state, learned["offer_id"])

    async def _create(self, state: ListingState, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
        """Creates the offer, or finds the one that is there.

        eBay refuses a second offer with its catch-all code, and a lost answer may hide one that was made: either way it shows
        among the offers of the SKU.
        """
        try:
            offer_id = await self._client.create_offer(wanted)
        except ChannelError as error:
            if error.outcome not in (Outcome.UNKNOWN, Outcome.PERMANENT):
                raise
            found = await self._offer_of(state.platform_sku)
            if found is None:
                raise
            return found
        return {**wanted, "offerId": offer_id, "status": "UNPUBLISHED"}

    async def _publish(self, offer_id: str) -> str:
        try:
            return await self._client.publish(offer_id)
        except ChannelError as error:
            if error.outcome is not Outcome.UNKNOWN:
                raise
            listing_id = mapping.offer_ids(await self._client.get_offer(offer_id) or {}).get(LISTING_ID)
            if listing_id is None:
                raise
            return listing_id

    async def _end(self, state: ListingState, learned: dict[str, str]) -> None:
        offer = await self.find_offer(state)
        if offer is None or not mapping.is_published(offer):
            return
        offer_id = str(offer.get("offerId", ""))
        learned["offer_id"] = offer_id
        try:
            await self._client.withdraw(offer_id)
        except ChannelError as error:
            if not errors.is_not_found(error.code) and not await self._has_ended(error, offer_id):
                raise

    async def _has_ended(self, error: ChannelError, offer_id: str) -> bool:
        if error.outcome is not Outcome.UNKNOWN:
            return False
        offer = await self._client.get_offer(offer_id)
        return offer is None or not mapping.is_published(offer)

    async def find_offer(self, state: ListingState) -> Mapping[str, Any] | None:
        """Reads a listing's offer, by its id or else by its SKU; None when there is none."""
        offer_id = state.external_ids.get("offer_id")
        offer = await self._client.get_offer(offer_id) if offer_id else None
        return offer or await self._offer_of(state.platform_sku)

    async def _offer_of(self, sku: str) -> Mapping[str, Any] | None:
        return mapping.pick_offer(await self._client.get_offers(sku), self._marketplace_id)


def _is_quick(state: ListingState) -> bool:
    ids = state.external_ids
    is_known = bool(ids.get("offer_id")) and bool(ids.get(LISTING_ID))
    return is_known and not state.content_changed and state.phase is ListingPhase.LIVE


def _must_look_again(result: PushResult) -> bool:
    return result.outcome is Outcome.PERMANENT and result.code in _LOOK_AGAIN


def _check_sku(state: ListingState) -> None:
    if not 0 < len(state.platform_sku) <= mapping.MAX_SKU_CHARS:
        raise ChannelError(Outcome.PERMANENT, f"An eBay SKU has 1 to {mapping.MAX_SKU_CHARS} characters.", code="25708")
