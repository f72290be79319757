"""Pushes the listings of one channel: lease, read the truth, send absolute numbers, record.

A worker that dies anywhere in between loses its lease and nothing else: whoever takes the listings next reads back what the
platform shows, because the former push may have been applied.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

from chassis.clock import now
from chassis.errors import HubError
from chassis.tracing import TRACING
from sync_svc.channels.base import Channel as Connector
from sync_svc.channels.base import ChannelError, ListingState, Outcome, PushResult
from sync_svc.domain.channel import Channel
from sync_svc.domain.listing import LeasedListing
from sync_svc.planner import in_order_of_urgency, plan
from sync_svc.progress import ListingPushed, Progress
from sync_svc.storage.channels import ChannelNotes
from sync_svc.storage.leases import Lease, Leases, Recorded, Timing
from sync_svc.upstream import TruthSource
from sync_svc.workers.ends import Job, compare, failed, recorded_end, sort_out, unanswered
from sync_svc.workers.errands import Errands, take
from sync_svc.workers.rush import Rush
from sync_svc.workers.silence import Silence
from sync_svc.workers.wakeups import Alarm

log = logging.getLogger(__name__)

_TRUTH_RETRY_S = 1.0
_PAUSE_AFTER_ERROR_S = 0.5
PUSHES_AT_ONCE = 4
_SHOWN_SKUS = 20
# Beyond these, pushes of what may be gone already: they never wait behind the rest.
URGENT_PUSHES_BESIDE = 2


@dataclass(frozen=True, slots=True)
class PushTools:
    """What every push worker shares."""

    leases: Leases
    truth: TruthSource
    notes: ChannelNotes
    progress: Progress
    push_timeout_s: float
    backstop_s: float
    new_lease: Callable[[], UUID] = uuid4
    rush: Rush = field(default_factory=Rush)


class PushWorker:
    """Keeps one channel's listings as they should be. Any number of these may run for a channel, in any processes."""

    def __init__(self, channel: Channel, connector: Connector, tools: PushTools, alarm: Alarm) -> None:
        self._channel = channel
        self._connector = connector
        self._tools = tools
        self._alarm = alarm
        self._errands = Errands(f"channel {channel.id}")
        self._silence = Silence(tools.notes, channel.id)
        self._left_some = False
        """Whether the last look left listings that wait for a free place."""

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
        """Take the next listings when there is room and push them beside the others; else sleep until there is something."""
        sends_until = asyncio.get_running_loop().time() + self._tools.push_timeout_s
        most = self._connector.max_batch
        self._left_some = len(self._errands) >= PUSHES_AT_ONCE
        lease = await self._take(most) if len(self._errands) < PUSHES_AT_ONCE + URGENT_PUSHES_BESIDE else None
        if lease is not None:
            self._errands.start(self._push(lease, sends_until), then=self._look_for_what_was_left)
        if lease is None or len(lease.listings) < most:
            # Whatever becomes due from now on is rung for.
            await self._alarm.sleep(min(self._tools.backstop_s, self._tools.rush.left_s() or self._tools.backstop_s))

    def _look_for_what_was_left(self) -> None:
        if self._left_some:
            self._alarm.ring_in(0)

    async def _take(self, most: int) -> Lease | None:
        # What may be gone is taken off at any hour and beside everything else; the rest waits for the channel's schedule, a free
        # place, and the end of a rush.
        is_full = len(self._errands) >= PUSHES_AT_ONCE
        only_urgent = is_full or self._tools.rush.left_s() > 0 or not self._channel.rules.schedule.is_open(now())
        taking = self._tools.leases.take(self._channel.id, self._tools.new_lease(), most, only_urgent=only_urgent)
        return await take(taking, self._give_back)

    async def _give_back(self, lease: Lease | None) -> None:
        if lease is not None:
            await self._tools.leases.give_back(lease, 0)

    async def _push(self, lease: Lease, sends_until: float) -> None:
        channel, skus = self._channel, ",".join(listing.sku for listing in lease.listings[:_SHOWN_SKUS])
        told: dict[str, str | int] = {"hub.listings": len(lease.listings), "hub.skus": skus}
        with TRACING.span(f"push {channel.platform}/{channel.account}", told):
            await self._push_leased(lease, sends_until)

    async def _push_leased(self, lease: Lease, sends_until: float) -> None:
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

    async def _plan(self, lease: Lease, sends_until: float) -> Job:
        truth = await self._tools.truth.truth([listing.variant_id for listing in lease.listings])
        listings = {listing.id: listing for listing in lease.listings}
        states = {listing.id: plan(listing, truth, lease.rules, lease.state) for listing in lease.listings}
        return Job(lease, listings, states, sends_until)

    async def _carry_out(self, job: Job) -> list[Recorded]:
        """Send what has to be sent; every listing of the job gets its end."""
        done, to_send = sort_out(job)
        unknown = [state for state in to_send if job.listings[state.listing_id].was_left_unknown]
        if unknown:
            settled, to_send = await self._settle(job, unknown, to_send)
            done += settled
        results = await self._send(in_order_of_urgency(to_send), job.sends_until) if to_send else []
        await self._heed(results)
        return done + [recorded_end(job, result) for result in results]

    async def _settle(
        self, job: Job, unknown: Sequence[ListingState], to_send: Sequence[ListingState]
    ) -> tuple[list[Recorded], list[ListingState]]:
        """Read back what former pushes left unknown: what is right is done, the rest is sent with the ids learned."""
        try:
            async with asyncio.timeout_at(job.sends_until):
                live = {item.listing_id: item for item in await self._connector.read(unknown)}
        except (ChannelError, TimeoutError) as error:
            results = [failed(state, error) for state in unknown]
            await self._heed(results)
            # Whatever kept the read from working, what the platform shows is still unknown.
            ends = [recorded_end(job, replace(result, outcome=Outcome.UNKNOWN), sent=False) for result in results]
            return ends, [state for state in to_send if state not in unknown]
        return compare(job, live, to_send)

    async def _send(self, states: Sequence[ListingState], sends_until: float) -> list[PushResult]:
        """One push; every state gets a result, whatever happens."""
        try:
            async with asyncio.timeout_at(sends_until):
                results = {result.listing_id: result for result in await self._connector.push(states)}
        except (ChannelError, TimeoutError) as error:
            return [failed(state, error) for state in states]
        except Exception as error:
            log.error("channel %d: the connector broke", self._channel.id, exc_info=error)
            return [failed(state, error) for state in states]
        return [results.get(state.listing_id) or unanswered(state) for state in states]

    async def _heed(self, results: Iterable[PushResult]) -> None:
        """Let the account be silent for the first answer that asks for it."""
        for result in sorted(results, key=lambda item: item.outcome is Outcome.DONE):
            if await self._silence.heed(result.outcome, result.message, result.retry_after_s) is not None:
                return

    async def _record(self, job: Job, ends: Sequence[Recorded], timing: Timing) -> None:
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
