"""A few turns at a time, given round robin by key: who floods under one key delays only himself."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.errors import ResourceExhausted

MOST_PER_KEY, MOST = 300, 2000


class FairTurns:
    """`turn(key)` waits until a turn is free; of those who wait each key gets one in its order."""

    def __init__(self, turns: int) -> None:
        self._free = turns
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """How many wait for a turn now."""
        return self._waiting

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """One turn. Raises ResourceExhausted when too many wait, under this key or in all."""
        await self._acquire(key)
        try:
            yield
        finally:
            self._pass_on()

    async def _acquire(self, key: str) -> None:
        if self._free:
            self._free -= 1
            return
        queue = self._queues.setdefault(key, deque())
        if len(queue) >= MOST_PER_KEY or self._waiting >= MOST:
            if not queue:
                del self._queues[key]
            raise ResourceExhausted("Too many sign-ins at once; try again in a moment.", retry_after_s=1.0)
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(mine)
        self._waiting += 1
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._queues:
            key = next(iter(self._queues))
            queue = self._queues.pop(key)
            mine = queue.popleft()
            self._waiting -= 1
            if queue:
                # To the end of the line of keys.
                self._queues[key] = queue
            if not mine.done():
                mine.set_result(None)
                return
        self._free += 1
