"""What is stored of an order in one statement: its newest state, the variants its lines mean, and how it ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import text

from sync_svc.channels.base import ChannelOrder, OrderLine
from sync_svc.domain.channel import Channel
from sync_svc.domain.order import Order, OrderStatus, applied
from sync_svc.storage.deliveries import OrderTask, queue_orders
from sync_svc.storage.order_intake import record_outcome, store_seen
from sync_svc.storage.orders import get_order
from tests.factories.sync.engine import Engine

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINE = OrderLine("1", "SHOP-1", 2, title="Radio", unit_price=Decimal("10.50"), currency="USD")
SEEN = ChannelOrder("O-1", [LINE], True, False, AT, AT, "PAID")


@pytest.fixture
async def channel(engine: Engine) -> Channel:
    return await engine.add_channel()


async def _see(engine: Engine, channel: Channel, seen: ChannelOrder = SEEN) -> Order:
    order = await store_seen(engine.db, channel.id, seen)
    assert order is not None
    assert list(order.lines) == list((await get_order(engine.db, order.id)).lines)
    return order


async def test_everything_comes_back_as_it_is_stored(engine: Engine, channel: Channel) -> None:
    listing_id = await engine.add_listing(channel, 7, "00845", "SHOP-1", shown_is_sure=True)
    order = await _see(engine, channel)
    assert replace(order, shipments=[]) == await get_order(engine.db, order.id)
    (line,) = order.lines
    assert (line.variant_id, line.sku, line.unit_price, order.status) == (7, "00845", Decimal("10.50"), "NEW")
    assert not (await engine.row(listing_id)).shown_is_sure, "the platform has changed its quantity itself"


async def test_older_state_changes_nothing(engine: Engine, channel: Channel) -> None:
    order = await _see(engine, channel)
    older = replace(SEEN, paid=False, modified_at=AT - timedelta(seconds=1), lines=[replace(LINE, quantity=9)])
    assert await store_seen(engine.db, channel.id, older) is None
    assert await get_order(engine.db, order.id) == replace(order, shipments=[])


async def test_older_state_is_taken_from_who_holds_the_lease(engine: Engine, channel: Channel) -> None:
    order, task = await _see(engine, channel), await _task(engine, channel)
    older = replace(SEEN, cancelled=True, modified_at=AT - timedelta(seconds=1))
    assert await store_seen(engine.db, channel.id, older, insisting=replace(task, lease=uuid4())) is None
    assert not (await get_order(engine.db, order.id)).cancelled
    taken = await store_seen(engine.db, channel.id, older, insisting=task)
    assert taken is not None
    assert (taken.cancelled, taken.modified_at) == (True, older.modified_at)


async def test_line_that_is_told_twice_or_no_more(engine: Engine, channel: Channel) -> None:
    twice = replace(SEEN, lines=[LINE, replace(LINE, quantity=3), replace(LINE, line_id="2", platform_sku="SHOP-2")])
    assert [line.quantity for line in (await _see(engine, channel, twice)).lines] == [3, 2]
    without = await _see(engine, channel)
    assert [(line.line_id, line.quantity, line.cancelled) for line in without.lines] == [
        ("1", 2, False),
        ("2", 2, True),
    ]
    await engine.add_listing(channel, 7, "00845", "SHOP-2")
    again = await store_seen(engine.db, channel.id, SEEN)
    assert again is not None
    assert [line.sku for line in again.lines] == ["", "00845"], "a listing made since is found for every line"


async def test_line_that_means_other_goods_begins_anew_and_leaves_the_former_shelf_in_doubt(
    engine: Engine, channel: Channel
) -> None:
    former = await engine.add_listing(channel, 7, "00845", "SHOP-1", shown_is_sure=True)
    later = await engine.add_listing(channel, 8, "00846", "SHOP-2", shown_is_sure=True)
    order, task = await _see(engine, channel), await _task(engine, channel)
    assert await _record(engine, task, order)
    await engine.db.run(lambda conn: conn.execute(text("UPDATE sync.listing SET shown_is_sure = true")))
    (line,) = (await _see(engine, channel, replace(SEEN, lines=[replace(LINE, platform_sku="SHOP-2")]))).lines
    assert (line.variant_id, line.sku, line.platform_sku, line.applied) == (8, "00846", "SHOP-2", False)
    assert (line.stock_line_id, line.former_stock_line_ids) == ("1~1", ["1"])
    assert not any([(await engine.row(listing)).shown_is_sure for listing in (former, later)])


async def test_same_goods_of_another_listing_are_no_other_goods(engine: Engine, channel: Channel) -> None:
    await engine.add_listing(channel, 7, "00845", "SHOP-1")
    other = await engine.add_listing(channel, 7, "00845", "SHOP-1B", shown_is_sure=True)
    await _see(engine, channel)
    (line,) = (await _see(engine, channel, replace(SEEN, lines=[replace(LINE, platform_sku="SHOP-1B")]))).lines
    assert (line.platform_sku, line.sku, line.revision) == ("SHOP-1B", "00845", 0)
    assert not (await engine.row(other)).shown_is_sure


async def test_order_without_lines_is_kept(engine: Engine, channel: Channel) -> None:
    assert list((await _see(engine, channel, replace(SEEN, lines=[]))).lines) == []


async def _task(engine: Engine, channel: Channel) -> OrderTask:
    async with engine.db.transaction() as conn:
        await queue_orders(conn, channel.id, ["O-1"])
    (task,) = await engine.tasks.take(channel.id, uuid4(), 1)
    return task


async def _record(engine: Engine, task: OrderTask, order: Order) -> bool:
    lines = [applied(line, line.quantity) for line in order.lines]
    return await record_outcome(engine.db, task, order, lines, (OrderStatus.SOLD, None, ""))


async def test_outcome_ends_the_task_once(engine: Engine, channel: Channel) -> None:
    order, task = await _see(engine, channel), await _task(engine, channel)
    assert await _record(engine, task, order)
    stored = await get_order(engine.db, order.id)
    assert (stored.status, [line.applied for line in stored.lines]) == (OrderStatus.SOLD, [True])
    assert await engine.tasks.take(channel.id, uuid4(), 1) == []
    assert not await _record(engine, task, order), "its task has ended"


async def test_task_goes_on_when_more_was_said(engine: Engine, channel: Channel) -> None:
    order, task = await _see(engine, channel), await _task(engine, channel)
    async with engine.db.transaction() as conn:
        await queue_orders(conn, channel.id, ["O-1"])
    assert await _record(engine, task, order)
    assert len(await engine.tasks.take(channel.id, uuid4(), 1)) == 1


async def test_nothing_is_recorded_without_the_lease(engine: Engine, channel: Channel) -> None:
    order, task = await _see(engine, channel), await _task(engine, channel)
    assert not await _record(engine, replace(task, lease=uuid4()), order)
    assert (await get_order(engine.db, order.id)).status is OrderStatus.NEW
