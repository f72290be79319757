"""How items come to show what they shall: find by SKU or create, change what differs, then book the difference in stock.

SKUs are unique in an organization, so a second create of the same one is refused. Stock is the one thing that may not be sent
twice; see `adjustments`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sync_svc.channels.base import (
    OVER_QUOTA,
    ChannelError,
    ListingPhase,
    ListingState,
    LiveListing,
    Outcome,
    PushResult,
)
from sync_svc.channels.gathering import gather_bounded
from sync_svc.channels.locks import KeyedLocks
from sync_svc.channels.refusals import NOT_LISTED, PRICE_MISSING
from sync_svc.channels.zoho import errors, mapping
from sync_svc.channels.zoho.adjustments import IN_DOUBT, NEEDS_APPROVAL, Difference, StockBook, document_reference
from sync_svc.channels.zoho.client import ZohoClient
from sync_svc.channels.zoho.items_by_sku import ItemsBySku

MAX_BATCH = 100
_AT_ONCE = 4
# From here on a list of the organization's items is the better way to look for what was never offered.
_FEW = 10
# What has not begun after this long is given back, so that a push ends before its lease does.
_BEGIN_WITHIN_S = 12.0

Item = Mapping[str, Any]


@dataclass(slots=True)
class _Course:
    """One listing of a push on its way: the item it has, what was learned, and its end when it has come to one."""

    state: ListingState
    item: Item | None = None
    learned: dict[str, str] = field(default_factory=dict)
    error: ChannelError | None = None
    is_over: bool = False

    def end(self, error: ChannelError | None = None) -> None:
        self.error, self.is_over = error, True

    def result(self) -> PushResult:
        listing_id, error = self.state.listing_id, self.error
        if error is None:
            return PushResult(listing_id, Outcome.DONE, external_ids=self.learned)
        return PushResult(listing_id, error.outcome, error.message, error.code, error.retry_after_s, self.learned)


class ListingPusher:
    """Pushes and reads items of one organization. Work on the same item waits for each other."""

    def __init__(self, client: ZohoClient, terms: mapping.Terms) -> None:
        self._client = client
        self._terms = terms
        self._book = StockBook(client, terms)
        self._items_by_sku = ItemsBySku(client)
        self._locks = KeyedLocks()

    async def push(self, batch: Sequence[ListingState]) -> list[PushResult]:
        """Makes the organization show these states; one result each."""
        async with self._locks.hold_all(state.platform_sku for state in batch):
            courses = [_Course(state) for state in batch]
            try:
                await self._book.clear_doubts(batch)
            except ChannelError as error:
                return [_still_in_doubt(course, error) for course in courses]
            await self._find_items(courses)
            begin_until = asyncio.get_running_loop().time() + _BEGIN_WITHIN_S

            async def prepare(course: _Course) -> None:
                await self._prepare(course, begin_until)

            await gather_bounded(prepare, _unfinished(courses), at_once=_AT_ONCE)
            await self._bring_stock(_unfinished(courses))
            return [course.result() for course in courses]

    async def read(self, batch: Sequence[ListingState]) -> list[LiveListing]:
        """Reads what the organization shows; raises `ChannelError`."""
        courses = [_Course(state) for state in batch]
        await self._find_items(courses, await self._listed_ids(batch))
        for course in courses:
            if course.error is not None:
                raise course.error
        return [mapping.live_listing(course.state, course.item, self._terms) for course in courses]

    # -- finding --------------------------------------------------------------------------------------------------

    async def _listed_ids(self, batch: Sequence[ListingState]) -> dict[int, str]:
        """Of many listings that were never offered: the ids of their items, by listing, empty for what is not there."""
        states = [state for state in batch if state.was_never_offered]
        ids = await self._items_by_sku.ids() if len(states) > _FEW else None
        return {} if ids is None else {state.listing_id: ids.get(state.platform_sku, "") for state in states}

    async def _find_items(self, courses: Sequence[_Course], listed: Mapping[int, str] = MappingProxyType({})) -> None:
        """Reads each listing's item, by id or else by SKU. A failure ends the course it is about."""
        known = {
            item_id: course
            for course in courses
            if (item_id := _known_id(course.state) or listed.get(course.state.listing_id))
        }
        for ids in _chunks(list(known)):
            try:
                items = await self._client.get_items(ids)
            except ChannelError as error:
                for item_id in ids:
                    known[item_id].end(error)
                continue
            for item_id, item in items.items():
                if item_id in known and _is_the_one(item, known[item_id].state):
                    known[item_id].item = item
        rest = [course for course in courses if course.item is None and not course.is_over]
        unknown = [course for course in rest if listed.get(course.state.listing_id) != ""]
        await gather_bounded(self._find_item, unknown, at_once=_AT_ONCE)

    async def _find_item(self, course: _Course) -> None:
        try:
            course.item = await self._client.find_item(course.state.platform_sku)
        except ChannelError as error:
            course.end(error)

    # -- item, price and content ----------------------------------------------------------------------------------

    async def _prepare(self, course: _Course, begin_until: float) -> None:
        """Brings everything but the stock about."""
        if asyncio.get_running_loop().time() > begin_until:
            course.end(ChannelError(Outcome.RETRY, "More than Zoho takes at once; it goes on.", code=OVER_QUOTA))
            return
        try:
            if course.state.phase is ListingPhase.ENDED:
                await self._end(course)
            else:
                await self._show(course)
        except ChannelError as error:
            course.end(error)

    async def _end(self, course: _Course) -> None:
        """Off sale; the item and its stock stay on the books."""
        if course.item is not None:
            course.learned |= mapping.external_ids(course.item)
            if mapping.is_active(course.item):
                await self._client.mark_item(course.learned["item_id"], "inactive")
        course.end()

    async def _show(self, course: _Course) -> None:
        state = course.state
        if course.item is None:
            if state.quantity == 0:
                # Nothing to sell and nothing shown: that is what was asked. It is made when there is something to sell.
                course.end()
                return
            if not self._terms.may_create:
                raise ChannelError(Outcome.PERMANENT, NOT_LISTED, code="not_listed")
            if state.price is None:
                raise ChannelError(Outcome.PERMANENT, PRICE_MISSING, code="price_missing")
            course.item = await self._create(state)
            course.learned |= mapping.external_ids(course.item)
            return
        course.learned |= mapping.external_ids(course.item)
        item_id = course.learned["item_id"]
        if not mapping.is_active(course.item):
            await self._client.mark_item(item_id, "active")
        await self._change(state, item_id, course.item)

    async def _create(self, state: ListingState) -> Item:
        """Creates the item, or finds the one that is there after all."""
        try:
            return await self._create_once(state, with_sku=False)
        except ChannelError as error:
            if error.code == errors.TAKEN:
                # Not the SKU, which would have been found, so it is the name.
                return await self._create_once(state, with_sku=True)
            raise

    async def _create_once(self, state: ListingState, *, with_sku: bool) -> Item:
        try:
            return await self._client.create_item(mapping.new_item(state, self._terms, with_sku=with_sku))
        except ChannelError as error:
            if not errors.may_have_counted(error) and error.code != errors.TAKEN:
                raise
            found = await self._client.find_item(state.platform_sku)
            if found is None:
                raise
            return found

    async def _change(self, state: ListingState, item_id: str, item: Item) -> None:
        fields = mapping.changes(state, item)
        if fields is None:
            return
        try:
            await self._client.update_item(item_id, fields)
        except ChannelError as error:
            fields = mapping.changes(state, item, with_sku=True)
            if error.code != errors.TAKEN or fields is None:
                raise
            await self._client.update_item(item_id, fields)

    # -- stock ----------------------------------------------------------------------------------------------------

    async def _bring_stock(self, courses: Sequence[_Course]) -> None:
        """Books what is missing to each quantity, all in one document."""
        differences = []
        for course in courses:
            stock = await self._stock(course)
            if course.is_over:
                continue
            if stock is None:
                text = "Zoho does not track this item's stock, so it cannot be set."
                course.end(ChannelError(Outcome.PERMANENT, text, code="not_tracked"))
            elif stock == course.state.quantity:
                _forget_doubt(course)
            else:
                units = course.state.quantity - stock
                differences.append(Difference(course.state, course.learned["item_id"], units))
        if not differences:
            return
        ends = await self._book.book(differences)
        by_id = {course.state.listing_id: course for course in courses}
        reference = document_reference([one.state for one in differences])
        for listing_id, error in ends.items():
            _conclude(by_id[listing_id], error, reference)

    async def _stock(self, course: _Course) -> int | None:
        """What an item has; it is read by itself where a list, or the answer to its creation, does not tell."""
        stock = mapping.stock_of(course.item or {}, self._terms)
        if stock is not None:
            return stock
        try:
            item = await self._client.get_item(course.learned["item_id"])
        except ChannelError as error:
            course.end(error)
            return None
        return mapping.stock_of(item or {}, self._terms)


