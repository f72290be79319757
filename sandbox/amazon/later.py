"""What Amazon does after it has answered: accepted changes are applied and feeds are worked through a moment later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator


class Later:
    """Postponed work of one event loop. Without a running loop everything is done at once."""

    def __init__(self) -> None:
        self._pending: dict[object, tuple[asyncio.TimerHandle, Callable[[], None]]] = {}
        self._walks: set[asyncio.Task[None]] = set()

    def call(self, delay_s: float, work: Callable[[], None]) -> None:
        """Does the work after the delay."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            work()
            return
        ticket = object()
        self._pending[ticket] = (loop.call_later(delay_s, self._due, ticket), work)

    def walk(self, delay_s: float, steps: Iterator[None]) -> None:
        """Takes the steps after the delay, giving way to others between them."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            for _ in steps:
                continue
            return
        task = loop.create_task(_walked(delay_s, steps))
        self._walks.add(task)
        task.add_done_callback(self._walks.discard)

    def finish(self) -> None:
        """Does what is pending now, and drops walks: their work is found again at the next start."""
        for ticket in list(self._pending):
            self._pending[ticket][0].cancel()
            self._due(ticket)
        self.drop_walks()

    def clear(self) -> None:
        """Drops everything."""
        for handle, _ in self._pending.values():
            handle.cancel()
        self._pending.clear()
        self.drop_walks()

    def drop_walks(self) -> None:
        """Drops the walks."""
        for task in self._walks:
            task.cancel()

    def _due(self, ticket: object) -> None:
        self._pending.pop(ticket)[1]()


async def _walked(delay_s: float, steps: Iterator[None]) -> None:
    await asyncio.sleep(delay_s)
    for _ in steps:
        await asyncio.sleep(0)
