"""A cancellation and a parcel of the same order at the same moment: either the parcel is recorded and its units stay sold, or the
cancellation is and there is no parcel. Never is a unit both in a parcel and free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from sync_svc.channels.base import ChannelOrder, OrderLine
from sync_svc.domain.channel import Channel
from sync_svc.domain.errors import OrderNotShippable
from sync_svc.domain.order import Line, Order, OrderStatus
from sync_svc.domain.shipment import NewShipment
from sync_svc.operations.resolve_orders import apply_again
from sync_svc.operations.ship_orders import ship_order, withdraw_shipment
from sync_svc.storage.deliveries import queue_orders
from sync_svc.storage.order_intake import store_seen
from sync_svc.storage.orders import get_order
from sync_svc.storage.shipments import insert_shipment
from tests.factories.sync.engine import Engine, running, until
from tests.factories.sync.platform import FakePlatform
from tests.factories.sync.upstream import FakeHub

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINE = OrderLine("1", "SHOP-1", 2)
SOLD = ChannelOrder("O-1", [LINE], True, False, AT, AT, "PAID")
CANCELLED = replace(SOLD, cancelled=True, modified_at=AT + timedelta(seconds=1))


class SlowRelease:
    """Inventory's release, held up before it does anything."""

    def __init__(self, hub: FakeHub) -> None:
        self.hub = hub
        self.is_asked, self.may_go = asyncio.Event(), asyncio.Event()

    async def allocate(self, reference: str, lines: Sequence[Line], *, sell: bool) -> dict[str, int]:
        return await self.hub.allocate(reference, lines, sell=sell)

    async def release(self, reference: str, line_ids: Sequence[str] = ()) -> None:
        self.is_asked.set()
        await self.may_go.wait()
        await self.hub.release(reference, line_ids)


@pytest.fixture
async def channel(engine: Engine, hub: FakeHub) -> Channel:
    hub.add(1, "00845", 10)
    made = await engine.add_channel()
    await engine.add_listing(made, 1, "00845", "SHOP-1")
    return made


@pytest.fixture
async def sold(engine: Engine, platform: FakePlatform, channel: Channel) -> Order:
    """An order that is sold and not yet shipped."""
    platform.orders["O-1"] = SOLD
    await _work(engine, channel)
    async with engine.db.read.connect() as conn:
        order_id = (await conn.execute(text("SELECT id FROM sync.channel_order"))).scalar_one()
    order = await get_order(engine.db, order_id)
    assert order.status is OrderStatus.SOLD
    return order


async def _queue(engine: Engine, channel: Channel) -> None:
    async with engine.db.transaction() as conn:
        await queue_orders(conn, channel.id, ["O-1"])


async def _work(engine: Engine, channel: Channel) -> None:
    """Take in what the platform says, to the end."""
    await _queue(engine, channel)
    async with running(engine.order_worker(channel).run):
        await until(lambda: _is_worked_off(engine))


async def _is_worked_off(engine: Engine) -> bool:
    async with engine.db.read.connect() as conn:
        return bool((await conn.execute(text("SELECT count(*) = 0 FROM sync.order_task"))).scalar_one())


async def _ship(engine: Engine, order: Order, units: int = 2) -> None:
    async with engine.db.transaction() as conn:
        await ship_order(conn, order.id, _parcel(units))


def _parcel(units: int) -> NewShipment:
    return NewShipment("UPS", "1Z1", {"1": units}, AT, "somebody")


async def _free_or_shipped(engine: Engine, hub: FakeHub, order: Order) -> tuple[int, int]:
    """Units of the shelf's ten that are free, and those in parcels."""
    (line,) = (await get_order(engine.db, order.id)).lines
    return hub.free[1], line.shipped_quantity


