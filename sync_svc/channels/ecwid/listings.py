"""How listings come to show what they shall in an Ecwid store: find by SKU, then create or change, many at a time.

SKUs are unique in a store, so a second create of the same one is refused and any push can be repeated after any crash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from sync_svc.channels.base import ChannelError, ListingPhase, ListingState, LiveListing, Outcome, PushResult
from sync_svc.channels.codec import fields_of
from sync_svc.channels.ecwid import mapping
from sync_svc.channels.ecwid.client import EcwidClient, Reply, Request
from sync_svc.channels.refusals import NOT_LISTED, PRICE_MISSING


@dataclass(frozen=True, slots=True)
class _Write:
    """One write to make: a change of the listing at `place`, or its creation."""

    state: ListingState
    place: mapping.Place | None

    def request(self) -> Request:
        if self.place is None:
            return Request("POST", "/products", mapping.new_product(self.state))
        return Request("PUT", self.place.path, mapping.changes(self.state, self.place))


class ListingPusher:
    """Pushes and reads listings of one store."""

    def __init__(self, client: EcwidClient, *, may_create: bool) -> None:
        self._client = client
        self._may_create = may_create

    async def push(self, batch: Sequence[ListingState]) -> list[PushResult]:
        """Makes the store show these states; one result each."""
        results, doubtful = await self._push_once(batch)
        if doubtful:
            # What was thought to be there is not, or the other way round: look by SKU and try once more.
            forgotten = [replace(state, external_ids={}) for state in doubtful]
            results |= (await self._push_once(forgotten))[0]
        return [results[state.listing_id] for state in batch]

    async def read(self, batch: Sequence[ListingState]) -> list[LiveListing]:
        """Reads what the store shows; raises `ChannelError`."""
        placed = [(state, place) for state in batch if (place := mapping.place_of(state)) is not None]
        live = await self._read_placed(placed)
        rest = [state for state in batch if state.listing_id not in live or not live[state.listing_id].exists]
        live |= await self._read_by_sku(rest)
        return [live[state.listing_id] for state in batch]

    # -- pushing --------------------------------------------------------------------------------------------------

    async def _push_once(self, batch: Sequence[ListingState]) -> tuple[dict[int, PushResult], list[ListingState]]:
        """One round: results for all, and those states whose place turned out to be wrong."""
        results, writes = await self._plan(batch)
        replies = await self._client.send_all([write.request() for write in writes])
        doubtful: list[ListingState] = []
        unchanged: list[_Write] = []
        for write, reply in zip(writes, replies, strict=True):
            state = write.state
            results[state.listing_id] = _result(write, reply)
            if _is_doubtful(write, reply):
                doubtful.append(state)
            elif _changed_nothing(write, reply):
                unchanged.append(write)
        return results | await self._confirm(unchanged), doubtful

    async def _plan(self, batch: Sequence[ListingState]) -> tuple[dict[int, PushResult], list[_Write]]:
        """What to write for each state; a result at once where there is nothing to write."""
        results: dict[int, PushResult] = {}
        writes: list[_Write] = []
        unplaced = [state for state in batch if mapping.place_of(state) is None]
        found = await self._find(unplaced)
        for state in batch:
            place = found.get(state.listing_id) if state.listing_id in found else mapping.place_of(state)
            if isinstance(place, ChannelError):
                results[state.listing_id] = _failed(state, place)
            elif place is not None:
                writes.append(_Write(state, place))
            elif state.phase is ListingPhase.ENDED or state.quantity == 0:
                # Nothing to sell and nothing shown: that is what was asked. It is made when there is something to sell.
                results[state.listing_id] = PushResult(state.listing_id, Outcome.DONE)
            elif not self._may_create:
                results[state.listing_id] = _refused(state, NOT_LISTED, "not_listed")
            elif state.price is None:
                results[state.listing_id] = _refused(state, PRICE_MISSING, "price_missing")
            else:
                writes.append(_Write(state, None))
        return results, writes

    async def _find(self, states: Sequence[ListingState]) -> dict[int, mapping.Place | ChannelError | None]:
        replies = await self._client.send_all([_by_sku(state) for state in states])
        return {
            state.listing_id: reply
            if isinstance(reply, ChannelError)
            else mapping.find_place(reply.body, state.platform_sku)
            for state, reply in zip(states, replies, strict=True)
        }

    async def _confirm(self, writes: Sequence[_Write]) -> dict[int, PushResult]:
        """Settles the changes Ecwid counted as none: done when the store shows what was asked, or else to be repeated."""
        placed = [(write.state, write.place) for write in writes if write.place is not None]
        try:
            live = await self._read_placed(placed)
        except ChannelError as error:
            return {state.listing_id: _failed(state, error) for state, _ in placed}
        return {
            state.listing_id: PushResult(state.listing_id, Outcome.DONE, external_ids=place.external_ids)
            if mapping.shows(state, live[state.listing_id])
            else PushResult(state.listing_id, Outcome.RETRY, "Ecwid changed nothing.", "not_applied")
            for state, place in placed
        }

    # -- reading --------------------------------------------------------------------------------------------------

    async def _read_placed(self, placed: Sequence[tuple[ListingState, mapping.Place]]) -> dict[int, LiveListing]:
        replies = await self._client.send_all([Request("GET", f"/products/{place.product_id}") for _, place in placed])
        return {
            state.listing_id: mapping.live_listing(state, place, _body_or_none(reply))
            for (state, place), reply in zip(placed, replies, strict=True)
        }

    async def _read_by_sku(self, states: Sequence[ListingState]) -> dict[int, LiveListing]:
        replies = await self._client.send_all([_by_sku(state) for state in states])
        live = {}
        for state, reply in zip(states, replies, strict=True):
            body = _body_or_none(reply)
            place = mapping.find_place(body, state.platform_sku)
            product = mapping.product_of(body, place) if place else None
            live[state.listing_id] = mapping.live_listing(state, place, product) if place else mapping.absent(state)
        return live


def _by_sku(state: ListingState) -> Request:
    return Request("GET", f"/products?sku={quote(state.platform_sku, safe='')}")


def _body_or_none(reply: Reply) -> Any:
    """The body of a read; None when the thing is not there; raises every other failure."""
    if not isinstance(reply, ChannelError):
        return reply.body
    if reply.code == mapping.NOT_FOUND:
        return None
    raise reply


def _result(write: _Write, reply: Reply) -> PushResult:
    state = write.state
    if isinstance(reply, ChannelError):
        return _failed(state, reply)
    if write.place is not None:
        return PushResult(state.listing_id, Outcome.DONE, external_ids=write.place.external_ids)
    product_id = _field(reply.body, "id")
    if not product_id:
        return PushResult(state.listing_id, Outcome.UNKNOWN, "Ecwid's answer holds no product id.", "unreadable")
    return PushResult(state.listing_id, Outcome.DONE, external_ids=mapping.Place(str(product_id)).external_ids)


def _is_doubtful(write: _Write, reply: Reply) -> bool:
    """Whether the listing has to be looked for again: it was gone, it was there already, or it may have been made."""
    if not isinstance(reply, ChannelError):
        return write.place is None and not _field(reply.body, "id")
    if write.place is None:
        return reply.code == mapping.SKU_TAKEN or reply.outcome is Outcome.UNKNOWN
    return reply.code == mapping.NOT_FOUND


def _changed_nothing(write: _Write, reply: Reply) -> bool:
    return write.place is not None and not isinstance(reply, ChannelError) and _field(reply.body, "updateCount") == 0


def _field(body: Any, name: str) -> Any:
    return fields_of(body).get(name)


def _failed(state: ListingState, error: ChannelError) -> PushResult:
    return PushResult(state.listing_id, error.outcome, error.message, error.code, error.retry_after_s)


def _refused(state: ListingState, message: str, code: str) -> PushResult:
    return PushResult(state.listing_id, Outcome.PERMANENT, message, code)
