"""What left the house is told to the platform exactly once, whatever crashes, doubles or changes in between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text
from usav.sync.v1 import order_pb2
from usav.sync.v1 import sync_service_pb2 as pb

from sync_svc.channels.base import ChannelError, Outcome, Parcel
from sync_svc.domain.channel import Channel
from sync_svc.storage.deliveries import queue_polled
from sync_svc.workers.shipments import ShipmentWorker
from tests.factories.sync.engine import Engine, running, until
from tests.factories.sync.platform import FakePlatform
from tests.factories.sync.upstream import FakeHub
from tests.integration.sync.harness import Refused, SyncApi

Order = order_pb2.Order
Shipment = order_pb2.Order.Shipment
NUMBER = "1Z999AA10123456784"


@pytest.fixture
async def ebay(engine: Engine, hub: FakeHub) -> Channel:
    hub.add(1, "00845", 10)
    made = await engine.add_channel()
    await engine.add_listing(made, 1, "00845", "SHOP-1")
    return made


class Orders:
    """Orders of the channel, as the API shows them."""

    def __init__(self, api: SyncApi, ebay: Channel, platform: FakePlatform) -> None:
        self.api, self.ebay, self.platform, self.engine = api, ebay, platform, api.engine

    async def take_in(self) -> None:
        """Everything the platform has, as a poll brings it."""
        async with self.engine.db.transaction() as conn:
            await queue_polled(conn, self.ebay.id, list(self.platform.orders.values()))
        async with running(self.engine.order_worker(self.ebay).run):
            await until(self._is_worked_off)

    async def _is_worked_off(self) -> bool:
        async with self.engine.db.read.connect() as conn:
            return bool((await conn.execute(text("SELECT count(*) = 0 FROM sync.order_task"))).scalar_one())

    async def buy(self, quantity: int = 1, *, paid: bool = True) -> Any:
        """A buyer's order, taken in."""
        order_id = self.platform.buy("SHOP-1", quantity, paid=paid)
        await self.take_in()
        (order,) = (await self.list(external_order_id=order_id)).items
        return order

    async def list(self, **wanted: Any) -> Any:
        return await self.api.call("ListOrders", pb.ListOrdersRequest(**wanted))

    async def get(self, order: Any) -> Any:
        return await self.api.call("GetOrder", pb.GetOrderRequest(id=order.id))

    async def ship(
        self, order: Any, number: str = NUMBER, units: int = 0, role: str = "WAREHOUSE_OP", **more: Any
    ) -> Any:
        lines = [Shipment.Line(line_id="1", quantity=units)] if units else []
        fields = {"id": order.id, "carrier": "UPS" if number else "", "tracking_number": number, "lines": lines, **more}
        return await self.api.call("ShipOrder", pb.ShipOrderRequest(**fields), role)

    async def told(self, order: Any) -> Any:
        """The order once nothing of it waits any more."""

        async def is_told() -> bool:
            return all(one.status != Shipment.PENDING for one in (await self.get(order)).shipments)

        async with running(self.engine.shipment_worker(self.ebay).run):
            await until(is_told)
        return await self.get(order)


@pytest.fixture
def orders(api: SyncApi, ebay: Channel, platform: FakePlatform) -> Orders:
    return Orders(api, ebay, platform)


async def test_parcel_is_recorded_told_and_shown(orders: Orders, platform: FakePlatform) -> None:
    order = await orders.buy(2)
    assert order.shipping == Order.TO_SHIP
    shipped = await orders.ship(order, number="1Z 999 AA1 0123456784")
    assert (shipped.shipping, shipped.lines[0].shipped_quantity) == (Order.SHIPPED, 2)
    assert [(one.status, one.tracking_number) for one in shipped.shipments] == [(Shipment.PENDING, NUMBER)]
    told = await orders.told(order)
    (shipment,) = told.shipments
    assert (shipment.status, shipment.by_another, shipment.recorded_by) == (Shipment.TOLD, False, "warehouse_op")
    assert shipment.external_id == f"P-{shipment.id}"
    (parcel,) = platform.parcels
    assert (parcel.carrier, parcel.tracking_number, parcel.is_last) == ("UPS", NUMBER, True)
    assert [(line.line_id, line.quantity, line.ordered) for line in parcel.lines] == [("1", 2, 2)]


