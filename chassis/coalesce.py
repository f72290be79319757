"""Merges the point reads that arrive in one turn of the event loop into one statement.

Under load a round trip is shared by many callers; a lone caller waits for nothing. The statement starts after every merged
call arrived, so each sees all that was committed before it asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Coalescer(Generic[K, V]):
    """`get(key)` answers the value `fetch_many` finds for it, or None. At most `most` keys go into one statement."""

    def __init__(self, fetch_many: Callable[[list[K]], Awaitable[Mapping[K, V]]], most: int = 500) -> None:
        self._fetch_many = fetch_many
        self._most = most
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def get(self, key: K) -> V | None:
        """The value of `key`, or None. Raises what `fetch_many` raises."""
        future = self._waiting.get(key)
        if future is None:
            loop = asyncio.get_running_loop()
            future = loop.create_future()
            if not self._waiting:
                loop.call_soon(self._start)
            self._waiting[key] = future
            if len(self._waiting) >= self._most:
                self._start()
        # One caller that goes away must not take the answer from the others.
        return await asyncio.shield(future)

    def _start(self) -> None:
        if not self._waiting:
            return
        batch, self._waiting = self._waiting, {}
        task = asyncio.get_running_loop().create_task(self._serve(batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, batch: dict[K, asyncio.Future[V | None]]) -> None:
        try:
            found = await self._fetch_many(list(batch))
        except Exception as error:  # every waiter learns of it
            for future in batch.values():
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # marks it as seen, for the case that every caller has gone
            return
        for key, future in batch.items():
            if not future.done():
                future.set_result(found.get(key))
