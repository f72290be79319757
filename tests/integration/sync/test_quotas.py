"""Quotas as all processes of an account share them, over restarts, on a real database."""

from __future__ import annotations

import asyncio

import pytest

from chassis.errors import Unavailable
from sync_svc.accounts import stored_account
from sync_svc.channels.budgets import DailyBudget
from sync_svc.channels.limits import Limit, QuotaExhausted
from sync_svc.channels.quota import Throttle
from sync_svc.channels.sharing import Meters, NotShared, metered
from sync_svc.domain.channel import Channel
from sync_svc.storage.quotas import QuotaRecords
from tests.factories.sync.engine import Engine

# Nothing comes back while a test runs, unless it says so.
SLOW = 0.001


class Process:
    """What a connector of one process has of an account."""

    def __init__(self, engine: Engine, channel: Channel, **limits: Limit) -> None:
        with metered() as self.meters:
            self.throttle = Throttle(Limit(SLOW, 5), limits or {"orders": Limit(SLOW, 3)})
            self.budget = DailyBudget("revisions of offer", limit=4, reserve=1)
        self.meters.share(stored_account(engine.db, engine.vault, channel, {"token": "t"}))

    async def take(self, operation: str) -> bool:
        """Whether a call was let through."""
        try:
            await self.throttle.take(operation, patience_s=0.2)
        except QuotaExhausted:
            return False
        return True

    async def spend(self, key: str, *, urgent: bool = False) -> bool:
        """Whether a use was."""
        await self.budget.prepare([key])
        try:
            self.budget.spend(key, urgent=urgent)
        except QuotaExhausted:
            return False
        return True


async def test_restart_gives_no_second_helping(engine: Engine) -> None:
    made = await engine.add_channel()
    process = Process(engine, made)
    assert [await process.take("orders") for _ in range(2)] == [True, True]
    assert [await process.spend("offer-1") for _ in range(3)] == [True, True, True]
    again = Process(engine, made)
    assert [await again.take("orders") for _ in range(2)] == [True, False]
    assert await again.take("anything else")
    assert not await again.spend("offer-1"), "the last one is kept for what is urgent"
    assert await again.spend("offer-1", urgent=True)
    assert not await again.spend("offer-1", urgent=True)
    other = Process(engine, await engine.add_channel(account="DRAGON"))
    assert await other.take("orders")
    assert await other.spend("offer-1")


async def test_processes_at_once_never_get_more_than_there_is(engine: Engine) -> None:
    made = await engine.add_channel()
    processes = [Process(engine, made) for _ in range(8)]
    taken = await asyncio.gather(*(process.take("orders") for process in processes for _ in range(4)))
    spent = await asyncio.gather(*(process.spend("offer-1", urgent=True) for process in processes))
    assert (sum(taken), sum(spent)) == (3, 4)


async def test_calls_that_wait_together_share_a_draw(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = 0
    draw = QuotaRecords.draw

    async def counted(*args: object, **values: object) -> object:
        nonlocal draws
        draws += 1
        return await draw(*args, **values)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(QuotaRecords, "draw", counted)
    process = Process(engine, await engine.add_channel(), inventory=Limit(100.0, 1000))
    assert all(await asyncio.gather(*(process.take("inventory") for _ in range(100))))
    assert draws <= 2, "the first goes alone, the others together"
    draws = 0
    for _ in range(100):
        assert await process.take("inventory")
    assert draws < 20, "a busy process draws ahead"


async def test_what_is_drawn_ahead_is_lost_in_a_moment(engine: Engine) -> None:
    made = await engine.add_channel()
    limit = Limit(40.0, 400)
    process = Process(engine, made, inventory=limit)
    for _ in range(30):
        assert await process.take("inventory")
    held = process.throttle._shared["inventory"]
    assert held._ahead, "something was drawn ahead"
    await asyncio.sleep(0.55)
    assert not held._take_ahead()


async def test_rate_the_platform_tells_one_process_holds_for_all(engine: Engine) -> None:
    made = await engine.add_channel()
    first, second = (Process(engine, made, orders=Limit(SLOW, 1)) for _ in range(2))
    assert await first.take("orders")
    assert not await second.take("orders")
    first.throttle.adjust("orders", 20.0)
    await first.throttle.tell()
    await asyncio.sleep(0.06)
    assert await second.take("orders"), "it refills twenty times a second now"


async def test_operation_that_has_run_out_has_run_out_for_all(engine: Engine) -> None:
    made = await engine.add_channel()
    first, second = (Process(engine, made) for _ in range(2))
    assert await first.take("orders")
    first.throttle.drain("orders")
    await first.throttle.tell()
    assert not await second.take("orders")
    assert await second.take("anything else")


async def test_stopped_process_gives_back_what_it_did_not_use(engine: Engine) -> None:
    made = await engine.add_channel()
    account = stored_account(engine.db, engine.vault, made, {})
    budgets = []
    for _ in range(2):
        with metered() as meters:
            budgets.append((meters, DailyBudget("requests of", limit=500, reserve=0)))
        meters.share(account)
    (stopping, first), (_, second) = budgets
    await first.prepare(["the day"])
    first.spend("the day", urgent=False)
    await stopping.give_back()
    await second.prepare(["the day"])
    assert second.left("the day") == 499


async def test_without_the_database_nothing_is_let_through(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process(engine, await engine.add_channel())

    async def fails(*_: object, **__: object) -> None:
        raise Unavailable("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(QuotaRecords, "draw", fails)
        patch.setattr(QuotaRecords, "draw_uses", fails)
        assert not await process.take("orders")
        with pytest.raises(NotShared):
            await process.budget.prepare(["offer-1"])
    assert await process.take("orders")
    assert await process.spend("offer-1")


async def test_connector_that_is_not_shared_keeps_to_itself() -> None:
    with metered() as meters:
        throttle = Throttle(Limit(SLOW, 1))
    assert len(meters.parts) == 1
    assert Meters().parts == []
    await throttle.take("")
    with pytest.raises(QuotaExhausted):
        await throttle.take("", patience_s=0.1)
