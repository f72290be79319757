"""Pushes the listings of one channel: lease, read the truth, send absolute numbers, record.

A worker that dies anywhere in between loses its lease and nothing else: whoever takes the listings next reads back what the
platform shows, because the former push may have been applied.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from chassis.clock import now
from chassis.errors import HubError
from sync_svc.channels.base import Channel as Connector
from sync_svc.channels.base import ChannelError, ListingPhase, ListingState, LiveListing, Outcome, PushResult
from sync_svc.domain.backoff import backoff_s
from sync_svc.domain.channel import Channel
from sync_svc.domain.listing import LeasedListing
from sync_svc.planner import in_order_of_urgency, is_live_as_wanted, is_shown_already, plan
from sync_svc.progress import ListingPushed, Progress
from sync_svc.storage.channels import ChannelNotes
from sync_svc.storage.leases import Lease, Leases, Recorded, Timing
from sync_svc.upstream import TruthSource
from sync_svc.workers.errands import Errands
from sync_svc.workers.silence import Silence
from sync_svc.workers.wakeups import Alarm

log = logging.getLogger(__name__)

_MESSAGE_CHARS = 1000
_TRUTH_RETRY_S = 1.0
_PAUSE_AFTER_ERROR_S = 0.5
PUSHES_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class PushTools:
    """What every push worker shares."""

    leases: Leases
    truth: TruthSource
    notes: ChannelNotes
    progress: Progress
    push_timeout_s: float
    backstop_s: float


@dataclass(frozen=True, slots=True)
class _Job:
    """The listings of one lease with what each should show."""

    lease: Lease
    listings: dict[int, LeasedListing]
    states: dict[int, ListingState]
    sends_until: float
    """Event loop time after which nothing may be sent: the lease ends soon after."""


class PushWorker:
    """Keeps one channel's listings as they should be. Any number of these may run for a channel, in any processes."""

    def __init__(self, channel: Channel, connector: Connector, tools: PushTools, alarm: Alarm) -> None:
        self._channel = channel
        self._connector = connector
        self._tools = tools
        self._alarm = alarm
        self._slots = asyncio.Semaphore(PUSHES_AT_ONCE)
        self._errands = Errands(f"channel {channel.id}")
        self._silence = Silence(tools.notes, channel.id)

    async def run(self) -> None:
        """Work until cancelled; pushes under way then get a moment to end."""
        try:
            while True:
                try:
                    await self._start_next()
                except HubError as error:
                    log.warning("channel %d: no listings can be taken: %s", self._channel.id, error.message)
                    await asyncio.sleep(_PAUSE_AFTER_ERROR_S)
        finally:
            await self._errands.stop()

    async def _start_next(self) -> None:
        """Take the next listings when a slot is free and push them beside the others; else sleep until there are some."""
        async with self._slots:
            token = uuid4()
            sends_until = asyncio.get_running_loop().time() + self._tools.push_timeout_s
            lease = await self._tools.leases.take(self._channel.id, token, self._connector.max_batch)
        if lease is None:
            await self._alarm.sleep(self._tools.backstop_s)
            return
        await self._slots.acquire()
        self._errands.start(self._push(lease, sends_until), then=self._slots.release)

    async def _push(self, lease: Lease, sends_until: float) -> None:
        try:
            job = await self._plan(lease, sends_until)
        except HubError as error:
            log.warning("channel %d: the truth cannot be read: %s", self._channel.id, error.message)
            await self._tools.leases.give_back(lease, _TRUTH_RETRY_S)
            return
        started_at, started = now(), time.perf_counter()
        ends = await self._carry_out(job)
        timing = Timing(started_at, round((time.perf_counter() - started) * 1000))
        await self._record(job, ends, timing)

    async def _plan(self, lease: Lease, sends_until: float) -> _Job:
        truth = await self._tools.truth.truth([listing.variant_id for listing in lease.listings])
        listings = {listing.id: listing for listing in lease.listings}
        states = {listing.id: plan(listing, truth, lease.rules, lease.state) for listing in lease.listings}
        return _Job(lease, listings, states, sends_until)

    async def _carry_out(self, job: _Job) -> list[Recorded]:
        """Send what has to be sent; every listing of the job gets its end."""
        done, to_send = _sort_out(job)
        unknown = [state for state in to_send if job.listings[state.listing_id].was_left_unknown]
        if unknown:
            settled, to_send = await self._settle(job, unknown, to_send)
            done += settled
        results = await self._send(in_order_of_urgency(to_send), job.sends_until) if to_send else []
        await self._heed(results)
        return done + [self._end(job, result) for result in results]

    async def _settle(
        self, job: _Job, unknown: Sequence[ListingState], to_send: Sequence[ListingState]
    ) -> tuple[list[Recorded], list[ListingState]]:
        """Read back what former pushes left unknown: what is right is done, the rest is sent with the ids learned."""
        try:
            async with asyncio.timeout_at(job.sends_until):
                live = {item.listing_id: item for item in await self._connector.read(unknown)}
        except (ChannelError, TimeoutError) as error:
            results = [_failed(state, error) for state in unknown]
            await self._heed(results)
            # Whatever kept the read from working, what the platform shows is still unknown.
            ends = [self._end(job, replace(result, outcome=Outcome.UNKNOWN), sent=False) for result in results]
            return ends, [state for state in to_send if state not in unknown]
        return _compare(job, live, to_send)

    async def _send(self, states: Sequence[ListingState], sends_until: float) -> list[PushResult]:
        """One push; every state gets a result, whatever happens."""
        try:
            async with asyncio.timeout_at(sends_until):
                results = {result.listing_id: result for result in await self._connector.push(states)}
        except (ChannelError, TimeoutError) as error:
            return [_failed(state, error) for state in states]
        except Exception as error:
            log.error("channel %d: the connector broke", self._channel.id, exc_info=error)
            return [_failed(state, error) for state in states]
        return [results.get(state.listing_id) or _unanswered(state) for state in states]

    async def _heed(self, results: Iterable[PushResult]) -> None:
        """Let the account be silent for the first answer that asks for it."""
        for result in sorted(results, key=lambda item: item.outcome is Outcome.DONE):
            if await self._silence.heed(result.outcome, result.message, result.retry_after_s) is not None:
                return

    def _end(self, job: _Job, result: PushResult, *, sent: bool = True) -> Recorded:
        state = job.states[result.listing_id]
        listing = job.listings[result.listing_id]
        return Recorded(
            listing_id=listing.id,
            generation=listing.generation,
            outcome=result.outcome.value,
            quantity=None if state.phase is ListingPhase.ENDED else state.quantity,
            price=state.price,
            currency=state.currency,
            message=_printable(result.message),
            code=_printable(result.code)[:100],
            external_ids=json.dumps(dict(result.external_ids)),
            wait_s=result.retry_after_s or backoff_s(listing.attempts + 1),
            sent=sent,
        )

    async def _record(self, job: _Job, ends: Sequence[Recorded], timing: Timing) -> None:
        recorded = await self._tools.leases.record(job.lease, ends, timing)
        if len(recorded) < len(ends):
            log.warning(
                "channel %d: %d listings were lost to another worker", self._channel.id, len(ends) - len(recorded)
            )
        if due := [due_in_s for due_in_s in recorded.values() if due_in_s is not None]:
            self._alarm.ring_in(min(due))
        if self._tools.progress.is_watched:
            for end in ends:
                if end.sent and end.listing_id in recorded:
                    self._tools.progress.tell(self._pushed(job.listings[end.listing_id], end, timing))

    def _pushed(self, listing: LeasedListing, end: Recorded, timing: Timing) -> ListingPushed:
        return ListingPushed(
            at=now(),
            listing_id=listing.id,
            channel_id=self._channel.id,
            platform=self._channel.platform,
            account=self._channel.account,
            sku=listing.sku,
            platform_sku=listing.platform_sku,
            quantity_before=listing.pushed_quantity,
            quantity=end.quantity,
            price=end.price,
            currency=end.currency,
            outcome=end.outcome,
            message=end.message,
            duration_ms=timing.duration_ms,
        )