def _conclude(course: _Course, error: ChannelError | None, reference: str) -> None:
    """The end of a listing whose difference was booked, or was not."""
    course.end(error)
    if error is None:
        _forget_doubt(course)
    elif error.outcome is Outcome.UNKNOWN or error.code == NEEDS_APPROVAL:
        course.learned[IN_DOUBT] = reference


def _forget_doubt(course: _Course) -> None:
    if course.state.external_ids.get(IN_DOUBT):
        course.learned[IN_DOUBT] = ""
    course.is_over = True


def _still_in_doubt(course: _Course, error: ChannelError) -> PushResult:
    """Nothing was sent, and what a former push has left is still not known."""
    outcome = error.outcome if error.outcome is Outcome.AUTH else Outcome.UNKNOWN
    is_in_doubt = course.state.in_doubt or bool(course.state.external_ids.get(IN_DOUBT))
    return PushResult(
        course.state.listing_id,
        outcome if is_in_doubt else error.outcome,
        error.message,
        error.code,
        error.retry_after_s,
    )


def _unfinished(courses: Sequence[_Course]) -> list[_Course]:
    return [course for course in courses if not course.is_over]


def _known_id(state: ListingState) -> str:
    return mapping.text_id(state.external_ids.get("item_id") or state.external_ids.get("listing_id"))


def _is_the_one(item: Item, state: ListingState) -> bool:
    """Whether an item read by id is the listing's; an imported id may be another item's."""
    return bool(state.external_ids.get("item_id")) or str(item.get("sku", "")) == state.platform_sku


def _chunks(item_ids: Sequence[str]) -> list[Sequence[str]]:
    return [item_ids[begin : begin + MAX_BATCH] for begin in range(0, len(item_ids), MAX_BATCH)]
