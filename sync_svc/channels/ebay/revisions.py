"""Price and quantity of published eBay listings: one call for one SKU or for many, within each listing's revisions of the day."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress

from sync_svc.channels.base import ChannelError, ListingPhase, ListingState, Outcome, PushResult
from sync_svc.channels.budgets import DailyBudget
from sync_svc.channels.ebay import errors, mapping
from sync_svc.channels.ebay.client import EbayClient
from sync_svc.channels.limits import QuotaExhausted
from sync_svc.channels.sharing import NotShared

REVISIONS_PER_DAY = 250
# The last revisions of a day are kept for taking a listing's stock to zero: what cannot be shown must not be sold.
REVISIONS_KEPT_FOR_ZERO = 25
_BUSY_DELAYS_S = (0.2, 0.5, 1.0)


class Reviser:
    """Revises listings of one account. The caller sees to it that no SKU is revised twice at once."""

    def __init__(self, client: EbayClient, budget: DailyBudget | None = None) -> None:
        self._client = client
        self._budget = budget or DailyBudget(
            "revisions of offer", limit=REVISIONS_PER_DAY, reserve=REVISIONS_KEPT_FOR_ZERO
        )

    async def revise(self, states: Sequence[ListingState]) -> dict[int, PushResult]:
        """Sets price and quantity of listings whose `offer_id` is known; answers by listing id and never raises."""
        results = await self._revise_once(states)
        for delay_s in busy_delays():
            busy = [state for state in states if results[state.listing_id].code == errors.CONCURRENT_ACCESS]
            if not busy:
                break
            await asyncio.sleep(delay_s)
            results |= await self._revise_once(busy)
        return results

    async def prepare(self, states: Sequence[ListingState]) -> None:
        """Draws the revisions of many listings in one step. Each that has none yet afterwards draws by itself."""
        with suppress(NotShared):
            await self._budget.prepare([state.external_ids["offer_id"] for state in states])

    async def spend(self, state: ListingState, offer_id: str) -> None:
        """Counts one revision of a published listing; raises `ChannelError` when none is left for such a change."""
        await self._prepare([offer_id])
        self._spend(state, offer_id)

    async def _prepare(self, offer_ids: Sequence[str]) -> None:
        try:
            await self._budget.prepare(offer_ids)
        except NotShared as error:
            raise ChannelError(Outcome.RETRY, f"the revisions of the day cannot be told: {error}") from error

    def _spend(self, state: ListingState, offer_id: str) -> None:
        is_urgent = state.quantity == 0 or state.phase is ListingPhase.ENDED
        try:
            self._budget.spend(offer_id, urgent=is_urgent)
        except QuotaExhausted as error:
            # Only this listing has to wait, not the account, so no time to be silent is given.
            raise ChannelError(Outcome.RETRY, str(error), code="revisions_spent") from error

    async def _revise_once(self, states: Sequence[ListingState]) -> dict[int, PushResult]:
        try:
            await self._prepare([state.external_ids["offer_id"] for state in states])
        except ChannelError as error:
            return {state.listing_id: failed(state, error) for state in states}
        results, affordable = self._spend_for(states)
        if not affordable:
            return results
        requests = [mapping.price_and_quantity(state, [state.external_ids["offer_id"]]) for state in affordable]
        try:
            body = await self._client.update_price_quantity(requests)
        except ChannelError as error:
            return results | await self._after_refusal(affordable, error)
        return results | {result.listing_id: result for result in mapping.results_of_bulk(body, affordable)}

    async def _after_refusal(self, states: Sequence[ListingState], error: ChannelError) -> dict[int, PushResult]:
        if error.outcome is not Outcome.PERMANENT or len(states) == 1:
            return {state.listing_id: failed(state, error) for state in states}
        # The call as a whole was refused, perhaps for one SKU of it: each gets an answer of its own.
        results: dict[int, PushResult] = {}
        for state in states:
            results |= await self._revise_once([state])
        return results

    def _spend_for(self, states: Sequence[ListingState]) -> tuple[dict[int, PushResult], list[ListingState]]:
        results: dict[int, PushResult] = {}
        affordable = []
        for state in states:
            try:
                self._spend(state, state.external_ids["offer_id"])
                affordable.append(state)
            except ChannelError as error:
                results[state.listing_id] = failed(state, error)
        return results, affordable


def busy_delays() -> list[float]:
    """How long to wait before each further try when eBay is busy with the same item."""
    return [delay_s * random.uniform(0.8, 1.2) for delay_s in _BUSY_DELAYS_S]


def failed(state: ListingState, error: ChannelError) -> PushResult:
    """The result of a listing whose exchange failed."""
    return PushResult(state.listing_id, error.outcome, error.message, error.code, error.retry_after_s)
