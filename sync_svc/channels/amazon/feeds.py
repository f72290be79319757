"""Many listings in one feed: for a backlog that single calls would take long to carry.

A feed takes minutes. So its listings are not done when it is sent: each remembers the feed, its message and what it asked for,
nothing else is sent for it meanwhile (Amazon may apply the two in any order), and a later push asks what became of it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync_svc.channels.amazon import errors, mapping
from sync_svc.channels.amazon.client import AmazonClient
from sync_svc.channels.base import ChannelError, ListingPhase, ListingState, Outcome
from sync_svc.channels.codec import objects_of
from sync_svc.channels.locks import KeyedLocks

FEED = "feed"
"""Among a listing's external ids: the feed it waits for, as `<feed>:<message>:<what was asked for>`; empty when none."""
FEED_BATCH = 10_000
BREAK_EVEN = 1_500
CHECK_EVERY_S = 60.0
PENDING = "feed_pending"
_BETWEEN_FEEDS_S = 300.0
_STATUS_KEPT_S = 20.0
_MOST_REPORTS = 20
_UNFINISHED = frozenset({"IN_QUEUE", "IN_PROGRESS"})


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a listing remembers of the feed it is in."""

    feed_id: str
    message_id: int
    asked_for: str

    def __str__(self) -> str:
        return f"{self.feed_id}:{self.message_id}:{self.asked_for}"


def ticket_of(state: ListingState) -> Ticket | None:
    """The feed a listing waits for; None when for none."""
    feed_id, _, rest = state.external_ids.get(FEED, "").partition(":")
    number, _, asked_for = rest.partition(":")
    return Ticket(feed_id, int(number), asked_for) if feed_id and number.isascii() and number.isdecimal() else None


def asks_for(state: ListingState) -> str:
    """What a state shows, in short: whether two pushes ask for the same."""
    return "ended" if state.phase is ListingPhase.ENDED else f"{state.quantity}@{state.price}"


class Backlog:
    """Notices that more listings wait than single calls carry: full batches, one after the other, up to the break-even."""

    def __init__(self, break_even: int, batch: int) -> None:
        self._break_even = break_even
        self._batch = batch
        self._in_a_row = 0
        self._next_feed_at = 0.0

    def note(self, size: int) -> None:
        """Counts one push."""
        self._in_a_row = self._in_a_row + size if size >= self._batch else 0

    def fed(self) -> None:
        """A feed was sent: the next one has to wait."""
        self._next_feed_at = time.monotonic() + _BETWEEN_FEEDS_S

    @property
    def wants_feed(self) -> bool:
        """Whether the next push should take as many listings as a feed holds."""
        return 0 < self._break_even <= self._in_a_row and time.monotonic() >= self._next_feed_at


class Feeds:
    """Sends feeds of one seller and tells what became of them."""

    def __init__(self, client: AmazonClient, terms: mapping.Terms, seller_id: str) -> None:
        self._client = client
        self._terms = terms
        self._seller_id = seller_id
        self._locks = KeyedLocks()
        self._statuses: dict[str, tuple[float, Mapping[str, Any]]] = {}
        self._reports: OrderedDict[str, Mapping[int, list[Mapping[str, Any]]]] = OrderedDict()
        self._unfinished: tuple[float, bool] = (0.0, False)

    async def send(self, states: Sequence[ListingState]) -> dict[int, Ticket]:
        """Sends one feed; answers each listing's ticket. Raises `ChannelError`."""
        messages = [self._message(number, state) for number, state in enumerate(states, 1)]
        header = {
            "sellerId": self._seller_id,
            "version": "2.0",
            "issueLocale": self._terms.language,
            "report": {"includedData": ["issues"], "apiVersion": "2021-08-01"},
        }
        feed_id = await self._client.create_feed({"header": header, "messages": messages})
        return {state.listing_id: Ticket(feed_id, number, asks_for(state)) for number, state in enumerate(states, 1)}

    def _message(self, number: int, state: ListingState) -> dict[str, Any]:
        product_type = state.external_ids.get("product_type", "")
        body = mapping.patch_body(state, self._terms, product_type)
        return {"messageId": number, "sku": state.platform_sku, "operationType": "PATCH", **body}

    async def outcome(self, ticket: Ticket) -> ChannelError | None:
        """What became of a listing's message: None when it was applied. Raises `ChannelError` when that cannot be told now.

        A feed that broke off may have applied any part of itself, so its listings are read back.
        """
        feed = await self._status(ticket.feed_id)
        status = str(feed.get("processingStatus"))
        if status in _UNFINISHED:
            return ChannelError(Outcome.RETRY, "Amazon is still working on the feed.", code=PENDING)
        if status != "DONE":
            return ChannelError(Outcome.UNKNOWN, f"The feed ended as {status}.", code=f"feed_{status.lower()}")
        issues = errors.serious((await self._issues(ticket.feed_id, feed)).get(ticket.message_id, []))
        if not issues:
            return None
        return ChannelError(Outcome.PERMANENT, errors.issue_text(issues), code=errors.issue_code(issues))

    async def any_unfinished(self) -> bool:
        """Whether a listings feed of this seller, from whomever, is queued or under way. Raises `ChannelError`."""
        async with self._locks.hold("unfinished"):
            until, found = self._unfinished
            if time.monotonic() >= until:
                found = bool(await self._client.unfinished_feeds())
                self._unfinished = (time.monotonic() + CHECK_EVERY_S, found)
            return found

    async def _status(self, feed_id: str) -> Mapping[str, Any]:
        """How far a feed has come; asked once for all its listings."""
        async with self._locks.hold(feed_id):
            until, feed = self._statuses.get(feed_id, (0.0, {}))
            if time.monotonic() < until:
                return feed
            try:
                feed = await self._client.get_feed(feed_id)
            except ChannelError as error:
                if not errors.is_unknown_sku(error.code):
                    raise
                feed = {"processingStatus": "FORGOTTEN"}
            if len(self._statuses) >= _MOST_REPORTS:
                self._statuses.pop(next(iter(self._statuses)))
            is_final = str(feed.get("processingStatus")) not in _UNFINISHED
            kept_s = CHECK_EVERY_S * 10 if is_final else _STATUS_KEPT_S
            self._statuses[feed_id] = (time.monotonic() + kept_s, feed)
            return feed

    async def _issues(self, feed_id: str, feed: Mapping[str, Any]) -> Mapping[int, list[Mapping[str, Any]]]:
        """The issues of a finished feed by message, read once."""
        async with self._locks.hold(feed_id):
            if feed_id not in self._reports:
                report = await self._client.get_report(str(feed.get("resultFeedDocumentId") or ""))
                self._reports[feed_id] = _by_message(report)
                if len(self._reports) > _MOST_REPORTS:
                    self._reports.popitem(last=False)
            return self._reports[feed_id]


def _by_message(report: Mapping[str, Any]) -> dict[int, list[Mapping[str, Any]]]:
    found: dict[int, list[Mapping[str, Any]]] = {}
    for issue in objects_of(report, "issues"):
        message_id = issue.get("messageId")
        if isinstance(message_id, int):
            found.setdefault(message_id, []).append(issue)
    return found
