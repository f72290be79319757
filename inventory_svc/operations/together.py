"""Merges changes that are asked for at the same time into one transaction and one commit.

While a batch is under way the next callers gather behind it; a lone caller waits for nothing. Where `enough` have gathered they
may go beside it: the database works on one batch while this process takes in and answers the callers of the other. Each
caller's outcome is his own: a batch that the database refuses is done again one caller at a time. Two callers of the same key
never share a batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from chassis.errors import HubError, Unavailable

W = TypeVar("W")
A = TypeVar("A")

_MOST = 256
_AT_ONCE = 2


@dataclass(slots=True)
class _Waiting(Generic[W, A]):
    wanted: W
    outcome: asyncio.Future[A | None]


class Together(Generic[W, A]):
    """`serve` carries out a batch in one transaction and gives the outcomes in order.

    An outcome is an answer, an error for this caller alone, or None where nothing was done.
    """

    def __init__(
        self,
        serve: Callable[[Sequence[W]], Awaitable[Sequence[A | HubError | None]]],
        key: Callable[[W], Hashable],
        most: int = _MOST,
        enough: int | None = None,
    ) -> None:
        self._serve_batch = serve
        self._key = key
        self._most = most
        self._enough = enough
        self._queue: dict[Hashable, _Waiting[W, A]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def ask(self, wanted: W) -> A | None:
        """The answer; None when nothing was done, as when somebody else was at it.

        Raises HubError; Unavailable leaves the outcome unknown.
        """
        key = self._key(wanted)
        while key in self._queue:
            await asyncio.wait([self._queue[key].outcome])
        waiting: _Waiting[W, A] = _Waiting(wanted, asyncio.get_running_loop().create_future())
        self._queue[key] = waiting
        if len(self._queue) in (1, self._enough):
            asyncio.get_running_loop().call_soon(self._start)
        try:
            return await waiting.outcome
        finally:
            # For whoever goes away before his batch starts nothing is done.
            if self._queue.get(key) is waiting:
                del self._queue[key]

    def _start(self) -> None:
        while self._queue and (not self._running or self._goes_beside()):
            batch = [self._queue.pop(key) for key in list(self._queue)[: self._most]]
            task = asyncio.get_running_loop().create_task(self._serve(batch))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _goes_beside(self) -> bool:
        return self._enough is not None and len(self._queue) >= self._enough and len(self._running) < _AT_ONCE

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start()

    async def _serve(self, batch: Sequence[_Waiting[W, A]]) -> None:
        try:
            outcomes = await self._serve_batch([waiting.wanted for waiting in batch])
        except HubError as error:
            if len(batch) == 1 or isinstance(error, Unavailable):
                _settle(batch, [error] * len(batch))
                return
            for waiting in batch:
                await self._serve([waiting])
        except Exception as error:
            _settle(batch, [error] * len(batch))
        else:
            _settle(batch, outcomes)


def _settle(batch: Sequence[_Waiting[W, A]], outcomes: Sequence[A | Exception | None]) -> None:
    for waiting, outcome in zip(batch, outcomes, strict=True):
        if waiting.outcome.done():
            continue
        if isinstance(outcome, Exception):
            waiting.outcome.set_exception(outcome)
            waiting.outcome.exception()  # marks it as seen, for the case that the caller has gone
        else:
            waiting.outcome.set_result(outcome)