def _sort_out(job: _Job) -> tuple[list[Recorded], list[ListingState]]:
    """What is shown already, and what has to be sent."""
    done, to_send = [], []
    for listing in job.lease.listings:
        state = job.states[listing.id]
        if is_shown_already(listing, state):
            done.append(_done_unsent(listing, state))
        else:
            to_send.append(state)
    return done, to_send


def _compare(
    job: _Job, live: dict[int, LiveListing], to_send: Sequence[ListingState]
) -> tuple[list[Recorded], list[ListingState]]:
    done, still = [], []
    for state in to_send:
        found = live.get(state.listing_id)
        if found is None:
            still.append(state)
        elif not state.content_changed and is_live_as_wanted(state, found):
            done.append(_done_unsent(job.listings[state.listing_id], state, json.dumps(dict(found.external_ids))))
        else:
            still.append(replace(state, external_ids={**state.external_ids, **found.external_ids}))
    return done, still


def _done_unsent(listing: LeasedListing, state: ListingState, external_ids: str = "{}") -> Recorded:
    ended = state.phase is ListingPhase.ENDED
    return Recorded(
        listing_id=listing.id,
        generation=listing.generation,
        outcome=Outcome.DONE.value,
        quantity=None if ended else state.quantity,
        price=state.price,
        currency=state.currency,
        external_ids=external_ids,
        sent=False,
    )


def _failed(state: ListingState, error: Exception) -> PushResult:
    if isinstance(error, ChannelError):
        return PushResult(
            state.listing_id, error.outcome, error.message, code=error.code, retry_after_s=error.retry_after_s
        )
    if isinstance(error, TimeoutError):
        return PushResult(state.listing_id, Outcome.UNKNOWN, "The platform did not answer in time.", code="timeout")
    return PushResult(state.listing_id, Outcome.UNKNOWN, "The connector broke; see the log.", code="broken")


def _unanswered(state: ListingState) -> PushResult:
    return PushResult(
        state.listing_id, Outcome.UNKNOWN, "The platform's answer left this listing out.", code="left_out"
    )


def _printable(text: str) -> str:
    """A platform's words as the database takes them."""
    return text.replace("\0", "")[:_MESSAGE_CHARS]
