"""Waking workers when there is something to do, now or at a known moment, so that none of them polls for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from sync_svc.workers.rush import Rush


class Alarm:
    """One sleeper's alarm clock. Setting it earlier moves it; setting it later changes nothing."""

    def __init__(self) -> None:
        self._rings_at: float | None = None
        self._changed = asyncio.Event()

    def ring_in(self, seconds: float) -> None:
        """Wake the sleeper at the latest in this time."""
        at = time.monotonic() + max(0.0, seconds)
        if self._rings_at is None or at < self._rings_at:
            self._rings_at = at
            self._changed.set()

    async def sleep(self, at_most_s: float) -> None:
        """Sleep until the alarm rings, or for this long; the alarm is then off. A ring while awake ends the next sleep."""
        ends_at = time.monotonic() + at_most_s
        while True:
            self._changed.clear()
            wakes_at = ends_at if self._rings_at is None else min(ends_at, self._rings_at)
            remaining = wakes_at - time.monotonic()
            if remaining <= 0:
                break
            try:
                async with asyncio.timeout(remaining):
                    await self._changed.wait()
            except TimeoutError:
                break
        if self._rings_at is not None and self._rings_at <= time.monotonic() + 0.001:
            self._rings_at = None


class Alarms:
    """An alarm per channel, kept for as long as the process lives."""

    def __init__(self) -> None:
        self._alarms: dict[int, Alarm] = {}

    def of(self, channel_id: int) -> Alarm:
        """The channel's alarm."""
        return self._alarms.setdefault(channel_id, Alarm())

    def ring(self, wakes: Mapping[int, float]) -> None:
        """Wake channels, each in its time (seconds)."""
        for channel_id, seconds in wakes.items():
            self.of(channel_id).ring_in(seconds)


class WorkAlarms:
    """The alarms of all kinds of work."""

    def __init__(self) -> None:
        self.pushes = Alarms()
        self.orders = Alarms()
        self.polls = Alarms()
        self.shipments = Alarms()
        self.imports = Alarms()
        self.reconciles = Alarms()
        self.channels = Alarm()
        """Rung when a channel was made or changed."""
        self.rush = Rush()
        """Holds back what is not urgent."""
