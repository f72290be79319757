"""Lets calls about one thing run one after the other within this process, so that they do not meet in the database.

Between processes the database decides.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class Turns:
    """A lock per key, for as long as somebody has or wants it."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, asyncio.Lock] = {}
        self._callers: Counter[Hashable] = Counter()

    @asynccontextmanager
    async def of(self, key: Hashable) -> AsyncIterator[None]:
        """Waits for those who came before with this key, in the order of their coming."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._callers[key] += 1
        try:
            async with lock:
                yield
        finally:
            self._callers[key] -= 1
            if not self._callers[key]:
                del self._callers[key], self._locks[key]
