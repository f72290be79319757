"""Who gets a turn when many wait."""

from __future__ import annotations

import asyncio

import pytest

from auth_svc.operations.fair_turns import MOST_PER_KEY, FairTurns
from chassis.errors import ResourceExhausted


async def test_each_key_gets_a_turn_in_its_order_however_many_wait_under_another() -> None:
    turns, order = FairTurns(1), []

    async def work(key: str) -> None:
        async with turns.turn(key):
            order.append(key)
            await asyncio.sleep(0)

    flood = [asyncio.create_task(work("flood")) for _ in range(50)]
    await asyncio.sleep(0)
    owner = asyncio.create_task(work("owner"))
    await asyncio.gather(*flood, owner)
    assert order.index("owner") <= 4
    assert len(order) == 51


async def test_never_more_than_the_turns_there_are() -> None:
    turns, under_way, most = FairTurns(3), 0, 0

    async def work(number: int) -> None:
        nonlocal under_way, most
        async with turns.turn(str(number % 7)):
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(work(number) for number in range(100)))
    assert (most, under_way) == (3, 0)


async def test_who_gives_up_waiting_leaves_the_turn_to_others() -> None:
    turns = FairTurns(1)

    async def work() -> None:
        async with turns.turn("a"):
            await asyncio.sleep(0.001)

    tasks = [asyncio.create_task(work()) for _ in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.wait_for(work(), 1)


async def test_too_many_under_one_key_are_refused_and_another_key_is_not() -> None:
    turns, open_ = FairTurns(1), asyncio.Event()

    async def work(key: str) -> None:
        async with turns.turn(key):
            await open_.wait()

    tasks = [asyncio.create_task(work("flood")) for _ in range(MOST_PER_KEY + 1)]
    await asyncio.sleep(0)
    with pytest.raises(ResourceExhausted):
        await work("flood")
    owner = asyncio.create_task(work("owner"))
    open_.set()
    await asyncio.gather(owner, *tasks)
