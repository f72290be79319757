"""Reads the queue of a platform that calls no webhook: what its messages point at is kept, and then they are settled."""

from __future__ import annotations

import asyncio
import logging

from chassis.database import Database
from chassis.errors import HubError
from sync_svc.channels.base import ChannelError, HintQueue
from sync_svc.domain.backoff import backoff_s
from sync_svc.domain.channel import Channel
from sync_svc.operations.webhooks import keep_hints
from sync_svc.workers.wakeups import Alarm

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 1.0


class QueueReader:
    """Reads one channel's queue; any number of these may run for a channel, in any processes."""

    def __init__(self, channel: Channel, queue: HintQueue, db: Database, orders: Alarm) -> None:
        self._channel = channel
        self._queue = queue
        self._db = db
        self._orders = orders

    async def run(self) -> None:
        """Read until cancelled. A message whose hints were not kept comes again."""
        failures = 0
        while True:
            try:
                await self._read()
                failures = 0
            except (ChannelError, HubError) as error:
                failures += 1
                wait_s = backoff_s(failures, first_s=_FIRST_PAUSE_S)
                log.warning("channel %d: its queue cannot be read: %s", self._channel.id, error)
                await asyncio.sleep(wait_s)

    async def _read(self) -> None:
        queued = await self._queue.receive_hints()
        if await keep_hints(self._db, self._channel.id, queued.hints):
            self._orders.ring_in(0)
        if queued.receipts:
            await self._queue.settle_hints(queued)
