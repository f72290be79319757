"""Looks for orders at intervals, beside the webhooks: what a webhook lost is found here.

The first look comes with the start, for what was ordered while nobody listened.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.clock import now
from chassis.database import Database
from chassis.errors import HubError
from sync_svc.channels.base import Channel as Connector
from sync_svc.channels.base import ChannelError, ChannelOrder, Outcome
from sync_svc.domain.backoff import backoff_s
from sync_svc.domain.channel import Channel
from sync_svc.storage.channels import ChannelNotes, end_poll
from sync_svc.storage.deliveries import queue_polled
from sync_svc.storage.runs import add_poll_run
from sync_svc.workers.silence import Silence
from sync_svc.workers.wakeups import Alarm

log = logging.getLogger(__name__)

LEASE_S = 15.0
_RENEW_S = 5.0
# Of several processes that start at once, one look is enough.
_START_GAP_S = 3.0
_TIME_LIMIT_S = 90.0
_MOST_PAGES = 50
_PAUSE_AFTER_ERROR_S = 1.0


@dataclass(frozen=True, slots=True)
class PollTools:
    """What every poller shares."""

    db: Database
    notes: ChannelNotes
    backstop_s: float
    new_lease: Callable[[], UUID] = uuid4


@dataclass(slots=True)
class _Look:
    """What one look for orders found."""

    orders: list[ChannelOrder]
    cursor: str | None
    error: ChannelError | None = None

    @property
    def last_order_at(self) -> datetime | None:
        return max((order.placed_at for order in self.orders), default=None)


class OrderPoller:
    """Polls one channel; of several workers one has the turn."""

    def __init__(self, channel: Channel, connector: Connector, tools: PollTools, alarm: Alarm, orders: Alarm) -> None:
        self._channel = channel
        self._connector = connector
        self._tools = tools
        self._alarm = alarm
        self._orders = orders
        self._silence = Silence(tools.notes, channel.id)
        self._failures = 0

    async def run(self) -> None:
        """Poll until cancelled."""
        is_started = False
        while True:
            try:
                if not is_started:
                    await self._tools.notes.poll_soon(self._channel.id, unless_within_s=_START_GAP_S)
                    is_started = True
                await self._poll_when_due()
            except HubError as error:
                log.warning("channel %d: orders cannot be polled: %s", self._channel.id, error.message)
                await asyncio.sleep(_PAUSE_AFTER_ERROR_S)
            await self._alarm.sleep(self._tools.backstop_s)

    async def _poll_when_due(self) -> None:
        lease = self._tools.new_lease()
        try:
            cursor = await self._tools.notes.claim_poll(self._channel.id, lease, LEASE_S)
            if cursor is not None:
                async with self._kept(lease):
                    await self._poll(lease, cursor)
        except asyncio.CancelledError:
            with contextlib.suppress(HubError):
                await self._tools.notes.give_poll_back(self._channel.id, lease)
            raise

    @contextlib.asynccontextmanager
    async def _kept(self, lease: UUID) -> AsyncIterator[None]:
        """Keep the turn meanwhile. It is short, so that the next process need not wait long for the turn of one that died."""

        async def keep() -> None:
            while True:
                await asyncio.sleep(_RENEW_S)
                with contextlib.suppress(HubError):
                    await self._tools.notes.keep_poll(self._channel.id, lease, LEASE_S)

        keeping = asyncio.create_task(keep())
        try:
            yield
        finally:
            keeping.cancel()

    async def _poll(self, lease: UUID, cursor: str) -> None:
        started_at, started = now(), time.perf_counter()
        look = await self._look(cursor)
        self._failures = self._failures + 1 if look.error else 0
        wait_s = await self._wait_s(look)
        duration_ms = round((time.perf_counter() - started) * 1000)

        async def work(conn: AsyncConnection) -> int:
            queued = await queue_polled(conn, self._channel.id, look.orders)
            await end_poll(
                conn,
                self._channel.id,
                lease,
                cursor=look.cursor,
                wait_s=wait_s,
                last_order_at=look.last_order_at,
            )
            # A look that found nothing leaves no trace but its time.
            if queued or look.error:
                message = look.error.message if look.error else ""
                await add_poll_run(conn, self._channel.id, started_at, duration_ms, len(look.orders), message)
            return queued

        if await self._tools.db.run(work):
            self._orders.ring_in(0)

    async def _look(self, cursor: str) -> _Look:
        """Read page by page; what was read before a failure counts, and the cursor moves as far."""
        look = _Look([], None)
        try:
            async with asyncio.timeout(_TIME_LIMIT_S):
                for _ in range(_MOST_PAGES):
                    page = await self._connector.orders_since(cursor)
                    look.orders.extend(page.orders)
                    look.cursor = cursor = page.cursor
                    if not page.more:
                        break
        except ChannelError as error:
            look.error = error
        except TimeoutError:
            look.error = ChannelError(Outcome.RETRY, "The platform did not answer in time.", code="timeout")
        return look

    async def _wait_s(self, look: _Look) -> float:
        interval_s = float(self._channel.rules.poll_interval_s)
        error = look.error
        if error is None:
            await self._silence.heed(Outcome.DONE, "", None)
            return interval_s
        silent_s = await self._silence.heed(error.outcome, error.message, error.retry_after_s)
        return silent_s or min(interval_s, backoff_s(self._failures))
