"""Reads and applies the orders of one channel that a webhook or a poll has pointed at."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

from chassis.clock import now
from chassis.errors import HubError
from sync_svc.channels.base import Channel as Connector
from sync_svc.channels.base import ChannelError, ChannelOrder
from sync_svc.domain.backoff import backoff_s
from sync_svc.domain.channel import Channel
from sync_svc.operations.take_orders import OrderIntake, TaskLost
from sync_svc.progress import OrderTaken, Progress
from sync_svc.storage.channels import ChannelNotes
from sync_svc.storage.deliveries import OrderTask, OrderTasks
from sync_svc.workers.leased import TIME_LIMIT_S, LeasedWork
from sync_svc.workers.silence import Silence
from sync_svc.workers.wakeups import Alarm

log = logging.getLogger(__name__)

_MOST_AT_ONCE = 8
_NOT_THERE_TRIES = 6
# About two minutes: records of a platform that lag behind have caught up by then, and what it still shows is so. The change was
# dated by a clock that is behind the one that dated the change before.
_OLDER_TRIES = 8


class OrderNotReadable(Exception):
    """The order cannot be applied now."""


class OrderNotThere(OrderNotReadable):
    """The platform does not know the order; a webhook may be quicker than the platform's own records."""


@dataclass(frozen=True, slots=True)
class OrderTools:
    """What every order worker shares."""

    tasks: OrderTasks
    intake: OrderIntake
    notes: ChannelNotes
    progress: Progress
    backstop_s: float
    new_lease: Callable[[], UUID] = uuid4


class OrderWorker:
    """Applies one channel's orders; the lease on the task keeps two workers off one order."""

    def __init__(self, channel: Channel, connector: Connector, tools: OrderTools, alarm: Alarm) -> None:
        self._channel = channel
        self._connector = connector
        self._tools = tools
        self._alarm = alarm
        self._silence = Silence(tools.notes, channel.id)
        self._work = LeasedWork(
            *(channel.id, "orders", tools.tasks, self._handle, alarm),
            at_once=_MOST_AT_ONCE,
            backstop_s=tools.backstop_s,
            new_lease=tools.new_lease,
        )

    async def run(self) -> None:
        """Work until cancelled; orders under way then get a moment to end."""
        await self._work.run()

    async def _handle(self, task: OrderTask) -> None:
        """One order, with a time limit shorter than its lease."""
        try:
            async with asyncio.timeout(TIME_LIMIT_S):
                await self._take_in(task)
        except TaskLost:
            log.info("channel %d: order %s went to another worker", self._channel.id, task.external_order_id)
        except ChannelError as error:
            silent_s = await self._silence.heed(error.outcome, error.message, error.retry_after_s)
            await self._fail(task, error.message, silent_s)
        except OrderNotThere as error:
            if task.attempts < _NOT_THERE_TRIES:
                await self._fail(task, str(error))
            else:
                log.warning("channel %d: there is no order %s", self._channel.id, task.external_order_id)
                await self._tools.tasks.drop(task)
        except (HubError, OrderNotReadable, TimeoutError) as error:
            await self._fail(task, str(error) or "it took too long")
        except Exception as error:
            log.error("channel %d: order %s broke", self._channel.id, task.external_order_id, exc_info=error)
            await self._fail(task, "see the log")

    async def _take_in(self, task: OrderTask) -> None:
        # What the poll had read may be older than what is stored; then the newest state is read.
        seen = task.snapshot
        order = await self._tools.intake.see(task, seen) if seen else None
        if seen is None or order is None:
            seen = await self._read(task)
            order = await self._tools.intake.see(task, seen, insists=task.attempts >= _OLDER_TRIES)
        if order is None:
            raise OrderNotReadable("the platform shows an older state than before")
        taken = await self._tools.intake.apply(task, order, cancelled=seen.cancelled)
        if taken.changed:
            self._tell(taken.order.id, taken.order.reference, taken.order.status.value, taken.order.message)

    async def _read(self, task: OrderTask) -> ChannelOrder:
        order = await self._connector.get_order(task.external_order_id)
        if order is None:
            raise OrderNotThere("the platform does not know it")
        return order

    async def _fail(self, task: OrderTask, message: str, wait_s: float | None = None) -> None:
        wait_s = wait_s or backoff_s(task.attempts + 1)
        log.warning("channel %d: order %s waits: %s", self._channel.id, task.external_order_id, message)
        try:
            await self._tools.tasks.fail(task, wait_s, message)
        except HubError as error:
            # The lease ends by itself.
            log.warning("channel %d: %s", self._channel.id, error.message)
        self._alarm.ring_in(wait_s)

    def _tell(self, order_id: int, reference: str, status: str, message: str) -> None:
        channel = self._channel
        event = OrderTaken(now(), order_id, channel.id, channel.platform, channel.account, reference, status, message)
        self._tools.progress.tell(event)