async def test_partial_parcels_go_out_in_order_and_the_last_says_so(orders: Orders, platform: FakePlatform) -> None:
    order = await orders.buy(3)
    assert (await orders.ship(order, "A1", units=1)).shipping == Order.PARTLY_SHIPPED
    assert [one.id for one in (await orders.list(to_ship=True)).items] == [order.id]
    assert (await orders.ship(order, "A2")).shipping == Order.SHIPPED
    assert list((await orders.list(to_ship=True)).items) == []
    await orders.told(order)
    assert [(one.tracking_number, one.is_last) for one in platform.parcels] == [("A1", False), ("A2", True)]


async def test_more_than_was_ordered_is_refused(orders: Orders) -> None:
    order = await orders.buy(2)
    with pytest.raises(Refused) as caught:
        await orders.ship(order, units=3)
    assert (caught.value.reason, caught.value.info.metadata["left"]) == ("SHIPPED_ALREADY", "2")
    await orders.ship(order, "A1")
    for units in (0, 1):
        with pytest.raises(Refused) as caught:
            await orders.ship(order, "A2", units=units)
        assert caught.value.reason == "SHIPPED_ALREADY"


async def test_database_itself_refuses_more_than_was_ordered(orders: Orders, engine: Engine) -> None:
    order = await orders.buy(2)
    await orders.ship(order)
    columns = "shipment_id, line_id, order_id, quantity"
    row = f"INSERT INTO sync.shipment_line ({columns}) SELECT max(id), '1', :id, 1 FROM sync.shipment"
    again = "INSERT INTO sync.shipment (order_id, channel_id) SELECT order_id, channel_id FROM sync.shipment"
    with pytest.raises(Exception, match="nothing left to ship"):
        async with engine.db.transaction() as conn:
            await conn.execute(text(again))
            await conn.execute(text(row), {"id": order.id})


async def test_thirty_callers_ship_the_last_unit_once(orders: Orders) -> None:
    order = await orders.buy(1)
    ends = await asyncio.gather(*(orders.ship(order, f"A{n}") for n in range(30)), return_exceptions=True)
    refused = [end for end in ends if isinstance(end, Refused)]
    assert len(refused) == 29
    assert {one.reason for one in refused} == {"SHIPPED_ALREADY"}


async def test_repeat_with_the_same_number_changes_nothing(orders: Orders, platform: FakePlatform) -> None:
    order = await orders.buy(2)
    for _ in range(3):
        assert len((await orders.ship(order)).shipments) == 1
    await orders.told(order)
    assert len((await orders.ship(order)).shipments) == 1
    await orders.told(order)
    assert len(platform.parcels) == 1
    with pytest.raises(Refused) as caught:
        await orders.ship(order, units=1)
    assert caught.value.reason == "TRACKING_NUMBER_TAKEN"


async def test_what_cannot_leave_the_house_is_refused(orders: Orders, platform: FakePlatform) -> None:
    held, gone, short = await orders.buy(paid=False), await orders.buy(), await orders.buy(99)
    platform.change(gone.external_order_id, cancelled=True)
    await orders.take_in()
    for order in (held, gone, short):
        with pytest.raises(Refused) as caught:
            await orders.ship(order)
        assert caught.value.reason == "ORDER_NOT_SHIPPABLE"
    assert (await orders.get(gone)).shipping == Order.SHIPPING_UNSPECIFIED


