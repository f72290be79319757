"""Point reads of one loop turn share one statement, and one failure or departure stays with its own callers."""

import asyncio

import pytest

from chassis.coalesce import Coalescer


class Store:
    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.fail = False

    async def fetch(self, keys: list[int]) -> dict[int, str]:
        self.batches.append(keys)
        await asyncio.sleep(0)
        if self.fail:
            raise RuntimeError("no database")
        return {key: f"value {key}" for key in keys if key >= 0}


async def test_calls_of_one_turn_become_one_statement() -> None:
    store = Store()
    coalescer = Coalescer(store.fetch)
    answers = await asyncio.gather(*(coalescer.get(key) for key in (1, 2, 2, -1)))
    assert answers == ["value 1", "value 2", "value 2", None]
    assert store.batches == [[1, 2, -1]]


async def test_a_later_call_reads_again() -> None:
    store = Store()
    coalescer = Coalescer(store.fetch)
    await coalescer.get(1)
    await coalescer.get(1)
    assert store.batches == [[1], [1]]


async def test_a_failure_reaches_every_waiter_and_nobody_else() -> None:
    store = Store()
    coalescer = Coalescer(store.fetch)
    store.fail = True
    answers = await asyncio.gather(coalescer.get(1), coalescer.get(2), return_exceptions=True)
    assert [type(answer) for answer in answers] == [RuntimeError, RuntimeError]
    store.fail = False
    assert await coalescer.get(1) == "value 1"


async def test_one_caller_that_leaves_does_not_take_the_answer_from_the_others() -> None:
    coalescer = Coalescer(Store().fetch)
    leaver = asyncio.create_task(coalescer.get(1))
    stayer = asyncio.create_task(coalescer.get(1))
    await asyncio.sleep(0)
    leaver.cancel()
    assert await stayer == "value 1"
    with pytest.raises(asyncio.CancelledError):
        await leaver


async def test_a_batch_is_bounded() -> None:
    store = Store()
    coalescer = Coalescer(store.fetch, most=3)
    await asyncio.gather(*(coalescer.get(key) for key in range(7)))
    assert [len(batch) for batch in store.batches] == [3, 3, 1]


async def test_what_arrives_while_statements_run_shares_the_next() -> None:
    released = asyncio.Event()
    batches: list[list[int]] = []

    async def fetch(keys: list[int]) -> dict[int, str]:
        batches.append(keys)
        await released.wait()
        return {key: str(key) for key in keys}

    coalescer = Coalescer(fetch, most_under_way=2)
    calls = []
    for key in range(6):
        calls.append(asyncio.create_task(coalescer.get(key)))
        await asyncio.sleep(0.001)
    assert batches == [[0], [1]]
    released.set()
    assert await asyncio.gather(*calls) == ["0", "1", "2", "3", "4", "5"]
    assert batches == [[0], [1], [2, 3, 4, 5]]


async def test_a_failure_frees_its_place() -> None:
    store = Store()
    coalescer = Coalescer(store.fetch, most_under_way=1)
    store.fail = True
    await asyncio.gather(*(coalescer.get(key) for key in range(3)), return_exceptions=True)
    store.fail = False
    assert await coalescer.get(1) == "value 1"
