"""Work that a worker has begun and that gets a moment to end when the worker is stopped.

What is cut off in the middle is safe too (its lease ends, and the work is done again), but it would have to wait for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from chassis.errors import HubError

log = logging.getLogger(__name__)

T = TypeVar("T")

_LAST_MOMENT_S = 3.0


async def take(taking: Coroutine[Any, Any, T], give_back: Callable[[T], Awaitable[None]]) -> T:
    """What `taking` takes. A caller who is stopped meanwhile gives it back, so that nobody waits for its lease to end."""
    task = asyncio.ensure_future(taking)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with contextlib.suppress(HubError):
            await give_back(await task)
        raise


class Errands:
    """The tasks of one worker."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._under_way: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None], then: Callable[[], None] = lambda: None) -> None:
        """Begin a piece of work; `then` is called when it has ended, however it did."""
        task = asyncio.create_task(work)
        self._under_way.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._under_way.discard(task)
            then()
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("%s: work broke", self._name, exc_info=error)

        task.add_done_callback(ended)

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._under_way)

    async def stop(self) -> None:
        """Give what is under way a moment, then cut it off."""
        pending = set(self._under_way)
        if not pending:
            return
        with contextlib.suppress(asyncio.CancelledError):
            _, pending = await asyncio.wait(pending, timeout=_LAST_MOMENT_S)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
