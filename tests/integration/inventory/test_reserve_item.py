"""Holding units: one of many callers wins, a hold that has run out holds nothing, only the right ones sell a held unit."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import item_pb2

from tests.integration.inventory.harness import InventoryHub, dollars, duration, moment, refusal, refusal_of


async def outcomes(calls: list[Any]) -> tuple[list[Any], list[Any]]:
    """The answers, and the refusals, of calls made at once."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    lost = [result for result in results if isinstance(result, BaseException)]
    assert all(isinstance(error, grpc.aio.AioRpcError) for error in lost), lost
    return [result for result in results if not isinstance(result, BaseException)], [refusal_of(e) for e in lost]


@pytest.mark.parametrize("round_number", range(10))
async def test_fifty_callers_reserve_one_unit_exactly_one_wins(hub: InventoryHub, round_number: int) -> None:
    unit = await hub.unit(serial_number=f"FIFTY-{round_number}")
    callers = [hub.caller(f"SALES_REP:rep{number}") for number in range(50)]
    requests = [
        service.ReserveItemRequest(serial_number=f"fifty-{round_number}")
        if number % 5 == 0
        else service.ReserveItemRequest(id=unit.id, request_id=f"{round_number}-{number}" if number % 2 else "")
        for number in range(50)
    ]
    won, lost = await outcomes([caller.ReserveItem(request) for caller, request in zip(callers, requests, strict=True)])
    assert len(won) == 1
    assert {(each.code, each.reason) for each in lost} == {("FAILED_PRECONDITION", "STATUS_FORBIDS")}
    assert all(each.metadata["status"] == "RESERVED" for each in lost)
    assert (await hub.get(unit.id)).reservation.holder_id == won[0].reservation.holder_id
    assert await hub.actions(unit.id) == ["RECEIVE", "RESERVE"]


async def test_many_callers_share_many_units_without_overlap(hub: InventoryHub) -> None:
    units = [item.id for item in await hub.receive(count=20)]
    calls = [
        hub.caller(f"SALES_REP:rep{number}").ReserveItem(service.ReserveItemRequest(id=units[number % 20]))
        for number in range(100)
    ]
    won, lost = await outcomes(calls)
    assert sorted(item.id for item in won) == sorted(units)
    assert len(lost) == 80
    await hub.check_invariants()


async def test_hold_lasts_as_long_as_asked(hub: InventoryHub) -> None:
    held = await hub.reserve((await hub.unit()).id, seconds=90)
    lasts = moment(held.reservation.expire_time) - moment(held.reservation.create_time)
    assert abs(lasts.total_seconds() - 90) < 0.01


async def test_hold_without_a_duration_lasts_a_day(hub: InventoryHub) -> None:
    unit = await hub.unit()
    held = await hub.admin.ReserveItem(service.ReserveItemRequest(id=unit.id, order_reference=" A-1 "))
    lasts = moment(held.reservation.expire_time) - moment(held.reservation.create_time)
    assert abs(lasts.total_seconds() - 86_400) < 0.01
    assert (held.reservation.order_reference, held.reservation.holder_name) == ("A-1", "admin")


@pytest.mark.parametrize("seconds", [0, 0.5, 2_592_001, -5])
async def test_hold_of_a_wrong_length_is_refused(hub: InventoryHub, seconds: float) -> None:
    request = service.ReserveItemRequest(id=1, hold_duration=duration(seconds))
    refused = await refusal(hub.admin.ReserveItem(request))
    assert (refused.code, refused.fields) == ("INVALID_ARGUMENT", ("hold_duration",))


async def test_expired_hold_reads_as_available_everywhere(hub: InventoryHub) -> None:
    unit = await hub.unit()
    await hub.reserve(unit.id)
    await hub.pass_time(unit.id)
    read = await hub.get(unit.id)
    assert (item_pb2.Item.Status.Name(read.status), read.HasField("reservation")) == ("AVAILABLE", False)
    listed = await hub.admin.ListItems(service.ListItemsRequest(sku=unit.sku, status=item_pb2.Item.AVAILABLE))
    assert ([item.id for item in listed.items], listed.total_size) == ([unit.id], 1)
    counts = await hub.admin.GetStockSummary(service.GetStockSummaryRequest(sku=unit.sku))
    assert (counts.available_units, counts.reserved_units) == (1, 0)
    free = await hub.admin.BatchGetAvailability(service.BatchGetAvailabilityRequest(skus=[unit.sku]))
    assert free.items[0].free_units == 1


