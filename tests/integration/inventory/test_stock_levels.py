"""Stock levels are kept by the database: they agree with the units in every snapshot, whoever changes them and whoever folds."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import asyncpg
from usav.inventory.v1 import after_sale_pb2, batches_pb2, item_pb2, location_pb2, proof_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from tests.integration.inventory.harness import InventoryHub, new_sku

SUMMARY = ("available_units", "reserved_units", "sold_units", "rma_units", "damaged_units", "written_off_units")


async def summary(hub: InventoryHub, sku: str) -> dict[str, int]:
    counts = await hub.admin.GetStockSummary(service.GetStockSummaryRequest(sku=sku))
    return {name: getattr(counts, name) for name in SUMMARY if getattr(counts, name)}


async def test_every_kind_of_change_is_counted(hub: InventoryHub) -> None:
    sku, other = new_sku(), new_sku()
    units = await hub.receive(sku, count=6)
    await hub.receive(other, count=1)
    await hub.admin.ReserveItem(service.ReserveItemRequest(id=units[0].id))
    await hub.admin.SellItem(service.SellItemRequest(id=units[1].id))
    await hub.admin.SellItem(service.SellItemRequest(id=units[2].id))
    await hub.admin.ReturnItem(after_sale_pb2.ReturnItemRequest(id=units[2].id, reason="hums"))
    await hub.admin.DeleteItem(service.DeleteItemRequest(id=units[3].id))
    await hub.admin.MoveItem(service.MoveItemRequest(id=units[4].id, location="B2"))
    await hub.admin.WriteOffItem(after_sale_pb2.WriteOffItemRequest(id=units[5].id, reason="fell"))
    assert await summary(hub, sku) == {
        "available_units": 1, "reserved_units": 1, "sold_units": 1, "rma_units": 1, "written_off_units": 1
    }  # fmt: skip
    assert await summary(hub, other) == {"available_units": 1}
    await hub.check_invariants()


async def test_units_of_a_place_are_counted_exactly_however_many_there_are(hub: InventoryHub) -> None:
    here, there = f"H-{new_sku()}", f"T-{new_sku()}"
    locations = location_pb2.CreateLocationRequest
    for code, warehouse in ((here, here), (there, "ELSEWHERE")):
        await hub.admin.CreateLocation(locations(location=location_pb2.Location(code=code, warehouse=warehouse)))
    sku = new_sku()
    units = [unit for _ in range(3) for unit in await hub.receive(sku, count=700, location=here)]
    await hub.receive(sku, count=3, location=there)
    await hub.admin.MoveItem(service.MoveItemRequest(id=units[0].id, location=there))
    await hub.admin.DeleteItem(service.DeleteItemRequest(id=units[1].id))
    await hub.admin.SellItem(service.SellItemRequest(id=units[2].id))
    await hub.reserve(units[3].id)
    await hub.reserve(units[4].id)
    await hub.pass_time(units[4].id)
    bound = hub.caller(f"WAREHOUSE_OP@{here}")
    status = item_pb2.Item.Status

    async def total(caller: Any, **asked: Any) -> int:
        return int((await caller.ListItems(service.ListItemsRequest(page_size=1, **asked))).total_size)

    for _ in range(2):  # before and after the changes are folded
        assert [await total(hub.admin, location=code) for code in (here, there)] == [2_098, 4]
        assert await total(hub.admin, location=here, status=status.AVAILABLE) == 2_096
        assert await total(hub.admin, location=here, status=status.RESERVED) == 1
        assert [await total(bound), await total(bound, location=here), await total(bound, location=there)] == [
            2_098,
            2_098,
            0,
        ]
        assert await total(bound, status=status.SOLD) == 1
        await _folded(hub)
    await hub.check_invariants()


async def test_a_regraded_unit_changes_from_one_variant_to_the_other(hub: InventoryHub) -> None:
    sku = new_sku()
    unit = await hub.unit(sku)
    await hub.admin.SellItem(service.SellItemRequest(id=unit.id))
    await hub.admin.ReturnItem(after_sale_pb2.ReturnItemRequest(id=unit.id, reason="as new"))
    await hub.admin.RestockItem(after_sale_pb2.RestockItemRequest(id=unit.id, sku=f"{sku}-R"))
    assert (await summary(hub, sku), await summary(hub, f"{sku}-R")) == ({}, {"available_units": 1})


async def test_snapshots_agree_while_many_change_and_two_fold(hub: InventoryHub) -> None:
    other = await InventoryHub.start(hub.admin_url)  # folds too
    skus = [new_sku() for _ in range(3)]
    units = [unit.id for sku in skus for unit in await hub.receive(sku, count=20)]
    dice, done = random.Random(4), asyncio.Event()

    async def change(stub: InventoryHub) -> None:
        for _ in range(15):
            some = dice.sample(units, 5)
            await stub.admin.BatchReserveItems(batches_pb2.BatchReserveItemsRequest(ids=some, allow_partial=True))
            await stub.admin.BatchReleaseItems(batches_pb2.BatchReleaseItemsRequest(ids=some, allow_partial=True))

    async def look() -> int:
        looked = 0
        while not done.is_set():
            await hub.check_invariants()
            looked += 1
        return looked

    try:
        looking = asyncio.ensure_future(look())
        await asyncio.gather(*(change(each) for each in (hub, other) for _ in range(4)))
        done.set()
        assert await looking > 3
    finally:
        await other.stop()


async def _folded(hub: InventoryHub) -> None:
    left = "SELECT count(*) AS rows FROM inventory.stock_level_change"
    for _ in range(200):
        if not (await hub.rows(left))[0]["rows"]:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the changes are not folded away")


async def test_changes_are_folded_away(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=3)
    await _folded(hub)
    assert await summary(hub, sku) == {"available_units": 3}


async def test_a_level_that_is_wrong_is_named(hub: InventoryHub) -> None:
    sku = new_sku()
    unit = await hub.unit(sku)
    connection = await asyncpg.connect(hub.admin_url, server_settings={"session_replication_role": "replica"})
    try:
        wrong = "INSERT INTO inventory.stock_level_change (variant_id, status, units) VALUES ($1, 'SOLD', $2)"
        await connection.execute(wrong, unit.variant_id, 2)
        told = [each async for each in hub.admin.VerifyLedger(proof_pb2.VerifyLedgerRequest())]
        findings = [each.finding.what for each in told if each.HasField("finding")]
        assert f"2 units of {sku} are told to be SOLD, there are 0" in findings
        assert [what for what in findings if "all variants" in what and "SOLD" in what]
        assert told[-1].summary.findings == len(findings) == 2
        await connection.execute(wrong, unit.variant_id, -2)
        misplaced = "INSERT INTO inventory.location_level (location, status, units) VALUES ('NOWHERE', 'SOLD', $1)"
        await connection.execute(misplaced, 3)
        told = [each async for each in hub.admin.VerifyLedger(proof_pb2.VerifyLedgerRequest())]
        findings = [each.finding.what for each in told if each.HasField("finding")]
        assert findings == ["3 units of location NOWHERE are told to be SOLD, there are 0"]
        await connection.execute("DELETE FROM inventory.location_level WHERE location = 'NOWHERE'")
    finally:
        await connection.close()
