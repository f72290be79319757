"""The batcher: what is asked meanwhile goes together, each caller gets its own answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from sync_svc.channels.batcher import Batcher


class Server:
    """Doubles numbers when it is let to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def double(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return [2 * number for number in numbers]


async def test_questions_asked_meanwhile_go_out_together() -> None:
    server = Server()
    batcher = Batcher(server.double, most=10)
    asked = [asyncio.create_task(batcher.ask([1]))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asked += [asyncio.create_task(batcher.ask([2, 3])), asyncio.create_task(batcher.ask([4]))]
    await asyncio.sleep(0)
    server.go.set()
    assert await asyncio.gather(*asked) == [[2], [4, 6], [8]]
    assert server.batches == [[1], [2, 3, 4]]


async def test_batch_holds_no_more_than_it_may_and_splits_nobody() -> None:
    server = Server()
    server.go.set()
    batcher = Batcher(server.double, most=3)
    await asyncio.gather(batcher.ask([1, 2]), batcher.ask([3, 4]), batcher.ask([5]))
    assert server.batches == [[1, 2], [3, 4, 5]]


async def test_failure_reaches_those_in_the_batch_and_the_next_goes_on() -> None:
    server = Server()
    server.go.set()
    server.error = ValueError("broken")
    batcher = Batcher(server.double, most=3)
    with pytest.raises(ValueError, match="broken"):
        await batcher.ask([1])
    server.error = None
    assert await batcher.ask([2]) == [4]


async def test_cancelled_caller_harms_no_other() -> None:
    server = Server()
    batcher = Batcher(server.double, most=10)
    first, second = asyncio.create_task(batcher.ask([1])), asyncio.create_task(batcher.ask([2]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    server.go.set()
    assert await second == [4]
    assert first.cancelled() or await asyncio.gather(first, return_exceptions=True)


async def test_closing_cancels_whoever_waits() -> None:
    server = Server()
    batcher = Batcher(server.double, most=1)
    asked = [asyncio.create_task(batcher.ask([number])) for number in range(2)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await batcher.aclose()
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
