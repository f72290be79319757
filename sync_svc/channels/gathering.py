"""The same work on many things at once, but not on too many."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")


async def gather_bounded(
    work: Callable[[Thing], Awaitable[Result]], things: Iterable[Thing], *, at_once: int
) -> list[Result]:
    """Does `work` on each thing, `at_once` at a time, and returns the results in order.

    The first failure stops what has not begun, cancels what is under way, and is raised.
    """
    gate = asyncio.Semaphore(at_once)

    async def one(thing: Thing) -> Result:
        async with gate:
            return await work(thing)

    tasks = [asyncio.ensure_future(one(thing)) for thing in things]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