async def test_nonsense_is_refused_with_its_field(orders: Orders) -> None:
    order = await orders.buy(2)
    future = Timestamp(seconds=4_000_000_000)
    for fields, field in (
        ({"carrier": ""}, "carrier"),
        ({"ship_time": future}, "ship_time"),
        ({"ship_time": Timestamp(seconds=9_999_999_999_999)}, "ship_time"),
        ({"lines": [Shipment.Line(line_id="1", quantity=1)] * 2}, "lines"),
        ({"lines": [Shipment.Line(line_id="2", quantity=1)]}, "lines"),
        ({"tracking_number": "a\u0000b"}, "tracking_number"),
    ):
        with pytest.raises(Refused) as caught:
            await orders.ship(order, **fields)
        assert field in caught.value.fields
    for method, request in (
        ("RetryShipment", pb.RetryShipmentRequest(order_id=order.id, id=99)),
        ("WithdrawShipment", pb.WithdrawShipmentRequest(order_id=order.id, id=99)),
    ):
        with pytest.raises(Refused) as caught:
            await orders.api.call(method, request)
        assert caught.value.reason == "SHIPMENT_NOT_FOUND"


async def test_answer_that_never_came_is_read_back_before_it_is_sent_again(
    orders: Orders, platform: FakePlatform
) -> None:
    order = await orders.buy()
    failures = iter([Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.RETRY])

    async def fail(parcel: Parcel) -> None:
        if (outcome := next(failures, None)) is not None:
            raise ChannelError(outcome, "the answer never came", code="ReadTimeout")

    platform.after_ship = fail
    await orders.ship(order)
    (shipment,) = (await orders.told(order)).shipments
    assert (shipment.status, shipment.attempts, len(platform.parcels)) == (Shipment.TOLD, 3, 1)


async def test_worker_that_dies_after_sending_tells_nothing_twice(
    orders: Orders, engine: Engine, platform: FakePlatform
) -> None:
    order = await orders.buy()
    dying = asyncio.Event()

    async def die(parcel: Parcel) -> None:
        dying.set()
        await asyncio.sleep(60)

    platform.after_ship = die
    await orders.ship(order)
    worker = asyncio.create_task(engine.shipment_worker(orders.ebay)._work.take_next())
    await dying.wait()
    worker.cancel()
    with pytest.raises(Refused) as caught:
        await _withdraw(orders, order)
    assert caught.value.reason == "SHIPMENT_BUSY", "it may be on its way"
    platform.after_ship = None
    async with engine.db.transaction() as conn:
        await conn.execute(text("UPDATE sync.channel_order SET ship_lease_until = now()"))
    assert (await orders.told(order)).shipments[0].status == Shipment.TOLD
    assert len(platform.parcels) == 1


async def test_eight_workers_tell_each_parcel_once(orders: Orders, engine: Engine, platform: FakePlatform) -> None:
    bought = [await orders.buy() for _ in range(8)]
    under_way: set[str] = set()

    async def watch(parcel: Parcel) -> None:
        assert parcel.external_order_id not in under_way
        under_way.add(parcel.external_order_id)
        await asyncio.sleep(0.01)

    async def end(parcel: Parcel) -> None:
        under_way.discard(parcel.external_order_id)

    platform.before_ship, platform.after_ship = watch, end
    for order in bought:
        await orders.ship(order)
    async with running(*(engine.shipment_worker(orders.ebay).run for _ in range(8))):
        await until(lambda: len(platform.parcels) == 8)
        await asyncio.sleep(0.2)
    assert len({parcel.shipment_id for parcel in platform.parcels}) == len(platform.parcels) == 8


async def test_refused_parcel_waits_for_a_person_and_is_told_again(orders: Orders, platform: FakePlatform) -> None:
    order = await orders.buy()

    async def refuse(parcel: Parcel) -> None:
        raise ChannelError(Outcome.PERMANENT, "no such carrier", code="32300")

    platform.before_ship = refuse
    await orders.ship(order)
    (shipment,) = (await orders.told(order)).shipments
    assert (shipment.status, shipment.message, shipment.error_code) == (Shipment.REFUSED, "no such carrier", "32300")
    assert [one.id for one in (await orders.list(shipment_refused=True)).items] == [order.id]
    (status,) = (await orders.api.call("GetSyncStatus", pb.GetSyncStatusRequest())).channels
    assert (status.refused_shipment_count, len(status.warnings)) == (1, 1)
    platform.before_ship = None
    again = pb.RetryShipmentRequest(order_id=order.id, id=shipment.id)
    await orders.api.call("RetryShipment", again, "SALES_REP")
    assert (await orders.told(order)).shipments[0].status == Shipment.TOLD
    with pytest.raises(Refused) as caught:
        await orders.api.call("RetryShipment", again)
    assert caught.value.reason == "SHIPMENT_CLOSED"


