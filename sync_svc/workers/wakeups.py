"""Waking workers when there is something to do, now or at a known moment, so that none of them polls for it."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Mapping

from sync_svc.workers.rush import Rush


class Alarm:
    """One sleeper's alarm clock. It rings at every time it was set to; what has passed while the sleeper was awake rings once."""

    def __init__(self) -> None:
        self._rings: list[float] = []
        """A heap of the times at which it rings."""
        self._changed = asyncio.Event()

    def ring_in(self, seconds: float) -> None:
        """Wake the sleeper at the latest in this time."""
        now = time.monotonic()
        at = now + max(0.0, seconds)
        if self._rings and self._rings[0] <= now and at <= now:
            # It rings already.
            return
        if not self._rings or at < self._rings[0]:
            self._changed.set()
        heapq.heappush(self._rings, at)

    async def sleep(self, at_most_s: float) -> None:
        """Sleep until the alarm rings, or for this long; the alarm is then off. A ring while awake ends the next sleep."""
        ends_at = time.monotonic() + at_most_s
        while True:
            self._changed.clear()
            wakes_at = min(ends_at, self._rings[0]) if self._rings else ends_at
            remaining = wakes_at - time.monotonic()
            if remaining <= 0:
                break
            try:
                async with asyncio.timeout(remaining):
                    await self._changed.wait()
            except TimeoutError:
                break
        while self._rings and self._rings[0] <= time.monotonic() + 0.001:
            heapq.heappop(self._rings)


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
        self.lists = Alarms()
        self.reconciles = Alarms()
        self.channels = Alarm()
        """Rung when a channel was made or changed."""
        self.rush = Rush()
        """Holds back what is not urgent."""

    @property
    def kinds(self) -> dict[str, Alarms]:
        """Those of the workers of one channel, by the name of their work."""
        return {name: found for name, found in vars(self).items() if isinstance(found, Alarms)}
