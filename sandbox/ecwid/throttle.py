"""600 requests a minute per token; whoever goes on calling while blocked is blocked for longer."""

from __future__ import annotations

import math
from collections import deque

from sandbox.world import World

_WINDOW_S = 60


class Throttle:
    """Counts the requests of the last minute, second by second."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seconds: deque[list[int]] = deque()
        self._used = 0
        self._blocked_until = 0.0
        self.refused = 0

    def admit(self) -> int | None:
        """None when the request may pass, else the seconds to wait. Every refused call begins the block anew."""
        limit = self._world.switches.ecwid.requests_per_minute
        now = self._world.clock.seconds()
        self._forget_before(int(now) - _WINDOW_S)
        if limit and (now < self._blocked_until or self._used >= limit):
            self.refused += 1
            self._blocked_until = now + self._world.switches.ecwid.block_s
            return max(1, math.ceil(self._blocked_until - now))
        if limit:
            # What is used without a limit counts against no later one.
            self._count(int(now))
        return None

    @property
    def used(self) -> int:
        """Requests of the last minute."""
        self._forget_before(int(self._world.clock.seconds()) - _WINDOW_S)
        return self._used

    def clear(self) -> None:
        """Forgets all."""
        self._seconds.clear()
        self._used, self._blocked_until, self.refused = 0, 0.0, 0

    def _count(self, second: int) -> None:
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append([second, 0])
        self._seconds[-1][1] += 1
        self._used += 1

    def _forget_before(self, second: int) -> None:
        while self._seconds and self._seconds[0][0] <= second:
            self._used -= self._seconds.popleft()[1]
