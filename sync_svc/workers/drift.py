"""Reads every live listing of a channel from time to time and compares it with the hub: what a push, a person or the platform
itself has left wrong is found here.

A difference counts when it is still there after a second look, taken after a look for orders: a sale that the hub has not heard
of yet is no drift, and mending it would offer the sold unit again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from chassis.database import Database
from chassis.errors import HubError
from sync_svc.channels.base import Channel as Connector
from sync_svc.channels.base import ChannelError, ListingState, LiveListing, Outcome
from sync_svc.domain.backoff import backoff_s
from sync_svc.domain.channel import Channel
from sync_svc.domain.drift import Difference
from sync_svc.domain.listing import LeasedListing
from sync_svc.planner import difference, plan
from sync_svc.storage.channels import ChannelNotes, poll_now
from sync_svc.storage.drift import Compared, Passes, PassLost
from sync_svc.upstream import TruthSource
from sync_svc.workers.silence import Silence
from sync_svc.workers.wakeups import WorkAlarms

log = logging.getLogger(__name__)

LEASE_S = 180.0
_READ_TIME_LIMIT_S = 60.0
_READ_AT_ONCE = 100
_PAUSE_AFTER_ERROR_S = 1.0
_FIRST_WAIT_S = 5.0
# Pushes come first: below this part of a quota a pass waits for its refill.
_KEPT_FOR_PUSHES = 4
_REFILL_S = 1.0


@dataclass(frozen=True, slots=True)
class DriftTools:
    """What every pass works with."""

    db: Database
    truth: TruthSource
    notes: ChannelNotes
    alarms: WorkAlarms
    backstop_s: float
    confirm_s: float = 3.0
    """Seconds between the two looks at a difference."""
    new_lease: Callable[[], UUID] = uuid4


class Reconciler:
    """Makes one channel's passes; of several workers one has the turn."""

    def __init__(self, channel: Channel, connector: Connector, tools: DriftTools) -> None:
        self._channel = channel
        self._connector = connector
        self._tools = tools
        self._passes = Passes(tools.db, channel.id, lease_s=LEASE_S)
        self._silence = Silence(tools.notes, channel.id)
        self._failures = 0

    async def run(self) -> None:
        """Reconcile when it is due, until cancelled."""
        alarm = self._tools.alarms.reconciles.of(self._channel.id)
        is_planned = False
        while True:
            try:
                if not is_planned:
                    await self._passes.plan(self._channel.rules.reconcile_interval_s)
                    is_planned = True
                await self._pass_when_due()
            except HubError as error:
                log.warning("channel %d: cannot be reconciled: %s", self._channel.id, error.message)
                await asyncio.sleep(_PAUSE_AFTER_ERROR_S)
            await alarm.sleep(self._tools.backstop_s)

    async def _pass_when_due(self) -> None:
        lease = self._tools.new_lease()
        try:
            after_id = await self._passes.claim(lease)
            if after_id is not None:
                await self._pass(lease, after_id)
        except PassLost:
            log.info("channel %d: another worker goes on with the pass", self._channel.id)
        except (ChannelError, TimeoutError) as error:
            await self._give_up_for_now(lease, error)
        except (asyncio.CancelledError, HubError):
            with contextlib.suppress(HubError):
                await self._passes.release(lease, 0, "")
            raise

    async def _pass(self, lease: UUID, after_id: int) -> None:
        while listings := await self._passes.next_batch(after_id, _READ_AT_ONCE):
            after_id = listings[-1].id
            compared = await self._compare(listings)
            self._failures = 0
            if await self._passes.record(lease, compared, mend=self._channel.rules.mend_drift):
                self._tools.alarms.pushes.of(self._channel.id).ring_in(0)
            await self._leave_room()
        await self._passes.end(lease, self._channel.rules.reconcile_interval_s)

    async def _compare(self, listings: Sequence[LeasedListing]) -> Compared:
        right, suspects = await self._look(listings)
        confirmed: Sequence[Difference] = ()
        if suspects:
            await self._hear_of_orders()
            again = await self._passes.again([one.listing_id for one in suspects])
            right_after_all, confirmed = await self._look(again)
            right += right_after_all
        return Compared(listings[-1].id, len(listings), right, confirmed)

    async def _look(self, listings: Sequence[LeasedListing]) -> tuple[list[tuple[int, int]], list[Difference]]:
        """What is right, as listing and generation, and what differs. A listing the platform did not answer for is neither."""
        if not listings:
            return [], []
        truth = await self._tools.truth.truth([listing.variant_id for listing in listings])
        channel = self._channel
        states = {one.id: plan(one, truth, channel.rules, channel.state) for one in listings}
        right, differing = [], []
        for live in await self._read(list(states.values())):
            wanted = states[live.listing_id]
            found = difference(wanted, live)
            if found is None:
                right.append((wanted.listing_id, wanted.generation))
            else:
                differing.append(found)
        return right, differing

    async def _read(self, states: Sequence[ListingState]) -> list[LiveListing]:
        async with asyncio.timeout(_READ_TIME_LIMIT_S):
            return await self._connector.read(states)

    async def _hear_of_orders(self) -> None:
        async with self._tools.db.transaction() as conn:
            await poll_now(conn, self._channel.id)
        self._tools.alarms.polls.of(self._channel.id).ring_in(0)
        await asyncio.sleep(self._tools.confirm_s)

    async def _leave_room(self) -> None:
        while any(quota.remaining * _KEPT_FOR_PUSHES < quota.limit for quota in self._connector.quotas()):
            await asyncio.sleep(_REFILL_S)
            return

    async def _give_up_for_now(self, lease: UUID, error: ChannelError | TimeoutError) -> None:
        self._failures += 1
        wait_s = backoff_s(self._failures, first_s=_FIRST_WAIT_S)
        message = "The platform did not answer in time."
        if isinstance(error, ChannelError):
            message = error.message
            if error.outcome is Outcome.AUTH:
                wait_s = await self._silence.heed(error.outcome, message, None) or wait_s
            # A quota that is used up keeps this pass waiting, not the account's pushes.
            wait_s = error.retry_after_s or wait_s
        log.info("channel %d: the pass waits %.0f s: %s", self._channel.id, wait_s, message)
        await self._passes.release(lease, wait_s, message)