async def test_expired_hold_is_closed_by_the_next_one(hub: InventoryHub) -> None:
    unit = await hub.unit()
    first = await hub.reserve(unit.id, order_reference="FIRST")
    await hub.pass_time(unit.id)
    second = await hub.caller("SALES_REP:late").ReserveItem(service.ReserveItemRequest(id=unit.id))
    assert second.reservation.id != first.reservation.id
    assert second.reservation.holder_id == "late"
    assert await hub.actions(unit.id) == ["RECEIVE", "RESERVE", "EXPIRE", "RESERVE"]
    await hub.check_invariants()


async def test_expired_hold_taken_by_many_at_once_has_one_winner(hub: InventoryHub) -> None:
    unit = await hub.unit()
    await hub.reserve(unit.id)
    await hub.pass_time(unit.id)
    won, lost = await outcomes(
        [hub.caller(f"SALES_REP:r{n}").ReserveItem(service.ReserveItemRequest(id=unit.id)) for n in range(30)]
    )
    assert (len(won), len(lost)) == (1, 29)
    await hub.check_invariants()


async def test_expired_hold_is_tidied_by_itself(hub: InventoryHub) -> None:
    unit = await hub.unit()
    await hub.reserve(unit.id, seconds=1)
    for _ in range(60):
        await asyncio.sleep(0.1)
        if await hub.actions(unit.id) == ["RECEIVE", "RESERVE", "EXPIRE"]:
            break
    assert await hub.actions(unit.id) == ["RECEIVE", "RESERVE", "EXPIRE"]
    await hub.check_invariants()


async def test_release_frees_a_unit_and_tells_the_order(hub: InventoryHub) -> None:
    unit = await hub.unit()
    await hub.reserve(unit.id, order_reference="ORDER-1")
    wrong = service.ReleaseItemRequest(id=unit.id, order_reference="ORDER-2")
    refused = await refusal(hub.admin.ReleaseItem(wrong))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "HELD_FOR_ANOTHER")
    freed = await hub.admin.ReleaseItem(service.ReleaseItemRequest(id=unit.id, reason="changed mind"))
    assert item_pb2.Item.Status.Name(freed.status) == "AVAILABLE"
    history = await hub.admin.ListMovements(service.ListMovementsRequest(item_id=unit.id))
    assert (history.items[-1].order_reference, history.items[-1].reason) == ("ORDER-1", "changed mind")


async def test_release_of_a_free_unit_names_its_status(hub: InventoryHub) -> None:
    unit = await hub.unit()
    refused = await refusal(hub.admin.ReleaseItem(service.ReleaseItemRequest(id=unit.id)))
    assert (refused.reason, refused.metadata["status"]) == ("STATUS_FORBIDS", "AVAILABLE")


async def test_release_of_an_expired_hold_finds_the_unit_free(hub: InventoryHub) -> None:
    unit = await hub.unit()
    await hub.reserve(unit.id)
    await hub.pass_time(unit.id)
    refused = await refusal(hub.admin.ReleaseItem(service.ReleaseItemRequest(id=unit.id)))
    assert refused.metadata["status"] == "AVAILABLE"


async def test_free_unit_sells_at_once_with_its_price(hub: InventoryHub) -> None:
    unit = await hub.unit(serial_number="SELL-ME")
    request = service.SellItemRequest(serial_number="sell-me ", order_reference="O-9", sale_price=dollars(129.95))
    sold = await hub.caller("SYSTEM_BOT").SellItem(request)
    assert item_pb2.Item.Status.Name(sold.status) == "SOLD"
    assert (sold.id, sold.order_reference, sold.sale_price) == (unit.id, "O-9", dollars(129.95))
    assert sold.HasField("sell_time")
    again = await refusal(hub.admin.SellItem(service.SellItemRequest(id=unit.id)))
    assert again.metadata["status"] == "SOLD"


