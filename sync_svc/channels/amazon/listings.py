"""How listings come to show what they shall on Amazon: match by SKU, then patch quantity and price together.

Everything sent is absolute, so any push can be repeated. Accepted is not applied: each change is looked at a moment later, as far
as the quota has room for that, and an error raised meanwhile ends it. A backlog goes out as a feed; see `feeds`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync_svc.channels.amazon import errors, mapping
from sync_svc.channels.amazon.client import AmazonClient
from sync_svc.channels.amazon.feeds import (
    CHECK_EVERY_S,
    FEED,
    FEED_BATCH,
    PENDING,
    Backlog,
    Feeds,
    asks_for,
    ticket_of,
)
from sync_svc.channels.amazon.looks import SEARCHED_AT_ONCE, Looks, is_searchable
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

BATCH = 15
_MOST_SINGLE = 60
_AT_ONCE = 8
# Few listings are read one by one: a search may be behind.
_FEW = 5
# What has not begun after this long is given back. No listing waits for the others of its push longer than that, neither with
# numbers that were read when the push began nor with a sale that comes meanwhile.
_BEGIN_WITHIN_S = 2.5
# The first look comes before Amazon has done anything: it tells which objections stood already.
_CONFIRM_AFTER_S = (0.0, 0.1, 0.4)

NOT_CONFIRMED = "not_confirmed"
# Kept among a listing's ids: the hub has made it, whether or not Amazon shows it to a reader already.
_MADE = "made"
_LATER = frozenset({PENDING, NOT_CONFIRMED})

Item = Mapping[str, Any]

UNKNOWN_PRODUCT = (
    "Amazon needs a product type and its attributes to make a listing. Name them in the listing's metadata or in the channel's"
    " options, or make the listing at Amazon: it is then found by its SKU."
)


@dataclass(slots=True)
class _Course:
    """One listing of a push on its way, and its end when it has come to one."""

    state: ListingState
    learned: dict[str, str] = field(default_factory=dict)
    found: Item | None = None
    """What a search before found of it."""
    was_searched: bool = False
    sent: Sequence[Mapping[str, Any]] = ()
    """The patches that were accepted and are looked for now."""
    is_new: bool = False
    error: ChannelError | None = None
    is_over: bool = False

    def end(self, error: ChannelError | None = None) -> None:
        self.error, self.is_over = error, True

    @property
    def shows_nothing(self) -> bool:
        """Whether nothing of it shall be for sale, so that one which is not there is as it should be."""
        return self.state.phase is ListingPhase.ENDED or self.state.quantity == 0

    def result(self) -> PushResult:
        listing_id, error = self.state.listing_id, self.error
        if error is None:
            return PushResult(listing_id, Outcome.DONE, external_ids=self.learned)
        return PushResult(
            listing_id,
            error.outcome,
            error.message,
            error.code,
            error.retry_after_s,
            self.learned,
            wait_s=CHECK_EVERY_S if error.code in _LATER else None,
        )


class ListingPusher:
    """Pushes and reads listings of one seller. Work on the same SKU waits for each other."""

    def __init__(self, client: AmazonClient, terms: mapping.Terms, feeds: Feeds, *, feed_from: int) -> None:
        """`feed_from` is the backlog from which on a feed is used; 0 is never."""
        self._client = client
        self._terms = terms
        self._feeds = feeds
        self._backlog = Backlog(feed_from, BATCH)
        self._locks = KeyedLocks()
        self._gate = asyncio.Semaphore(_AT_ONCE)
        # What has to be taken off, with one call each, does not wait behind what has to be looked for.
        self._first_gate = asyncio.Semaphore(_AT_ONCE)
        self._looks = Looks(client, terms)

    async def aclose(self) -> None:
        """Looks for nothing any more."""
        await self._looks.aclose()

    @property
    def max_batch(self) -> int:
        """Few, unless so many are waiting that a feed is the better way."""
        return FEED_BATCH if self._backlog.wants_feed else BATCH

    async def push(self, batch: Sequence[ListingState]) -> list[PushResult]:
        """Makes Amazon show these states; one result each."""
        self._backlog.note(len(batch))
        async with self._locks.hold_all(state.platform_sku for state in batch):
            courses = [_Course(state) for state in batch]
            begin_until = asyncio.get_running_loop().time() + _BEGIN_WITHIN_S
            await self._each(courses, self._settle_feed)
            left = [course for course in courses if not course.is_over]
            if len(left) > _MOST_SINGLE:
                await self._feed([course for course in left if _is_quick(course.state, self._terms)])

            left = [course for course in left if not course.is_over]
            await self._search([course for course in left if not _is_quick(course.state, self._terms)])

            async def work(course: _Course) -> None:
                await self._show_in_time(course, begin_until)

            await self._each(left, work)
            return [course.result() for course in courses]

    async def read(self, batch: Sequence[ListingState]) -> list[LiveListing]:
        """Reads what Amazon shows; raises `ChannelError`."""
        is_searched = len(batch) > _FEW
        items = await self._found([state.platform_sku for state in batch]) if is_searched else {}

        async def read_one(state: ListingState) -> LiveListing:
            sku = state.platform_sku
            item = items.get(sku)
            if item is None and not (is_searched and is_searchable(sku) and state.was_never_offered):
                # It may only be too new for a search.
                item = await self._get(sku)
            return mapping.live_listing(state, item, self._terms)

        return await gather_bounded(read_one, batch, at_once=_AT_ONCE)

    async def _found(self, skus: Sequence[str]) -> dict[str, Item]:
        """What searches find of these SKUs. Each that is in no answer may be too new for a search, or hold a comma."""
        items: dict[str, Item] = {}
        searchable = [sku for sku in skus if is_searchable(sku)]
        for begin in range(0, len(searchable), SEARCHED_AT_ONCE):
            items |= await self._client.search_listings(searchable[begin : begin + SEARCHED_AT_ONCE], mapping.SHOWN)
        return items

    async def _search(self, courses: Sequence[_Course]) -> None:
        """Looks for many at once, which spares a call for each; without an answer they are looked for one by one."""
        if len(courses) <= _FEW:
            return
        try:
            items = await self._found([course.state.platform_sku for course in courses])
        except ChannelError:
            return
        for course in courses:
            course.found = items.get(course.state.platform_sku)
            course.was_searched = is_searchable(course.state.platform_sku)

    async def _get(self, sku: str) -> Item | None:
        return await self._client.get_listing(sku, mapping.SHOWN)

    async def _each(self, courses: Sequence[_Course], work: Callable[[_Course], Awaitable[None]]) -> None:
        """Does `work` on each, and looks what became of what was sent; a failure ends the course it is about."""

        async def one(course: _Course) -> None:
            is_first = course.shows_nothing and _is_quick(course.state, self._terms)
            try:
                async with self._first_gate if is_first else self._gate:
                    await work(course)
                # Others may send meanwhile: this is mostly waiting.
                if course.sent and not course.is_over:
                    await self._confirm(course)
            except ChannelError as error:
                course.end(error)

        await gather_bounded(one, courses, at_once=len(courses) or 1)

    # -- feeds ----------------------------------------------------------------------------------------------------

    async def _settle_feed(self, course: _Course) -> None:
        """Asks what became of the feed a listing waits for; without an end of it nothing else is sent."""
        ticket = ticket_of(course.state)
        if ticket is None:
            if course.state.in_doubt and await self._feeds.any_unfinished():
                # It may be in that feed: a worker was stopped before it could say so.
                course.end(ChannelError(Outcome.RETRY, "A feed is still under way at Amazon.", code=PENDING))
            return
        error = await self._feeds.outcome(ticket)
        if error is not None and error.code == PENDING:
            course.end(error)
            return
        course.learned[FEED] = ""
        is_what_is_wanted = ticket.asked_for == asks_for(course.state) and not course.state.content_changed
        if is_what_is_wanted or (error is not None and error.outcome is Outcome.UNKNOWN):
            course.end(error)

    async def _feed(self, courses: Sequence[_Course]) -> None:
        """Sends all of these as one feed, whose end a later push asks for."""
        if not courses:
            return
        self._backlog.fed()
        try:
            tickets = await self._feeds.send([course.state for course in courses])
        except ChannelError as error:
            for course in courses:
                course.end(error)
            return
        for course in courses:
            course.learned[FEED] = str(tickets[course.state.listing_id])
            course.end(ChannelError(Outcome.RETRY, "Sent in a feed, which takes Amazon some minutes.", code=PENDING))

    # -- one listing ----------------------------------------------------------------------------------------------

    async def _show_in_time(self, course: _Course, begin_until: float) -> None:
        if asyncio.get_running_loop().time() > begin_until:
            raise ChannelError(Outcome.RETRY, "More than Amazon takes at once; it goes on.", code=OVER_QUOTA)
        _check_sku(course.state)
        if _is_quick(course.state, self._terms):
            try:
                await self._patch(course, course.state.external_ids["product_type"])
                return
            except ChannelError as error:
                if not errors.is_unknown_sku(error.code):
                    raise
        await self._match(course)

    async def _match(self, course: _Course) -> None:
        """Brings a listing to its state from wherever it is."""
        state = course.state
        item = course.found
        if item is None and not (course.was_searched and course.shows_nothing and not state.external_ids):
            # Of what is to be shown, or was ever made or known here, a search says too little: it may be too new for it.
            item = await self._get(state.platform_sku)
        if item is None:
            await self._create(course)
            return
        course.learned |= mapping.external_ids(item, state.platform_sku, self._terms)
        if state.phase is ListingPhase.ENDED:
            await self._end(course)
            return
        if mapping.is_shipped_by_amazon(item):
            text = "Amazon ships this listing from its own stock, so its quantity cannot be set."
            raise ChannelError(Outcome.PERMANENT, text, code="fulfilled_by_amazon")
        if state.price is None and mapping.price_of(item, self._terms) is None:
            raise ChannelError(Outcome.PERMANENT, PRICE_MISSING, code="price_missing")
        await self._patch(course, course.learned["product_type"])

    async def _create(self, course: _Course) -> None:
        state = course.state
        if course.shows_nothing:
            # Nothing to sell and nothing shown: that is what was asked. It is made when there is something to sell.
            course.end()
            return
        if not self._terms.may_create:
            raise ChannelError(Outcome.PERMANENT, NOT_LISTED, code="not_listed")
        if state.price is None:
            raise ChannelError(Outcome.PERMANENT, PRICE_MISSING, code="price_missing")
        if not mapping.can_create(state, self._terms):
            raise ChannelError(Outcome.PERMANENT, UNKNOWN_PRODUCT, code="product_type_missing")
        body = mapping.new_listing(state, self._terms)
        await self._client.put_listing(state.platform_sku, body)
        course.learned[_MADE] = "1"
        course.sent, course.is_new = [{"path": f"/attributes/{name}"} for name in body["attributes"]], True

    async def _patch(self, course: _Course, product_type: str) -> None:
        body = mapping.patch_body(course.state, self._terms, product_type)
        await self._client.patch_listing(course.state.platform_sku, body)
        course.sent = body["patches"]

    async def _end(self, course: _Course) -> None:
        """Takes the offer away and keeps the listing, or deletes it where the channel says so."""
        sku, product_type = course.state.platform_sku, course.learned["product_type"]
        if self._terms.delete_ended:
            await self._client.delete_listing(sku)
            course.end()
            return
        try:
            await self._patch(course, product_type)
            await self._confirm(course)
        except ChannelError as error:
            if error.outcome is not Outcome.PERMANENT:
                raise
            # Where the offer cannot be taken away, nothing to sell comes to the same for buyers.
            await self._client.patch_listing(sku, mapping.out_of_stock(self._terms, product_type))
            course.end()

    async def _confirm(self, course: _Course) -> None:
        """Looks a few times whether what was accepted is shown; raises `ChannelError` when Amazon objects to it.

        Neither shown nor objected to is done: Amazon may take minutes, and the next reading back tells. Where an objection
        stood before, the two cannot be told apart, so the listing is looked at again later.
        """
        stood: list[Item] | None = [] if course.is_new else None
        found: list[Item] = []
        for delay_s in _CONFIRM_AFTER_S:
            await asyncio.sleep(delay_s)
            is_last = delay_s == _CONFIRM_AFTER_S[-1]
            item = await self._looks.look(course.state, course.sent, is_new=course.is_new, is_last=is_last)
            if item is None:
                continue
            course.learned.pop(_MADE, None)
            course.learned |= mapping.external_ids(item, course.state.platform_sku, self._terms)
            if mapping.shows(course.state, item, self._terms):
                course.end()
                return
            found = mapping.objections(item, course.sent)
            stood = found if stood is None else stood
        raised = [issue for issue in found if stood is not None and issue not in stood]
        if raised:
            text = f"Amazon accepted this and then objected: {errors.issue_text(raised)}"
            raise ChannelError(Outcome.PERMANENT, text, code=errors.issue_code(raised))
        if found:
            text = f"Amazon accepted this and does not show it yet; it says: {errors.issue_text(found)}"
            raise ChannelError(Outcome.RETRY, text, code=NOT_CONFIRMED)
        course.end()


def _is_quick(state: ListingState, terms: mapping.Terms) -> bool:
    """Whether a patch can be sent without looking first."""
    is_known = bool(state.external_ids.get("product_type"))
    return is_known and state.phase is ListingPhase.LIVE and not mapping.sends_content(state, terms)


def _check_sku(state: ListingState) -> None:
    if not 0 < len(state.platform_sku) <= mapping.MAX_SKU_CHARS:
        text = f"An Amazon SKU has 1 to {mapping.MAX_SKU_CHARS} characters."
        raise ChannelError(Outcome.PERMANENT, text, code="sku_length")
