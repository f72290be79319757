"""Orders are looked for at intervals, at the start, and by one process at a time."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from sync_svc.channels.base import OrderPage
from sync_svc.domain.channel import Channel
from sync_svc.storage.order_tables import order_task
from sync_svc.workers import polls
from sync_svc.workers.polls import OrderPoller, PollTools
from tests.factories.sync.engine import Engine, running, until
from tests.factories.sync.platform import FakeChannel, FakePlatform

AN_HOUR_ON = "UPDATE sync.channel SET next_poll_at = now() + interval '1 hour', last_poll_at = now() - :ago * interval '1 second'"


def poller(engine: Engine, channel: Channel, connector: FakeChannel | None = None) -> OrderPoller:
    """A poller as a process of its own has it."""
    connector = connector or FakeChannel(engine.platforms["EBAY"])
    alarms = engine.alarms
    tools = PollTools(engine.db, engine.notes, 0.05)
    return OrderPoller(channel, connector, tools, alarms.polls.of(channel.id), alarms.orders.of(channel.id))


async def tasks(engine: Engine) -> list[str]:
    async with engine.db.read.connect() as conn:
        return list((await conn.execute(select(order_task.c.external_order_id))).scalars())


async def not_due(engine: Engine, ago_s: float) -> None:
    async with engine.db.transaction() as conn:
        await conn.execute(text(AN_HOUR_ON), {"ago": ago_s})


async def test_order_whose_webhook_was_lost_while_nobody_ran_is_found_at_the_start(
    engine: Engine, platform: FakePlatform
) -> None:
    channel = await engine.add_channel(poll_interval_s=3600)
    await not_due(engine, ago_s=30)
    order_id = platform.buy("SHOP-1")
    async with running(poller(engine, channel).run):

        async def is_found() -> bool:
            return await tasks(engine) == [order_id]

        await until(is_found)


async def test_processes_that_start_together_look_once(engine: Engine, platform: FakePlatform) -> None:
    channel = await engine.add_channel(poll_interval_s=3600)
    await not_due(engine, ago_s=30)
    looks = 0

    class Counting(FakeChannel):
        async def orders_since(self, cursor: str) -> OrderPage:
            nonlocal looks
            looks += 1
            return await super().orders_since(cursor)

    async with running(*(poller(engine, channel, Counting(platform)).run for _ in range(4))):
        await until(lambda: looks > 0)
        await asyncio.sleep(0.4)
    assert looks == 1


async def test_long_look_keeps_its_turn_and_a_dead_one_loses_it_soon(
    engine: Engine, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polls, "LEASE_S", 0.6)
    monkeypatch.setattr(polls, "_RENEW_S", 0.1)
    channel = await engine.add_channel(poll_interval_s=3600)
    begun = asyncio.Event()

    class Slow(FakeChannel):
        async def orders_since(self, cursor: str) -> OrderPage:
            begun.set()
            await asyncio.sleep(60)
            return await super().orders_since(cursor)

    async with running(poller(engine, channel, Slow(platform)).run):
        await begun.wait()
        await asyncio.sleep(1.0)
        assert await engine.notes.claim_poll(channel.id, uuid4(), 1) is None, "it is still at it"
    assert await engine.notes.claim_poll(channel.id, uuid4(), 0.3) == "", "one that is stopped gives its turn back"
    await until(lambda: _is_free(engine, channel))


async def _is_free(engine: Engine, channel: Channel) -> bool:
    return await engine.notes.claim_poll(channel.id, uuid4(), 0.3) is not None
