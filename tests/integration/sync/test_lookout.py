"""Work that nobody in a process was told of is found by its lookout, and workers need not look themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from sync_svc.domain.channel import Channel
from sync_svc.domain.listing import Urgency
from sync_svc.storage.deliveries import queue_orders
from sync_svc.workers.lookout import Lookout
from tests.factories.sync.engine import Engine, running, until
from tests.factories.sync.platform import FakePlatform
from tests.factories.sync.upstream import FakeHub

NEVER_S = 3600.0


@pytest.fixture
async def channel(engine: Engine, hub: FakeHub) -> AsyncIterator[Channel]:
    """A channel whose workers sleep until they are woken."""
    engine.push_tools = replace(engine.push_tools, backstop_s=NEVER_S)
    engine.order_tools = replace(engine.order_tools, backstop_s=NEVER_S)
    hub.add(1, "00845", 3)
    made = await engine.add_channel()
    await engine.add_listing(made, 1, "00845", "SHOP-1")
    lookout = Lookout(engine.db, engine.alarms, every_s=0.05)
    async with running(engine.push_worker(made).run, engine.order_worker(made).run, lookout.run):
        await engine.settled()
        yield made


async def test_listing_another_process_has_raised_is_pushed(
    engine: Engine, hub: FakeHub, platform: FakePlatform, channel: Channel
) -> None:
    hub.free[1] = 1
    async with engine.db.transaction() as conn:
        await engine.generations.raise_variants(conn, [1], Urgency.STOCK)
    await until(lambda: platform.shelves["SHOP-1"].quantity == 1)


async def test_order_another_process_was_told_of_is_applied(
    engine: Engine, hub: FakeHub, platform: FakePlatform, channel: Channel
) -> None:
    order_id = platform.buy("SHOP-1")
    async with engine.db.transaction() as conn:
        await queue_orders(conn, channel.id, [order_id])
    await until(lambda: len(hub.held) == 1)


async def test_only_what_is_due_wakes_anybody(engine: Engine, hub: FakeHub) -> None:
    hub.add(1, "00845", 3)
    later, blocked, resting = [await engine.add_channel(account=name) for name in ("LATER", "BLOCKED", "RESTING")]
    for channel in (later, blocked):
        await engine.add_listing(channel, 1, "00845")
    async with engine.db.transaction() as conn:
        for statement in (
            "UPDATE sync.channel SET next_poll_at = now() + interval '1 hour'",
            f"UPDATE sync.listing SET next_attempt_at = now() + interval '1 hour' WHERE channel_id = {later.id}",
            f"UPDATE sync.channel SET blocked_until = now() + interval '1 hour' WHERE id = {blocked.id}",
            f"UPDATE sync.channel SET next_poll_at = now() WHERE id = {resting.id}",
        ):
            await conn.execute(text(statement))
    await Lookout(engine.db, engine.alarms, every_s=NEVER_S).look()
    ids = {later.id: "later", blocked.id: "blocked", resting.id: "resting"}
    kinds = {"pushes": engine.alarms.pushes, "orders": engine.alarms.orders, "polls": engine.alarms.polls}
    rung = {(ids[one], kind) for one in ids for kind, alarms in kinds.items() if alarms.of(one)._rings}
    assert rung == {("resting", "polls")}
