"""Merges the point reads that arrive in one turn of the event loop, or while statements are under way, into one statement.

Under load a round trip is shared by many callers; a lone caller waits for nothing. A statement starts after every call merged
into it arrived, so each sees all that was committed before it asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from itertools import islice
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Coalescer(Generic[K, V]):
    """`get(key)` answers the value `fetch_many` finds for it, or None.

    At most `most` keys go into one statement, and at most `most_under_way` statements run at once: what arrives meanwhile
    goes together into the next.
    """

    def __init__(
        self, fetch_many: Callable[[list[K]], Awaitable[Mapping[K, V]]], most: int = 500, most_under_way: int = 1
    ) -> None:
        self._fetch_many = fetch_many
        self._most = most
        self._free = most_under_way
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._due = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def get(self, key: K) -> V | None:
        """The value of `key`, or None. Raises what `fetch_many` raises."""
        future = self._waiting.get(key)
        if future is None:
            loop = asyncio.get_running_loop()
            future = self._waiting[key] = loop.create_future()
            if self._free and not self._due:
                self._due = True
                loop.call_soon(self._start)
        # One caller that goes away must not take the answer from the others.
        return await asyncio.shield(future)

    def _start(self) -> None:
        self._due = False
        while self._waiting and self._free:
            self._free -= 1
            task = asyncio.get_running_loop().create_task(self._serve(self._take()))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _take(self) -> dict[K, asyncio.Future[V | None]]:
        batch, self._waiting = self._waiting, {}
        if len(batch) > self._most:
            self._waiting = dict(islice(batch.items(), self._most, None))
            batch = dict(islice(batch.items(), self._most))
        return batch

    async def _serve(self, batch: dict[K, asyncio.Future[V | None]]) -> None:
        try:
            found = await self._fetch_many(list(batch))
        except Exception as error:  # every waiter learns of it
            for future in batch.values():
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # marks it as seen, for the case that every caller has gone
        else:
            for key, future in batch.items():
                if not future.done():
                    future.set_result(found.get(key))
        finally:
            self._free += 1
            self._start()