async def test_withdrawn_parcel_gives_its_units_back(orders: Orders, platform: FakePlatform) -> None:
    order = await orders.buy(2)
    await orders.ship(order)
    for _ in range(2):
        withdrawn = await _withdraw(orders, order)
    assert (withdrawn.shipping, withdrawn.lines[0].shipped_quantity) == (Order.TO_SHIP, 0)
    await orders.ship(order)
    assert [one.status for one in (await orders.told(order)).shipments] == [Shipment.WITHDRAWN, Shipment.TOLD]
    assert len(platform.parcels) == 1
    order = await orders.buy()
    await orders.ship(order)
    told = await orders.told(order)
    with pytest.raises(Refused) as caught:
        await orders.api.call(
            "WithdrawShipment", pb.WithdrawShipmentRequest(order_id=order.id, id=told.shipments[0].id)
        )
    assert caught.value.reason == "SHIPMENT_CLOSED"


async def test_shipped_elsewhere_is_heeded(orders: Orders, platform: FakePlatform) -> None:
    first, second = await orders.buy(2), await orders.buy()
    await orders.ship(second)
    for order in (first, second):
        platform.ship_elsewhere(order.external_order_id, "1", order.lines[0].quantity)
    await orders.take_in()
    seen = await orders.get(first)
    assert (seen.shipping, seen.lines[0].shipped_quantity, list(seen.shipments)) == (Order.SHIPPED, 2, [])
    assert list((await orders.list(to_ship=True)).items) == []
    with pytest.raises(Refused) as caught:
        await orders.ship(first, "A1")
    assert caught.value.reason == "SHIPPED_ALREADY"
    (shipment,) = (await orders.told(second)).shipments
    assert (shipment.status, shipment.by_another, platform.parcels) == (Shipment.TOLD, True, [])


async def test_units_that_left_the_house_are_not_freed_by_a_cancellation(
    orders: Orders, hub: FakeHub, platform: FakePlatform
) -> None:
    gone, called_back = await orders.buy(2), await orders.buy(3)
    await orders.ship(gone)
    await orders.told(gone)
    await orders.ship(called_back)
    assert hub.free[1] == 5
    for order in (gone, called_back):
        platform.change(order.external_order_id, cancelled=True)
    await orders.take_in()
    for order in (gone, called_back):
        seen = await orders.get(order)
        assert (seen.status, seen.lines[0].applied) == (Order.CANCELLED, True)
        assert "left the house" in seen.message
    assert hub.free[1] == 5
    refused = await orders.told(called_back)
    assert refused.shipments[0].status == Shipment.REFUSED, "it is cancelled there"
    await _withdraw(orders, called_back)
    await orders.take_in()
    assert (hub.free[1], (await orders.get(called_back)).message) == (8, "")


async def test_account_without_access_is_not_hammered(orders: Orders, engine: Engine, platform: FakePlatform) -> None:
    order = await orders.buy()
    tries = 0

    async def refuse(parcel: Parcel) -> None:
        nonlocal tries
        tries += 1
        raise ChannelError(Outcome.AUTH, "invalid_grant")

    platform.before_ship = refuse
    await orders.ship(order)
    worker: ShipmentWorker = engine.shipment_worker(orders.ebay)
    async with running(worker.run):
        await until(lambda: tries > 0)
        await asyncio.sleep(0.5)
    assert tries == 1


async def _withdraw(orders: Orders, order: Any) -> Any:
    (shipment,) = (await orders.get(order)).shipments
    request = pb.WithdrawShipmentRequest(order_id=order.id, id=shipment.id)
    return await orders.api.call("WithdrawShipment", request, "WAREHOUSE_OP")
