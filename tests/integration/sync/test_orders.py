"""Orders come by webhook and by poll, in any order and more than once, and are applied exactly once."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from chassis.errors import HubError
from sync_svc.channels.base import Hint, HintKind
from sync_svc.domain import backoff
from sync_svc.domain.channel import Channel
from sync_svc.domain.errors import WebhookRejected
from sync_svc.domain.order import Order, OrderReason, OrderStatus
from sync_svc.operations import resolve_orders, webhooks
from sync_svc.operations.desk import Desk
from sync_svc.operations.take_orders import TaskLost
from sync_svc.queries import orders as queries
from sync_svc.queries.orders import OrderFilter
from sync_svc.storage.deliveries import accept_hints, queue_orders, queue_polled
from sync_svc.storage.order_tables import order_task
from tests.factories.sync.engine import Engine, running, until
from tests.factories.sync.platform import FakePlatform
from tests.factories.sync.upstream import FakeHub


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return engine.desk


@pytest.fixture
async def channel(engine: Engine, hub: FakeHub) -> Channel:
    hub.add(1, "00845", 3)
    made = await engine.add_channel()
    await engine.add_listing(made, 1, "00845", "SHOP-1")
    return made


async def _deliver(desk: Desk, channel: Channel, platform: FakePlatform, order_id: str, event_id: str = "") -> int:
    headers, body = platform.delivery(order_id, event_id)
    return await webhooks.receive_webhook(desk, "ebay", channel.id, headers, body)


async def _poll(engine: Engine, channel: Channel, platform: FakePlatform) -> int:
    async with engine.db.transaction() as conn:
        return await queue_polled(conn, channel.id, list(platform.orders.values()))


async def _orders(engine: Engine) -> list[Order]:
    page = await queries.list_orders(engine.db, OrderFilter(), before_id=None, most=50)
    return list(page.items)


async def _work_off(engine: Engine, channel: Channel) -> list[Order]:
    """Run an order worker until no task is left."""

    async def is_empty() -> bool:
        async with engine.db.read.connect() as conn:
            return (await conn.execute(select(func.count()).select_from(order_task))).scalar_one() == 0

    async with running(engine.order_worker(channel).run):
        await until(is_empty)
    return await _orders(engine)


async def test_paid_order_sells_its_units(
    engine: Engine, desk: Desk, hub: FakeHub, channel: Channel, platform: FakePlatform
) -> None:
    order_id = platform.buy("SHOP-1", 2)
    assert await _deliver(desk, channel, platform, order_id) == 1
    (order,) = await _work_off(engine, channel)
    assert (order.status, order.reference) == (OrderStatus.SOLD, f"EBAY-MEKONG-{order_id}")
    assert hub.held == {(order.reference, "1"): (1, 2, True)}
    assert hub.free[1] == 1


async def test_duplicate_webhooks_and_a_poll_at_once_apply_once(
    engine: Engine, desk: Desk, hub: FakeHub, channel: Channel, platform: FakePlatform
) -> None:
    order_id = platform.buy("SHOP-1")
    workers = [engine.order_worker(channel).run for _ in range(2)]
    async with running(*workers):
        await asyncio.gather(
            *(_deliver(desk, channel, platform, order_id, "E-same") for _ in range(3)),
            *(_deliver(desk, channel, platform, order_id) for _ in range(3)),
            *(_poll(engine, channel, platform) for _ in range(3)),
        )
        await until(lambda: hub.free[1] == 2)
    (order,) = await _work_off(engine, channel)
    assert order.status is OrderStatus.SOLD
    assert hub.free[1] == 2
    assert await _poll(engine, channel, platform) == 0, "a poll of what is applied queues nothing"


async def test_same_event_is_accepted_once(
    engine: Engine, desk: Desk, channel: Channel, platform: FakePlatform
) -> None:
    order_id = platform.buy("SHOP-1")
    answers = [await _deliver(desk, channel, platform, order_id, "E-1") for _ in range(3)]
    assert answers == [1, 0, 0]


async def test_forged_webhook_is_refused_and_leaves_nothing(
    engine: Engine, desk: Desk, channel: Channel, platform: FakePlatform
) -> None:
    _, body = platform.delivery(platform.buy("SHOP-1"))
    with pytest.raises(WebhookRejected):
        await webhooks.receive_webhook(desk, "ebay", channel.id, {"x-fake-signature": "0" * 64}, body)
    with pytest.raises(WebhookRejected):
        await webhooks.receive_webhook(desk, "ecwid", channel.id, *platform.delivery("O-1"))
    with pytest.raises(WebhookRejected):
        await webhooks.receive_webhook(desk, "ebay", channel.id + 99, *platform.delivery("O-1"))
    assert await _orders(engine) == []


async def test_own_write_coming_back_as_a_webhook_causes_nothing(engine: Engine, channel: Channel) -> None:
    async with engine.db.transaction() as conn:
        queued = await accept_hints(conn, channel.id, [Hint("E-9", HintKind.LISTING, "L-1")])
    assert queued == []


async def test_unpaid_order_holds_and_payment_sells(
    engine: Engine, desk: Desk, hub: FakeHub, channel: Channel, platform: FakePlatform
) -> None:
    order_id = platform.buy("SHOP-1", paid=False)
    await _deliver(desk, channel, platform, order_id)
    (order,) = await _work_off(engine, channel)
    assert order.status is OrderStatus.HELD
    assert hub.held[order.reference, "1"] == (1, 1, False)
    platform.change(order_id, paid=True)
    assert await _poll(engine, channel, platform) == 1
    (order,) = await _work_off(engine, channel)
    assert order.status is OrderStatus.SOLD
    assert (hub.free[1], hub.held[order.reference, "1"]) == (2, (1, 1, True))


async def test_cancellation_frees_the_units(
    engine: Engine, desk: Desk, hub: FakeHub, channel: Channel, platform: FakePlatform
) -> None:
    order_id = platform.buy("SHOP-1")
    await _deliver(desk, channel, platform, order_id)
    await _work_off(engine, channel)
    platform.change(order_id, cancelled=True)
    await _deliver(desk, channel, platform, order_id)
    (order,) = await _work_off(engine, channel)
    assert (order.status, hub.free[1], hub.held) == (OrderStatus.CANCELLED, 3, {})


async def test_cancelled_before_it_was_seen_takes_nothing(
    engine: Engine, desk: Desk, hub: FakeHub, channel: Channel, platform: FakePlatform
) -> None:
    order_id = platform.buy("SHOP-1")
    platform.change(order_id, cancelled=True)
    await _deliver(desk, channel, platform, order_id)
    (order,) = await _work_off(engine, channel)
    assert (order.status, hub.free[1], hub.allocations) == (OrderStatus.CANCELLED, 3, 0)


async def test_what_the_platform_puts_back_by_itself_is_no_second_unit(
    engine: Engine, channel: Channel, hub: FakeHub, platform: FakePlatform
) -> None:
    """A push went over an order the hub had not heard of; then the order was cancelled, and the platform added its unit again."""
    async with running(engine.push_worker(channel).run):
        await engine.settled()
        order_id = platform.buy("SHOP-1")
        platform.shelves["SHOP-1"].quantity = 3
        platform.change(order_id, cancelled=True)
        platform.shelves["SHOP-1"].quantity += 1
        await _deliver(engine.desk, channel, platform, order_id)
        (order,) = await _work_off(engine, channel)
        assert (order.status, hub.free[1]) == (OrderStatus.CANCELLED, 3)
        await until(lambda: platform.shelves["SHOP-1"].quantity == 3)
        await engine.settled()


async def test_old_poll_result_does_not_undo_a_newer_state(
    engine: Engine, desk: Desk, hub: FakeHub, channel: Channel, platform: FakePlatform
) -> None:
    order_id = platform.buy("SHOP-1")
    stale = platform.orders[order_id]
    platform.change(order_id, cancelled=True)
    await _deliver(desk, channel, platform, order_id)
    await _work_off(engine, channel)
    async with engine.db.transaction() as conn:
        await queue_polled(conn, channel.id, [stale])
    (order,) = await _work_off(engine, channel)
    assert (order.status, hub.free[1]) == (OrderStatus.CANCELLED, 3)


async def test_a_change_dated_by_a_clock_that_is_behind_is_applied_in_the_end(
    engine: Engine, desk: Desk, hub: FakeHub, channel: Channel, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff.backoff_s, "__kwdefaults__", {"first_s": 0.01, "cap_s": 0.02, "spread": random.random})
    order_id = platform.buy("SHOP-1")
    await _deliver(desk, channel, platform, order_id)
    await _work_off(engine, channel)
    sold = platform.orders[order_id]
    platform.orders[order_id] = replace(sold, cancelled=True, modified_at=sold.modified_at - timedelta(seconds=1))
    await _deliver(desk, channel, platform, order_id)
    (order,) = await _work_off(engine, channel)
    assert (order.status, hub.held, hub.free[1]) == (OrderStatus.CANCELLED, {}, 3)


async def test_records_that_lag_behind_undo_nothing(
    engine: Engine, desk: Desk, hub: FakeHub, channel: Channel, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff.backoff_s, "__kwdefaults__", {"first_s": 0.05, "cap_s": 0.05, "spread": random.random})
    order_id = platform.buy("SHOP-1", paid=False)
    unpaid = platform.orders[order_id]
    platform.change(order_id, paid=True)
    paid = platform.orders[order_id]
    await _deliver(desk, channel, platform, order_id)
    await _work_off(engine, channel)
    platform.orders[order_id] = unpaid
    await _deliver(desk, channel, platform, order_id)
    async with running(engine.order_worker(channel).run):
        reads = platform.order_reads
        await until(lambda: platform.order_reads >= reads + 5)
        (order,) = await _orders(engine)
        assert (order.paid, order.status) == (True, OrderStatus.SOLD)
        platform.orders[order_id] = paid
    (order,) = await _work_off(engine, channel)
    assert (order.paid, order.status) == (True, OrderStatus.SOLD)


async def test_unknown_sku_is_kept_and_resolved_with_a_mapping(
    engine: Engine, desk: Desk, hub: FakeHub, channel: Channel, platform: FakePlatform
) -> None:
    hub.add(2, "00846", 1)
    order_id = platform.buy("MYSTERY")
    await _deliver(desk, channel, platform, order_id)
    (order,) = await _work_off(engine, channel)
    assert (order.status, order.reason) == (OrderStatus.NEEDS_ATTENTION, OrderReason.UNKNOWN_SKU)
    variants = await resolve_orders.find_variants(desk, {"1": "00846"})
    await engine.db.run(lambda conn: resolve_orders.map_lines(conn, order.id, variants, None))
    resolved = await resolve_orders.apply_again(desk, order.id, None)
    assert (resolved.status, hub.free[2]) == (OrderStatus.SOLD, 0)
    await _deliver(desk, channel, platform, platform.buy("MYSTERY", 0 + 1))
    newest = (await _work_off(engine, channel))[0]
    assert newest.lines[0].sku == "00846", "the mapping holds for the next order"
    assert newest.reason is OrderReason.OUT_OF_STOCK


async def test_out_of_stock_needs_attention_until_there_is_stock(
    engine: Engine, desk: Desk, hub: FakeHub, channel: Channel, platform: FakePlatform
) -> None:
    order_id = platform.buy("SHOP-1", 5)
    await _deliver(desk, channel, platform, order_id)
    (order,) = await _work_off(engine, channel)
    assert (order.status, order.reason) == (OrderStatus.NEEDS_ATTENTION, OrderReason.OUT_OF_STOCK)
    assert (await resolve_orders.apply_again(desk, order.id, None)).status is OrderStatus.NEEDS_ATTENTION
    hub.set_free(1, 9)
    assert (await resolve_orders.apply_again(desk, order.id, None)).status is OrderStatus.SOLD
    assert hub.free[1] == 4


async def test_worker_killed_between_allocation_and_record_applies_once(
    engine: Engine, desk: Desk, hub: FakeHub, channel: Channel, platform: FakePlatform
) -> None:
    order_id = platform.buy("SHOP-1")
    await _deliver(desk, channel, platform, order_id)
    (task,) = await engine.tasks.take(channel.id, uuid4(), 1)
    order = await engine.intake.see(task, platform.orders[order_id])
    assert order is not None
    await hub.allocate(order.reference, order.lines, sell=True)
    async with engine.db.transaction() as conn:
        await conn.execute(order_task.update().values(lease_until=func.now()))
    (order,) = await _work_off(engine, channel)
    assert (order.status, hub.free[1]) == (OrderStatus.SOLD, 2)


async def test_sale_that_lands_after_a_cancellation_is_undone(
    engine: Engine, desk: Desk, hub: FakeHub, channel: Channel, platform: FakePlatform
) -> None:
    """A worker that stood still past its lease sells what the order, cancelled meanwhile, had given back."""
    order_id = platform.buy("SHOP-1")
    await _deliver(desk, channel, platform, order_id)
    (late,) = await engine.tasks.take(channel.id, uuid4(), 1)
    seen = await engine.intake.see(late, platform.orders[order_id])
    assert seen is not None
    async with engine.db.transaction() as conn:
        await conn.execute(order_task.update().values(lease_until=func.now()))
    platform.change(order_id, cancelled=True)
    await _deliver(desk, channel, platform, order_id)
    (order,) = await _work_off(engine, channel)
    assert (order.status, hub.free[1]) == (OrderStatus.CANCELLED, 3)
    with pytest.raises(TaskLost):
        await engine.intake.apply(late, seen, cancelled=False)
    assert hub.free[1] == 2
    (order,) = await _work_off(engine, channel)
    assert (order.status, hub.free[1]) == (OrderStatus.CANCELLED, 3)


async def test_inventory_down_keeps_the_order_for_later(
    engine: Engine, desk: Desk, hub: FakeHub, channel: Channel, platform: FakePlatform
) -> None:
    await _deliver(desk, channel, platform, platform.buy("SHOP-1"))
    hub.is_down = True
    async with running(engine.order_worker(channel).run):
        await asyncio.sleep(0.4)
        assert hub.free[1] == 3
        hub.is_down = False
        await until(lambda: hub.free[1] == 2)
    (order,) = await _work_off(engine, channel)
    assert order.status is OrderStatus.SOLD
    with pytest.raises(HubError):
        await queries.get_order(engine.db, order.id + 1, None)


async def test_hint_during_the_work_is_worked_after_it(
    engine: Engine, channel: Channel, platform: FakePlatform, hub: FakeHub
) -> None:
    order_id = platform.buy("SHOP-1")
    async with engine.db.transaction() as conn:
        await queue_orders(conn, channel.id, [order_id])
    (task,) = await engine.tasks.take(channel.id, uuid4(), 1)
    seen = platform.orders[order_id]
    platform.change(order_id, cancelled=True)
    async with engine.db.transaction() as conn:
        await queue_orders(conn, channel.id, [order_id])
    order = await engine.intake.see(task, seen)
    assert order is not None
    assert (await engine.intake.apply(task, order, cancelled=False)).order.status is OrderStatus.SOLD
    (order,) = await _work_off(engine, channel)
    assert (order.status, hub.free[1]) == (OrderStatus.CANCELLED, 3)
