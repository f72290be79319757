"""What an order has in stock is what its platform last says: other quantities, lines that go, come back, or mean other goods."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import func, text

from sync_svc.channels.base import OrderLine
from sync_svc.domain.channel import Channel
from sync_svc.domain.order import Order, OrderReason, OrderStatus
from sync_svc.domain.shipment import NewShipment
from sync_svc.operations import resolve_orders
from sync_svc.operations.desk import Desk
from sync_svc.operations.ship_orders import ship_order, withdraw_shipment
from sync_svc.storage.deliveries import queue_orders
from sync_svc.storage.order_tables import order_task
from sync_svc.storage.orders import get_order
from tests.factories.sync.engine import Engine, running, until
from tests.factories.sync.platform import FakePlatform
from tests.factories.sync.upstream import FakeHub

A, B = OrderLine("1", "SHOP-1", 2, unit_price=Decimal("10.00")), OrderLine("2", "SHOP-2", 1)


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return engine.desk


@pytest.fixture
async def channel(engine: Engine, hub: FakeHub) -> Channel:
    made = await engine.add_channel()
    for variant_id in (1, 2):
        hub.add(variant_id, f"0084{variant_id}", 10)
        await engine.add_listing(made, variant_id, f"0084{variant_id}", f"SHOP-{variant_id}")
    return made


class Shopkeeper:
    """Edits one order of the platform, and has the hub take in what it then is."""

    def __init__(self, engine: Engine, platform: FakePlatform, channel: Channel) -> None:
        self._engine, self._platform, self._channel = engine, platform, channel
        self.order_id = platform.buy("SHOP-1", 2)

    async def edit(self, *lines: OrderLine) -> Order:
        self._platform.edit(self.order_id, *lines)
        return await self.work()

    async def cancel(self, *, cancelled: bool = True) -> Order:
        self._platform.change(self.order_id, cancelled=cancelled)
        return await self.work()

    async def queue(self) -> None:
        async with self._engine.db.transaction() as conn:
            await queue_orders(conn, self._channel.id, [self.order_id])

    async def work(self, *, queue: bool = True) -> Order:
        """Takes in what the platform says, to the end; without `queue` only if something else has asked for it."""
        if queue:
            await self.queue()
        async with running(self._engine.order_worker(self._channel).run):
            await until(self._is_worked_off)
        async with self._engine.db.read.connect() as conn:
            order_id = (await conn.execute(text("SELECT id FROM sync.channel_order"))).scalar_one()
        return await get_order(self._engine.db, order_id)

    async def _is_worked_off(self) -> bool:
        async with self._engine.db.read.connect() as conn:
            return bool((await conn.execute(text("SELECT count(*) = 0 FROM sync.order_task"))).scalar_one())


@pytest.fixture
async def shopkeeper(engine: Engine, platform: FakePlatform, channel: Channel) -> Shopkeeper:
    made = Shopkeeper(engine, platform, channel)
    await made.edit(A, B)
    return made


def free(hub: FakeHub) -> list[int]:
    return [hub.free[1], hub.free[2]]


async def _ship(engine: Engine, order: Order, units: int, tracking_number: str = "1Z1") -> None:
    parcel = NewShipment("UPS", tracking_number, {"1": units}, datetime(2026, 3, 1, tzinfo=UTC), "somebody")
    async with engine.db.transaction() as conn:
        await ship_order(conn, order.id, parcel)


async def _desired(engine: Engine) -> dict[str, int]:
    """The generation that each listing shall show, by SKU."""
    async with engine.db.read.connect() as conn:
        rows = await conn.execute(text("SELECT platform_sku, desired_generation FROM sync.listing"))
        return {row.platform_sku: row.desired_generation for row in rows}


async def test_quantities_follow_up_and_down(hub: FakeHub, shopkeeper: Shopkeeper) -> None:
    assert free(hub) == [8, 9]
    order = await shopkeeper.edit(replace(A, quantity=5), B)
    assert (order.status, order.lines[0].to_ship, free(hub)) == (OrderStatus.SOLD, 5, [5, 9])
    order = await shopkeeper.edit(replace(A, quantity=1), replace(B, quantity=2))
    assert (order.status, order.message, free(hub)) == (OrderStatus.SOLD, "", [9, 8])


async def test_line_that_is_taken_out_frees_its_units(hub: FakeHub, shopkeeper: Shopkeeper) -> None:
    order = await shopkeeper.edit(A)
    assert (order.status, free(hub)) == (OrderStatus.SOLD, [8, 10])
    assert [(line.applied, line.cancelled) for line in order.lines] == [(True, False), (False, True)]
    again = await shopkeeper.work()
    assert again == replace(order, updated_at=again.updated_at), "nothing more happens"


async def test_line_that_comes_back_is_sold_anew(hub: FakeHub, shopkeeper: Shopkeeper) -> None:
    await shopkeeper.edit(A)
    for quantity in (1, 2):
        order = await shopkeeper.edit(A, replace(B, quantity=quantity))
        assert (order.status, order.lines[1].applied, free(hub)) == (OrderStatus.SOLD, True, [8, 10 - quantity])
    await shopkeeper.edit(B)
    order = await shopkeeper.edit(A, B)
    assert (order.status, free(hub)) == (OrderStatus.SOLD, [8, 9])
    await shopkeeper.cancel()
    assert free(hub) == [10, 10]


async def test_cancelled_order_that_is_opened_again_is_sold_again(hub: FakeHub, shopkeeper: Shopkeeper) -> None:
    order = await shopkeeper.cancel()
    assert (order.status, free(hub)) == (OrderStatus.CANCELLED, [10, 10])
    order = await shopkeeper.cancel(cancelled=False)
    assert (order.status, free(hub)) == (OrderStatus.SOLD, [8, 9])
    assert (await shopkeeper.cancel()).status is OrderStatus.CANCELLED
    assert free(hub) == [10, 10]


async def test_line_that_means_other_goods_gives_back_the_former_ones(hub: FakeHub, shopkeeper: Shopkeeper) -> None:
    hub.add(3, "00843", 5)
    order = await shopkeeper.edit(replace(A, platform_sku="SHOP-2", quantity=3), B)
    assert (order.status, order.lines[0].sku, free(hub)) == (OrderStatus.SOLD, "00842", [10, 6])
    order = await shopkeeper.edit(A, B)
    assert (order.status, order.lines[0].sku, free(hub)) == (OrderStatus.SOLD, "00841", [8, 9])


async def test_line_that_means_something_unknown_waits_for_a_person(
    engine: Engine, desk: Desk, hub: FakeHub, shopkeeper: Shopkeeper
) -> None:
    hub.add(3, "00843", 5)
    order = await shopkeeper.edit(replace(A, platform_sku="MYSTERY"), B)
    assert (order.status, order.reason, free(hub)) == (
        OrderStatus.NEEDS_ATTENTION, OrderReason.UNKNOWN_SKU, [10, 9]
    )  # fmt: skip
    variants = await resolve_orders.find_variants(desk, {"1": "00843"})
    await engine.db.run(lambda conn: resolve_orders.map_lines(conn, order.id, variants, None))
    assert (await resolve_orders.apply_again(desk, order.id, None)).status is OrderStatus.SOLD
    assert (free(hub), hub.free[3]) == ([10, 9], 3)
    order = await shopkeeper.work()
    assert (order.status, hub.free[3]) == (OrderStatus.SOLD, 3), "what the person said stays"


async def test_platform_that_is_unsure_of_the_sku_changes_nothing(hub: FakeHub, shopkeeper: Shopkeeper) -> None:
    order = await shopkeeper.edit(replace(A, platform_sku=""), B)
    assert (order.lines[0].platform_sku, order.status, free(hub)) == ("SHOP-1", OrderStatus.SOLD, [8, 9])


async def test_order_that_cannot_grow_keeps_what_it_has_until_there_is_stock(
    desk: Desk, hub: FakeHub, shopkeeper: Shopkeeper
) -> None:
    order = await shopkeeper.edit(replace(A, quantity=11), replace(B, quantity=2))
    assert (order.status, order.reason) == (OrderStatus.NEEDS_ATTENTION, OrderReason.OUT_OF_STOCK)
    assert free(hub) == [8, 8], "the other line is not held up"
    hub.set_free(1, 9)
    assert (await resolve_orders.apply_again(desk, order.id, None)).status is OrderStatus.SOLD
    assert free(hub) == [0, 8]


async def test_lowered_after_some_have_left_keeps_all_and_says_so(
    engine: Engine, hub: FakeHub, shopkeeper: Shopkeeper
) -> None:
    order = await shopkeeper.edit(replace(A, quantity=4), B)
    await _ship(engine, order, 2)
    before = await _desired(engine)
    order = await shopkeeper.edit(replace(A, quantity=3), B)
    assert (order.status, free(hub)) == (OrderStatus.SOLD, [6, 9])
    after = await _desired(engine)
    assert (after["SHOP-1"] > before["SHOP-1"], after["SHOP-2"]) == (True, before["SHOP-2"]), "its shelf is set right"
    assert "1 more than ordered stay sold until they are taken in as a return" in order.message
    order = await shopkeeper.edit(replace(A, quantity=6), B)
    assert (order.status, order.message, free(hub)) == (OrderStatus.SOLD, "", [4, 9])


async def test_surplus_is_given_back_when_the_parcel_is_withdrawn(
    engine: Engine, hub: FakeHub, shopkeeper: Shopkeeper
) -> None:
    await _ship(engine, await shopkeeper.work(), 1)
    order = await shopkeeper.edit(replace(A, quantity=1), B)
    assert (order.lines[0].keeps_more, free(hub)) == (True, [8, 9])
    async with engine.db.transaction() as conn:
        await withdraw_shipment(conn, order.id, order.shipments[0].id)
    order = await shopkeeper.work(queue=False)
    assert (order.message, free(hub)) == ("", [9, 9])


async def test_line_of_which_some_have_left_stays_what_it_was(
    engine: Engine, hub: FakeHub, shopkeeper: Shopkeeper
) -> None:
    await _ship(engine, await shopkeeper.work(), 1)
    order = await shopkeeper.edit(replace(A, platform_sku="SHOP-2"), B)
    assert (order.lines[0].platform_sku, free(hub)) == ("SHOP-1", [8, 9])
    order = await shopkeeper.edit(B)
    assert (order.lines[0].cancelled, order.lines[0].applied, free(hub)) == (True, True, [8, 9])
    await shopkeeper.edit(A, B)
    assert free(hub) == [8, 9]


async def test_cancellation_frees_what_lines_in_trouble_and_lines_in_order_have(
    engine: Engine, hub: FakeHub, shopkeeper: Shopkeeper
) -> None:
    """A line that inventory has never heard of does not keep the others from being given back."""
    order = await shopkeeper.edit(A, replace(B, quantity=99), OrderLine("3", "MYSTERY", 1), OrderLine("4", "SHOP-2", 1))
    assert (order.status, free(hub)) == (OrderStatus.NEEDS_ATTENTION, [8, 8])
    await _ship(engine, order, 1)
    order = await shopkeeper.cancel()
    assert (order.status, free(hub)) == (OrderStatus.CANCELLED, [8, 10])


async def test_line_in_trouble_that_is_taken_out_gives_back_what_it_has(hub: FakeHub, shopkeeper: Shopkeeper) -> None:
    await shopkeeper.edit(A, replace(B, quantity=99))
    order = await shopkeeper.edit(A)
    assert (order.status, free(hub)) == (OrderStatus.SOLD, [8, 10])


async def test_line_taken_out_after_a_crash_between_sale_and_record_is_given_back(
    engine: Engine, hub: FakeHub, platform: FakePlatform, shopkeeper: Shopkeeper, channel: Channel
) -> None:
    new = OrderLine("9", "SHOP-2", 4)
    platform.edit(shopkeeper.order_id, A, B, new)
    await shopkeeper.queue()
    (task,) = await engine.tasks.take(channel.id, uuid4(), 1)
    order = await engine.intake.see(task, platform.orders[shopkeeper.order_id])
    assert order is not None
    await hub.allocate(order.reference, order.lines, sell=True)
    assert free(hub) == [8, 5]
    async with engine.db.transaction() as conn:
        await conn.execute(order_task.update().values(lease_until=func.now()))
    await shopkeeper.edit(A, B)
    assert free(hub) == [8, 9]


async def test_other_goods_before_a_crash_and_a_cancellation_after_it_give_the_former_ones_back(
    engine: Engine, hub: FakeHub, platform: FakePlatform, shopkeeper: Shopkeeper, channel: Channel
) -> None:
    order = await shopkeeper.edit(B, A)
    async with engine.db.transaction() as conn:
        parcel = NewShipment("UPS", "1Z2", {"2": 1}, datetime(2026, 3, 1, tzinfo=UTC), "somebody")
        await ship_order(conn, order.id, parcel)
    platform.edit(shopkeeper.order_id, B, replace(A, platform_sku="SHOP-2"))
    await shopkeeper.queue()
    (task,) = await engine.tasks.take(channel.id, uuid4(), 1)
    assert await engine.intake.see(task, platform.orders[shopkeeper.order_id]) is not None
    async with engine.db.transaction() as conn:
        await conn.execute(order_task.update().values(lease_until=func.now()))
    await shopkeeper.cancel()
    assert free(hub) == [10, 9], "what has left stays sold"


async def test_answer_without_lines_takes_none_out(hub: FakeHub, shopkeeper: Shopkeeper) -> None:
    order = await shopkeeper.edit()
    assert (order.status, free(hub)) == (OrderStatus.SOLD, [8, 9])


async def test_price_that_is_told_later_is_kept(shopkeeper: Shopkeeper) -> None:
    order = await shopkeeper.edit(A, replace(B, unit_price=Decimal("7.50"), currency="EUR"))
    assert [(line.unit_price, line.currency) for line in order.lines] == [
        (Decimal("10.00"), "USD"), (Decimal("7.50"), "EUR")
    ]  # fmt: skip
    order = await shopkeeper.edit(A, B)
    assert (order.lines[1].unit_price, order.lines[1].currency) == (Decimal("7.50"), "EUR")
