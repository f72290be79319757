"""Value and proof are answered by a standby where there is one, and right at once whether it is there or not."""

from __future__ import annotations

from google.type.money_pb2 import Money
from usav.inventory.v1 import inventory_service_pb2 as service

from chassis.replica import READS
from deploy.local.environment import role_url
from deploy.local.migrate import migrate
from deploy.local.ports import Ports
from deploy.local.postgres import EmbeddedPostgres, PostgresPlace
from deploy.local.roles import role_of
from deploy.local.secrets import role_password
from tests.factories.folders import scratch_folder
from tests.factories.standby import caught_up, standby_of
from tests.integration.inventory.harness import ROLE_SECRET, InventoryHub


def answered_by_standby() -> float:
    return float(READS.labels("replica")._value.get())


async def units_on_hand(hub: InventoryHub) -> int:
    return int((await hub.admin.GetStockValue(service.GetStockValueRequest())).total.units)


async def test_value_is_right_at_once_with_and_without_the_standby() -> None:
    with scratch_folder() as folder, Ports() as ports:
        place = PostgresPlace(folder / "data", folder / "log", ports.take_free(), "p" * 20)
        primary = EmbeddedPostgres(place, {"fsync": "off"})
        await primary.start()
        await migrate(place.url("stock"), ROLE_SECRET, ("inventory",))
        role = role_of("inventory")
        async with standby_of(primary, folder, ports.take_free()) as standby:
            address = role_url(standby.place.url("stock"), role, role_password(ROLE_SECRET, role))
            hub = await InventoryHub.start(place.url("stock"), database_replica_url=address)
            try:
                await check(hub, standby, primary)
            finally:
                await hub.stop()
        await primary.stop()


async def check(hub: InventoryHub, standby: EmbeddedPostgres, primary: EmbeddedPostgres) -> None:
    before = answered_by_standby()
    for number in range(1, 6):
        await hub.receive(count=2, unit_cost=Money(currency_code="USD", units=5))
        assert await units_on_hand(hub) == 2 * number
    await caught_up(standby, primary)
    assert await units_on_hand(hub) == 10
    assert answered_by_standby() > before
    await standby.stop()
    await hub.receive(count=1)
    assert await units_on_hand(hub) == 11
