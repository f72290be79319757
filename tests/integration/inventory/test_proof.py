"""What the ledger proves: value as of a past time, costs of goods sold, and that nobody tampered with it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from usav.inventory.v1 import after_sale_pb2, proof_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from tests.integration.inventory.harness import InventoryHub, dollars, duration, new_sku, refusal


async def database_time(hub: InventoryHub) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime((await hub.rows("SELECT clock_timestamp() AS now"))[0]["now"])
    return stamp


async def value(hub: InventoryHub, product_id: int, **fields: Any) -> tuple[int, list[Money]]:
    found = await hub.admin.GetStockValue(service.GetStockValueRequest(product_id=product_id, **fields))
    return found.total.units, list(found.total.values)


async def verified(
    hub: InventoryHub, item_id: int = 0
) -> tuple[list[proof_pb2.LedgerFinding], proof_pb2.LedgerSummary]:
    told = [each async for each in hub.admin.VerifyLedger(proof_pb2.VerifyLedgerRequest(item_id=item_id))]
    return [each.finding for each in told if each.HasField("finding")], told[-1].summary


async def tamper(hub: InventoryHub, statement: str, *arguments: Any) -> None:
    """As the owner of the database could: with the triggers off."""
    connection = await asyncpg.connect(hub.admin_url, server_settings={"session_replication_role": "replica"})
    try:
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()


async def test_value_is_told_as_it_was(hub: InventoryHub) -> None:
    sku = "T-700091"
    before = await database_time(hub)
    units = await hub.receive(sku, count=3, unit_cost=dollars(7), location="VALUE-1")
    received = await database_time(hub)
    await hub.admin.SellItem(service.SellItemRequest(id=units[0].id))
    await hub.admin.MoveItem(service.MoveItemRequest(id=units[1].id, location="VALUE-2"))
    await hub.admin.DeleteItem(service.DeleteItemRequest(id=units[2].id))
    assert await value(hub, 91, as_of=before) == (0, [])
    assert await value(hub, 91, as_of=received) == (3, [dollars(21)])
    assert await value(hub, 91, as_of=received, location="VALUE-1", condition_code="u") == (3, [dollars(21)])
    assert await value(hub, 91) == await value(hub, 91, as_of=await database_time(hub)) == (1, [dollars(7)])


async def test_hold_that_had_run_out_counts_as_free_then(hub: InventoryHub) -> None:
    unit = await hub.unit("T-700092", unit_cost=dollars(5))
    await hub.reserve(unit.id, seconds=60)
    held = await database_time(hub)
    later = Timestamp(seconds=held.seconds + 120)
    assert (await value(hub, 92, as_of=held, status="RESERVED"))[0] == 1
    assert (await value(hub, 92, as_of=later, status="RESERVED"))[0] == 0
    assert (await value(hub, 92, as_of=later, status="AVAILABLE"))[0] == 1


async def test_value_by_condition_and_costs_of_goods_sold(hub: InventoryHub) -> None:
    start = await database_time(hub)
    new = await hub.receive("T-700093-N", count=2, unit_cost=Money(currency_code="USD", nanos=100_000_000))
    used = await hub.receive("T-700093", count=2, unit_cost=Money(currency_code="EUR", units=3))
    unknown = await hub.unit("T-700093-R")
    for unit in (*new, used[0], unknown):
        await hub.admin.SellItem(service.SellItemRequest(id=unit.id))
    await hub.admin.ReturnItem(after_sale_pb2.ReturnItemRequest(id=new[0].id, reason="too loud"))
    whole = await hub.admin.GetStockValue(service.GetStockValueRequest(product_id=93))
    assert {part.condition_code: part.units for part in whole.by_condition} == {"N": 1, "U": 1}
    request = proof_pb2.GetCostOfGoodsSoldRequest(start_time=start, end_time=await database_time(hub))
    sold = await hub.admin.GetCostOfGoodsSold(request)
    assert (sold.total.sold_units, sold.total.returned_units, sold.total.units_without_cost) == (4, 1, 1)
    assert list(sold.total.costs) == [
        Money(currency_code="EUR", units=3), Money(currency_code="USD", nanos=100_000_000)
    ]  # fmt: skip
    assert {part.condition_code: part.sold_units for part in sold.by_condition} == {"N": 2, "R": 1, "U": 1}
    assert [(part.product_id, part.sold_units) for part in sold.by_family] == [(93, 4)]
    request.end_time.CopyFrom(start)
    assert (await refusal(hub.admin.GetCostOfGoodsSold(request))).fields == ("end_time",)


async def test_whole_ledger_is_found_right(hub: InventoryHub) -> None:
    units = await hub.receive(new_sku(), count=5)
    await hub.reserve(units[0].id)
    await hub.admin.SellItem(service.SellItemRequest(id=units[1].id))
    await hub.admin.DeleteItem(service.DeleteItemRequest(id=units[2].id))
    await hub.admin.AllocateUnits(
        service.AllocateUnitsRequest(
            order_reference="V-1",
            lines=[service.AllocateUnitsRequest.Line(line_id="a", sku=units[0].sku, quantity=1)],
            hold_duration=duration(60),
        )
    )
    findings, summary = await verified(hub)
    assert (findings, summary.findings) == ([], 0)
    assert all(count.ledger_units == count.present_units for count in summary.counts)
    counted = (await hub.rows("SELECT count(*) AS units FROM inventory.item"))[0]["units"]
    assert summary.units == counted > 0


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "UPDATE inventory.movement SET reason = 'forged' WHERE item_id = $1 AND sequence = 2",
            "one of them was changed",
        ),
        (
            "UPDATE inventory.movement SET actor_name = 'x' WHERE item_id = $1 AND sequence = 1",
            "one of them was changed",
        ),
        ("DELETE FROM inventory.movement WHERE item_id = $1 AND sequence = 2", "a row is missing"),
        ("DELETE FROM inventory.movement WHERE item_id = $1 AND sequence = 3", "the unit's version"),
        ("DELETE FROM inventory.movement WHERE item_id = $1", "no ledger rows"),
        ("DELETE FROM inventory.item WHERE id = $1", "the unit itself is missing"),
        ("UPDATE inventory.item SET location = 'Z-9' WHERE id = $1", "the unit's location is Z-9"),
        ("UPDATE inventory.item SET unit_cost = 1, cost_currency = 'USD' WHERE id = $1", "the unit's cost"),
        ("DELETE FROM inventory.reservation WHERE item_id = $1", "its hold and the reservations differ"),
    ],
)
async def test_tampered_row_is_named(hub: InventoryHub, statement: str, told: str) -> None:
    unit = await hub.unit()
    await hub.admin.MoveItem(service.MoveItemRequest(id=unit.id, location="A"))
    await hub.reserve(unit.id)
    rows = await hub.rows("SELECT id, sequence FROM inventory.movement WHERE item_id = $1 ORDER BY sequence", unit.id)
    assert (await verified(hub, unit.id))[1].findings == 0
    await tamper(hub, statement, unit.id)
    findings, summary = await verified(hub, unit.id)
    assert summary.findings == len(findings) > 0
    assert all(finding.item_id == unit.id for finding in findings)
    assert any(told in finding.what for finding in findings)
    if "one of them" in told:
        changed = next(row["id"] for row in rows if row["sequence"] == int(statement[-1]))
        assert f"row {changed} before it" in findings[0].what


async def test_proofs_are_for_admins(hub: InventoryHub) -> None:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC))
    request = proof_pb2.GetCostOfGoodsSoldRequest(start_time=stamp, end_time=stamp)
    assert (await refusal(hub.caller("SALES_REP").GetCostOfGoodsSold(request))).code == "PERMISSION_DENIED"