async def test_parcel_between_the_cancellations_reading_and_its_release_is_refused(
    engine: Engine, hub: FakeHub, platform: FakePlatform, channel: Channel, sold: Order
) -> None:
    slow = SlowRelease(hub)
    engine.intake._allocator = slow
    platform.orders["O-1"] = CANCELLED
    await _queue(engine, channel)
    async with running(engine.order_worker(channel).run):
        await slow.is_asked.wait()
        with pytest.raises(OrderNotShippable):
            await _ship(engine, sold)
        slow.may_go.set()
        await until(lambda: _is_worked_off(engine))
    assert await _free_or_shipped(engine, hub, sold) == (10, 0)


@pytest.mark.parametrize("told", [[LINE], []], ids=["line told", "line told no more"])
async def test_cancellation_waits_for_a_parcel_being_recorded_and_sees_it(
    engine: Engine, channel: Channel, sold: Order, told: list[OrderLine]
) -> None:
    async with engine.db.transaction() as conn:
        await ship_order(conn, sold.id, _parcel(1))
        seeing = asyncio.create_task(store_seen(engine.db, channel.id, replace(CANCELLED, lines=told)))
        await until(lambda: _waits_for_a_lock(engine))
    order = await seeing
    assert order is not None
    assert order.cancelled
    assert [line.shipped_quantity for line in order.lines] == [1], "it has left the house"


async def _waits_for_a_lock(engine: Engine) -> bool:
    async with engine.db.read.connect() as conn:
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return bool((await conn.execute(waiting)).scalar_one())


async def test_database_itself_refuses_a_parcel_of_what_is_cancelled(
    engine: Engine, channel: Channel, sold: Order
) -> None:
    await store_seen(engine.db, channel.id, CANCELLED)
    with pytest.raises(OrderNotShippable):
        async with engine.db.transaction() as conn:
            await insert_shipment(conn, sold.id, channel.id, _parcel(1))
    again = replace(CANCELLED, cancelled=False, lines=[replace(LINE, cancelled=True)])
    await store_seen(engine.db, channel.id, again)
    with pytest.raises(OrderNotShippable):
        async with engine.db.transaction() as conn:
            await insert_shipment(conn, sold.id, channel.id, _parcel(1))


async def test_parcel_withdrawn_while_its_order_is_being_cancelled_frees_its_units(
    engine: Engine, hub: FakeHub, platform: FakePlatform, channel: Channel, sold: Order
) -> None:
    await _ship(engine, sold)
    (shipment,) = (await get_order(engine.db, sold.id)).shipments
    platform.orders["O-1"] = CANCELLED
    await _queue(engine, channel)
    (task,) = await engine.tasks.take(channel.id, uuid4(), 1)
    seen = await engine.intake.see(task, CANCELLED)
    assert seen is not None
    async with engine.db.transaction() as conn:
        await withdraw_shipment(conn, sold.id, shipment.id)
    await engine.intake.apply(task, seen, cancelled=True)
    assert hub.free[1] == 8, "as the reading saw them: gone"
    async with running(engine.order_worker(channel).run):
        await until(lambda: _is_worked_off(engine))
    assert await _free_or_shipped(engine, hub, sold) == (10, 0)


async def test_person_who_resolves_what_was_cancelled_meanwhile_sells_nothing(
    engine: Engine, hub: FakeHub, platform: FakePlatform, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.orders["O-1"] = replace(SOLD, lines=[replace(LINE, quantity=99)])
    await _work(engine, channel)
    async with engine.db.read.connect() as conn:
        order_id = (await conn.execute(text("SELECT id FROM sync.channel_order"))).scalar_one()
    hub.set_free(1, 100)
    platform.orders["O-1"] = replace(CANCELLED, lines=[replace(LINE, quantity=99)])
    claim = engine.tasks.claim_one

    async def cancelled_before(*arguments: object) -> object:
        await _work(engine, channel)
        return await claim(*arguments)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(engine.desk.tasks, "claim_one", cancelled_before)
    order = await apply_again(engine.desk, order_id, None)
    assert (order.status, hub.free[1]) == (OrderStatus.CANCELLED, 100)
