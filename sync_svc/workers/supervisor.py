"""Keeps the right workers running: one set per channel that can be worked, restarted when the channel's settings change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.database import Database
from chassis.errors import HubError
from sync_svc.channels.base import Channel as Connector
from sync_svc.channels.base import HintQueue
from sync_svc.connectors import Connectors
from sync_svc.domain.channel import Channel
from sync_svc.storage.channels import channel_versions, list_channels
from sync_svc.workers.auto_listing import AutoLister, ListTools
from sync_svc.workers.drift import DriftTools, Reconciler
from sync_svc.workers.imports import ImportTools, ListingImporter
from sync_svc.workers.orders import OrderTools, OrderWorker
from sync_svc.workers.polls import OrderPoller, PollTools
from sync_svc.workers.push import PushTools, PushWorker
from sync_svc.workers.queues import QueueReader
from sync_svc.workers.shipments import ShipmentWorker, ShipTools
from sync_svc.workers.wakeups import WorkAlarms

log = logging.getLogger(__name__)

_LOOK_S = 2.0
_RESTART_S = 1.0

Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class WorkTools:
    """What the workers of all channels share."""

    push: PushTools
    orders: OrderTools
    polls: PollTools
    ships: ShipTools
    lists: ListTools
    imports: ImportTools
    drift: DriftTools
    alarms: WorkAlarms


@dataclass(frozen=True, slots=True)
class _Running:
    """The workers of one channel at one version of its settings."""

    version: int
    tasks: Sequence[asyncio.Task[None]]


class Supervisor:
    """Looks at the channels every few seconds, or at once when one is changed here."""

    def __init__(self, db: Database, connectors: Connectors, tools: WorkTools) -> None:
        self._db = db
        self._connectors = connectors
        self._tools = tools
        self._running: dict[int, _Running] = {}
        self._complained: set[tuple[int, int]] = set()
        self._fitted: Sequence[Any] = ()
        """The channels' versions that the workers fit."""

    async def run(self) -> None:
        """Supervise until cancelled, then stop every worker."""
        try:
            while True:
                try:
                    await self.look()
                except HubError as error:
                    log.warning("channels cannot be read: %s", error.message)
                await self._tools.alarms.channels.sleep(_LOOK_S)
        finally:
            # Whoever runs this again begins with no workers.
            self._fitted = ()
            await asyncio.gather(*(self._stop(channel_id) for channel_id in list(self._running)))

    async def look(self) -> None:
        """Start and stop workers so that they fit the channels as they are. Raises HubError."""
        versions = await channel_versions(self._db)
        if versions != self._fitted:
            are_all_worked = await self._fit()
            # Who cannot be worked yet is tried again.
            self._fitted = versions if are_all_worked else ()
        await self._connectors.close_retired()

    async def _fit(self) -> bool:
        """Whether everyone is worked who should be."""
        channels = {channel.id: channel for channel in await list_channels(self._db)}
        outdated = [
            channel_id
            for channel_id, running in self._running.items()
            if channel_id not in channels or running.version != channels[channel_id].version
        ]
        await asyncio.gather(*(self._stop(channel_id) for channel_id in outdated))
        wanted = [channel for channel in channels.values() if channel.was_ever_active]
        for channel in wanted:
            if channel.id not in self._running:
                self._start(channel)
        return all(channel.id in self._running for channel in wanted)

    def _start(self, channel: Channel) -> None:
        try:
            connector = self._connectors.of(channel)
        except HubError as error:
            if (channel.id, channel.version) not in self._complained:
                self._complained.add((channel.id, channel.version))
                log.warning("channel %s %s is not worked: %s", channel.platform, channel.account, error.message)
            return
        tasks = [asyncio.create_task(_keep_running(work, channel)) for work in self._works(channel, connector)]
        self._running[channel.id] = _Running(channel.version, tasks)
        log.info("channel %s %s is worked", channel.platform, channel.account)

    def _works(self, channel: Channel, connector: Connector) -> list[Work]:
        alarms = self._tools.alarms
        orders = alarms.orders.of(channel.id)
        works: list[Work] = [
            OrderWorker(channel, connector, self._tools.orders, orders).run,
            OrderPoller(channel, connector, self._tools.polls, alarms.polls.of(channel.id), orders).run,
            ShipmentWorker(channel, connector, self._tools.ships, alarms.shipments.of(channel.id)).run,
            AutoLister(channel, self._tools.lists, alarms.lists.of(channel.id)).run,
            ListingImporter(channel, connector, self._tools.imports, alarms.imports.of(channel.id)).run,
        ]
        if isinstance(connector, HintQueue) and connector.has_queue:
            works.append(QueueReader(channel, connector, self._db, orders).run)
        if channel.pushes:
            works.append(PushWorker(channel, connector, self._tools.push, alarms.pushes.of(channel.id)).run)
            works.append(Reconciler(channel, connector, self._tools.drift).run)
        return works

    async def _stop(self, channel_id: int) -> None:
        running = self._running.pop(channel_id)
        for task in running.tasks:
            task.cancel()
        await asyncio.gather(*running.tasks, return_exceptions=True)


async def _keep_running(work: Work, channel: Channel) -> None:
    while True:
        try:
            await work()
        except Exception as error:
            log.error("channel %s %s: a worker broke", channel.platform, channel.account, exc_info=error)
        await asyncio.sleep(_RESTART_S)
