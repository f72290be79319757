"""Work that nobody in a process was told of is found by its lookout, and workers need not look themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from sync_svc.domain.channel import Channel
from sync_svc.domain.listing import Urgency
from sync_svc.storage.deliveries import queue_orders
from sync_svc.workers.lookout import Lookout
from sync_svc.workers.wakeups import WorkAlarms
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
    assert {(ids[one], kind) for one, kind in _rung(engine.alarms)} == {("resting", "polls")}


def _rung(alarms: WorkAlarms) -> set[tuple[int, str]]:
    """The channels that were woken, and for what."""
    return {(one, kind) for kind, kept in alarms.kinds.items() for one, alarm in kept._alarms.items() if alarm._rings}


async def test_every_kind_of_work_is_looked_for(engine: Engine) -> None:
    made = await engine.add_channel(next_poll_at=datetime(2026, 1, 1, tzinfo=UTC))
    await engine.add_listing(made, 1, "00845")
    async with engine.db.transaction() as conn:
        for statement in (
            "INSERT INTO sync.order_task (channel_id, external_order_id) VALUES (:id, 'O-1')",
            "INSERT INTO sync.channel_order (channel_id, external_order_id, paid) VALUES (:id, 'O-1', true)",
            "INSERT INTO sync.shipment (order_id, channel_id) SELECT id, channel_id FROM sync.channel_order",
            "INSERT INTO sync.listing_import (channel_id) VALUES (:id)",
            "INSERT INTO sync.auto_listing (channel_id) VALUES (:id)",
            "INSERT INTO sync.reconciliation (channel_id, next_at) VALUES (:id, now())",
        ):
            await conn.execute(text(statement), {"id": made.id} if ":id" in statement else {})
    await Lookout(engine.db, engine.alarms, every_s=NEVER_S).look()
    assert {kind for _, kind in _rung(engine.alarms)} == set(engine.alarms.kinds)
    async with engine.db.transaction() as conn:
        for table in ("order_task", "listing_import", "auto_listing", "reconciliation", "listing"):
            await conn.execute(text(f"UPDATE sync.{table} SET lease_until = now() + interval '1 minute'"))
        await conn.execute(text("UPDATE sync.channel_order SET ship_lease_until = now() + interval '1 minute'"))
        await conn.execute(text("UPDATE sync.channel SET poll_lease_until = now() + interval '1 minute'"))
    nobody = WorkAlarms()
    await Lookout(engine.db, nobody, every_s=NEVER_S).look()
    assert _rung(nobody) == set(), "all of it is under way"