async def test_held_unit_sells_only_to_its_holder_or_order(hub: InventoryHub) -> None:
    unit = await hub.unit()
    holder = hub.caller("SALES_REP:holder")
    await holder.ReserveItem(service.ReserveItemRequest(id=unit.id, order_reference="MINE"))
    stranger = hub.caller("SALES_REP:stranger")
    for order in ("", "OTHER"):
        refused = await refusal(stranger.SellItem(service.SellItemRequest(id=unit.id, order_reference=order)))
        assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "HELD_FOR_ANOTHER")
    sold = await stranger.SellItem(service.SellItemRequest(id=unit.id, order_reference="MINE"))
    assert item_pb2.Item.Status.Name(sold.status) == "SOLD"


async def test_holder_sells_without_naming_the_order_and_the_sale_has_it(hub: InventoryHub) -> None:
    unit = await hub.unit()
    holder = hub.caller("SALES_REP:holder")
    await holder.ReserveItem(service.ReserveItemRequest(id=unit.id, order_reference="KEPT"))
    sold = await holder.SellItem(service.SellItemRequest(id=unit.id))
    assert sold.order_reference == "KEPT"
    await hub.check_invariants()


async def test_expired_hold_does_not_stop_a_sale(hub: InventoryHub) -> None:
    unit = await hub.unit()
    await hub.reserve(unit.id, order_reference="OLD")
    await hub.pass_time(unit.id)
    sold = await hub.caller("SALES_REP:x").SellItem(service.SellItemRequest(id=unit.id, order_reference="NEW"))
    assert sold.order_reference == "NEW"
    assert await hub.actions(unit.id) == ["RECEIVE", "RESERVE", "EXPIRE", "SELL"]
    await hub.check_invariants()


async def test_holder_whose_hold_ran_out_sells_what_is_free(hub: InventoryHub) -> None:
    unit = await hub.unit()
    holder = hub.caller("SALES_REP:late")
    await holder.ReserveItem(service.ReserveItemRequest(id=unit.id, order_reference="PAST"))
    await hub.pass_time(unit.id)
    sold = await holder.SellItem(service.SellItemRequest(id=unit.id))
    assert sold.order_reference == ""
    assert await hub.actions(unit.id) == ["RECEIVE", "RESERVE", "EXPIRE", "SELL"]


async def test_sell_and_reserve_at_once_never_both(hub: InventoryHub) -> None:
    for _ in range(10):
        unit = await hub.unit()
        calls = [hub.caller(f"SALES_REP:a{n}").ReserveItem(service.ReserveItemRequest(id=unit.id)) for n in range(8)]
        calls += [hub.caller(f"SALES_REP:b{n}").SellItem(service.SellItemRequest(id=unit.id)) for n in range(8)]
        won, _ = await outcomes(calls)
        assert len(won) == 1
    await hub.check_invariants()


async def test_unknown_unit_is_not_found(hub: InventoryHub) -> None:
    by_id = await refusal(hub.admin.ReserveItem(service.ReserveItemRequest(id=10**15)))
    by_serial = await refusal(hub.admin.ReserveItem(service.ReserveItemRequest(serial_number="NOBODY-HAS-IT")))
    assert (by_id.code, by_id.reason) == ("NOT_FOUND", "ITEM_NOT_FOUND")
    assert (by_serial.code, by_serial.reason) == ("NOT_FOUND", "ITEM_NOT_FOUND")


@pytest.mark.parametrize("role", ["WAREHOUSE_OP"])
async def test_warehouse_may_not_promise_units(hub: InventoryHub, role: str) -> None:
    for method, request in (
        ("ReserveItem", service.ReserveItemRequest(id=1)),
        ("ReleaseItem", service.ReleaseItemRequest(id=1)),
        ("SellItem", service.SellItemRequest(id=1)),
    ):
        refused = await refusal(getattr(hub.caller(role), method)(request))
        assert refused.code == "PERMISSION_DENIED"
