"""Returns, inspection, restocking, damage, repair and write-off."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import grpc
import pytest
from usav.inventory.v1 import after_sale_pb2, item_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from tests.integration.inventory.harness import InventoryHub, dollars, new_sku, refusal, refusal_of


async def sold(hub: InventoryHub, sku: str = "", order: str = "O-1", **fields: Any) -> item_pb2.Item:
    """A unit sold under an order."""
    unit = await hub.unit(sku, **fields)
    request = service.SellItemRequest(id=unit.id, order_reference=order, sale_price=dollars(80))
    item: item_pb2.Item = await hub.admin.SellItem(request)
    return item


async def returned(hub: InventoryHub, unit: item_pb2.Item, **fields: Any) -> item_pb2.Item:
    request = after_sale_pb2.ReturnItemRequest(id=unit.id, **{"reason": "does not turn on", **fields})
    item: item_pb2.Item = await hub.admin.ReturnItem(request)
    return item


async def last_movement(hub: InventoryHub, item_id: int) -> Any:
    page = await hub.admin.ListMovements(service.ListMovementsRequest(item_id=item_id, page_size=1000))
    return page.items[-1]


async def test_returned_unit_is_on_hand_again_and_its_sale_is_over(hub: InventoryHub) -> None:
    unit = await sold(hub)
    back = await returned(hub, unit, rma_number=" RMA-7 ")
    assert (back.status, back.rma_number, back.location, back.order_reference) == (item_pb2.Item.RMA, "RMA-7", "", "")
    assert not back.HasField("sale_price")
    assert not back.HasField("sell_time")
    row = await last_movement(hub, unit.id)
    assert (row.order_reference, row.reason) == ("O-1", "does not turn on")
    free = await hub.admin.BatchGetAvailability(service.BatchGetAvailabilityRequest(skus=[unit.sku]))
    assert free.items[0].free_units == 0


async def test_hub_makes_a_number_for_a_return_without_one(hub: InventoryHub) -> None:
    unit = await sold(hub)
    assert (await returned(hub, unit)).rma_number == f"RMA-{unit.id}-3"


async def test_return_under_another_order_is_refused_and_names_the_right_one(hub: InventoryHub) -> None:
    unit = await sold(hub, order="O-2")
    request = after_sale_pb2.ReturnItemRequest(id=unit.id, order_reference="O-3", reason="x")
    refused = await refusal(hub.admin.ReturnItem(request))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "SOLD_UNDER_ANOTHER")
    assert refused.metadata["order_reference"] == "O-2"
    assert (await returned(hub, unit, order_reference="O-2")).status == item_pb2.Item.RMA


async def test_of_many_returns_at_once_one_succeeds(hub: InventoryHub) -> None:
    unit = await sold(hub)
    request = after_sale_pb2.ReturnItemRequest(id=unit.id, reason="x")
    answers = await asyncio.gather(*(hub.admin.ReturnItem(request) for _ in range(8)), return_exceptions=True)
    refused = [refusal_of(answer) for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert len(refused) == 7
    assert {(one.reason, one.metadata["status"]) for one in refused} == {("STATUS_FORBIDS", "RMA")}
    assert await hub.actions(unit.id) == ["RECEIVE", "SELL", "RETURN"]


async def test_return_with_a_request_id_is_safe_to_repeat(hub: InventoryHub) -> None:
    unit = await sold(hub)
    first = await returned(hub, unit, request_id="ret-1")
    assert await returned(hub, unit, request_id="ret-1") == first


async def test_graded_unit_keeps_serial_cost_and_history_under_another_condition(hub: InventoryHub) -> None:
    sku = new_sku()
    unit = await sold(hub, f"{sku}-N", serial_number=f"G-{sku}", unit_cost=dollars(12.5))
    await returned(hub, unit)
    inspect = after_sale_pb2.InspectItemRequest(serial_number=f"g-{sku}".lower(), grade="B", notes="Scratch on top.")
    assert (await hub.admin.InspectItem(inspect)).grade == "B"
    back = await hub.admin.RestockItem(after_sale_pb2.RestockItemRequest(id=unit.id, sku=sku, reason="used now"))
    assert (back.status, back.sku, back.serial_number, back.grade) == (item_pb2.Item.AVAILABLE, sku, f"G-{sku}", "B")
    assert (back.unit_cost, back.notes) == (dollars(12.5), "Scratch on top.")
    assert await hub.actions(unit.id) == ["RECEIVE", "SELL", "RETURN", "INSPECT", "RESTOCK"]
    row = await last_movement(hub, unit.id)
    assert json.loads(row.changes) == {"sku": {"before": f"{sku}-N", "after": sku}}
    free = await hub.admin.BatchGetAvailability(service.BatchGetAvailabilityRequest(skus=[f"{sku}-N", sku]))
    assert {item.sku: item.free_units for item in free.items} == {f"{sku}-N": 0, sku: 1}
    assert (await hub.admin.ReserveItem(service.ReserveItemRequest(id=unit.id))).sku == sku
    await hub.check_invariants()


async def test_unit_is_not_restocked_as_another_thing(hub: InventoryHub) -> None:
    unit = await sold(hub)
    await returned(hub, unit)
    other = new_sku()
    refused = await refusal(hub.admin.RestockItem(after_sale_pb2.RestockItemRequest(id=unit.id, sku=other)))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "REGRADE_REFUSED")
    assert refused.metadata == {"item_id": str(unit.id), "sku": unit.sku, "asked_sku": other}
    unknown = after_sale_pb2.RestockItemRequest(id=unit.id, sku="NO-SUCH-SKU")
    assert (await refusal(hub.admin.RestockItem(unknown))).reason == "VARIANT_NOT_FOUND"
    assert await hub.status(unit.id) == "RMA"


async def test_damaged_unit_is_repaired_inspected_and_sold_again(hub: InventoryHub) -> None:
    unit = await hub.unit()
    await hub.admin.DamageItem(after_sale_pb2.DamageItemRequest(id=unit.id, reason="fell"))
    assert await hub.status(unit.id) == "DAMAGED"
    fixed = await hub.admin.RepairItem(after_sale_pb2.RepairItemRequest(id=unit.id, notes="New foot."))
    assert (fixed.status, fixed.notes) == (item_pb2.Item.RMA, "New foot.")
    await hub.admin.RestockItem(after_sale_pb2.RestockItemRequest(id=unit.id))
    await hub.admin.SellItem(service.SellItemRequest(id=unit.id))
    assert await hub.actions(unit.id) == ["RECEIVE", "DAMAGE", "REPAIR", "RESTOCK", "SELL"]
    await hub.check_invariants()


async def test_written_off_unit_is_no_longer_stock(hub: InventoryHub) -> None:
    unit = await hub.unit(unit_cost=dollars(5))
    await hub.admin.WriteOffItem(after_sale_pb2.WriteOffItemRequest(id=unit.id, reason="lost"))
    counts = await hub.admin.GetStockSummary(service.GetStockSummaryRequest(sku=unit.sku))
    assert (counts.written_off_units, counts.on_hand_units, counts.total_units) == (1, 0, 1)
    again = after_sale_pb2.WriteOffItemRequest(id=unit.id, reason="lost")
    assert (await refusal(hub.admin.WriteOffItem(again))).metadata["status"] == "WRITTEN_OFF"


@pytest.mark.parametrize(
    "method", ["DamageItem", "WriteOffItem", "InspectItem", "RestockItem", "RepairItem", "ReturnItem"]
)
async def test_held_unit_is_left_to_who_holds_it(hub: InventoryHub, method: str) -> None:
    unit = await hub.unit()
    await hub.reserve(unit.id)
    kind = getattr(after_sale_pb2, f"{method}Request")
    refused = await refusal(getattr(hub.admin, method)(kind(id=unit.id, reason="x")))
    assert (refused.reason, refused.metadata["status"]) == ("STATUS_FORBIDS", "RESERVED")


async def test_hold_that_ran_out_does_not_keep_a_unit_from_being_written_off(hub: InventoryHub) -> None:
    unit = await hub.unit()
    await hub.reserve(unit.id)
    await hub.pass_time(unit.id)
    done = await hub.admin.WriteOffItem(after_sale_pb2.WriteOffItemRequest(id=unit.id, reason="lost"))
    assert done.status == item_pb2.Item.WRITTEN_OFF
    assert await hub.actions(unit.id) == ["RECEIVE", "RESERVE", "EXPIRE", "WRITE_OFF"]


@pytest.mark.parametrize("method", ["ReturnItem", "DamageItem", "WriteOffItem"])
async def test_reason_is_required(hub: InventoryHub, method: str) -> None:
    kind = getattr(after_sale_pb2, f"{method}Request")
    for reason in ("", "  "):
        refused = await refusal(getattr(hub.admin, method)(kind(id=1, reason=reason)))
        assert (refused.code, refused.fields) == ("INVALID_ARGUMENT", ("reason",))


async def test_sales_rep_and_bot_are_refused(hub: InventoryHub) -> None:
    request = after_sale_pb2.WriteOffItemRequest(id=1, reason="x")
    for role in ("SALES_REP", "SYSTEM_BOT"):
        assert (await refusal(hub.caller(role).WriteOffItem(request))).code == "PERMISSION_DENIED"
