"""Orders that were edited: their lines get another quantity, all or none, and what is too much is free again."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from usav.inventory.v1 import after_sale_pb2, allocation_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from tests.integration.inventory.harness import InventoryHub, dollars, new_bundle, new_sku, refusal, refusal_of

Asked = service.AllocateUnitsRequest
Line = Asked.Line


def order(
    reference: str, *lines: tuple[str, str, int], change: Asked.QuantityChange.ValueType = Asked.SET, **fields: Any
) -> Asked:
    asked = [Line(line_id=line_id, sku=sku, quantity=count, quantity_change=change) for line_id, sku, count in lines]
    return Asked(order_reference=reference, lines=asked, **fields)


def ids(line: allocation_pb2.AllocatedLine) -> list[int]:
    return [item.id for item in line.items]


async def free(hub: InventoryHub, *skus: str) -> list[int]:
    answer = await hub.admin.BatchGetAvailability(service.BatchGetAvailabilityRequest(skus=skus))
    return [item.free_units for item in answer.items]


@pytest.mark.parametrize("sell", [False, True])
async def test_line_takes_what_it_lacks_and_gives_back_what_is_too_much(hub: InventoryHub, sell: bool) -> None:
    sku, reference = new_sku(), f"E-1-{sell}"
    units = [unit.id for unit in await hub.receive(sku, count=5)]
    assert ids((await hub.admin.AllocateUnits(order(reference, ("a", sku, 2), sell=sell))).lines[0]) == units[:2]
    more = await hub.admin.AllocateUnits(order(reference, ("a", sku, 4), sell=sell))
    assert (ids(more.lines[0]), more.lines[0].quantity) == (units[:4], 4)
    fewer = await hub.admin.AllocateUnits(order(reference, ("a", sku, 1), sell=sell))
    assert (ids(fewer.lines[0]), fewer.lines[0].quantity) == (units[:1], 1)
    assert await free(hub, sku) == [4]
    assert (await hub.actions(units[3]))[-1] == ("CANCEL_SALE" if sell else "RELEASE")
    again = await hub.admin.AllocateUnits(order(reference, ("a", sku, 1), sell=sell))
    assert ids(again.lines[0]) == units[:1]
    await hub.check_invariants()


async def test_line_whose_units_may_have_left_keeps_them_all(hub: InventoryHub) -> None:
    sku = new_sku()
    units = [unit.id for unit in await hub.receive(sku, count=4)]
    await hub.admin.AllocateUnits(order("E-2", ("a", sku, 3), sell=True))
    fewer = await hub.admin.AllocateUnits(order("E-2", ("a", sku, 1), change=Asked.RAISE, sell=True))
    assert (ids(fewer.lines[0]), fewer.lines[0].quantity) == (units[:3], 3)
    more = await hub.admin.AllocateUnits(order("E-2", ("a", sku, 4), change=Asked.RAISE, sell=True))
    assert (ids(more.lines[0]), more.lines[0].quantity) == (units, 4)


async def test_order_that_cannot_grow_stays_as_it_is_in_all_its_lines(hub: InventoryHub) -> None:
    sku, scarce = new_sku(), new_sku()
    await hub.receive(sku, count=3)
    await hub.receive(scarce, count=1)
    before = await hub.admin.AllocateUnits(order("E-3", ("a", sku, 3), ("b", scarce, 1), sell=True))
    refused = await refusal(hub.admin.AllocateUnits(order("E-3", ("a", sku, 1), ("b", scarce, 2), sell=True)))
    assert (refused.reason, refused.metadata) == ("OUT_OF_STOCK", {"b.sku": scarce, "b.asked": "1", "b.free": "0"})
    shown = await hub.admin.GetAllocation(allocation_pb2.GetAllocationRequest(order_reference="E-3"))
    assert [(ids(line), line.quantity) for line in shown.lines] == [(ids(line), line.quantity) for line in before.lines]
    await hub.check_invariants()


async def test_unit_that_one_line_gives_back_goes_to_another(hub: InventoryHub) -> None:
    sku = new_sku()
    units = [unit.id for unit in await hub.receive(sku, count=3)]
    await hub.admin.AllocateUnits(order("E-4", ("a", sku, 2), ("b", sku, 1), sell=True))
    moved = await hub.admin.AllocateUnits(order("E-4", ("a", sku, 1), ("b", sku, 2), sell=True))
    assert [ids(line) for line in moved.lines] == [units[:1], units[1:]]
    assert (await hub.actions(units[1]))[-2:] == ["CANCEL_SALE", "SELL"]
    await hub.check_invariants()


async def test_bundle_line_gives_back_whole_bundles_and_builds_more(hub: InventoryHub) -> None:
    speaker, cable = new_sku(), new_sku()
    bundle = new_bundle(hub, (2, (speaker,)), (1, (cable,)))
    await hub.receive(speaker, count=6)
    await hub.receive(cable, count=3)
    own = await hub.unit(bundle)
    await hub.admin.AllocateUnits(order("E-5", ("a", bundle, 3)))
    assert await free(hub, speaker, cable, bundle) == [2, 1, 1]
    fewer = await hub.admin.AllocateUnits(order("E-5", ("a", bundle, 2)))
    assert len(ids(fewer.lines[0])) == 4
    assert await free(hub, speaker, cable) == [4, 2]
    price = [Line(line_id="a", sku=bundle, quantity=4, quantity_change=Asked.SET, sale_price=dollars(30))]
    more = await hub.admin.AllocateUnits(Asked(order_reference="E-5", lines=price, sell=True))
    assert len(ids(more.lines[0])) == 10
    assert sum(item.sale_price.units * 10**9 + item.sale_price.nanos for item in more.lines[0].items) == 120 * 10**9
    last = await hub.admin.AllocateUnits(order("E-5", ("a", bundle, 1)))
    assert ids(last.lines[0]) == [own.id]
    assert await free(hub, speaker, cable) == [6, 3]
    await hub.check_invariants()


async def test_what_came_back_counts_and_is_not_given_back_again(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=4)
    sold = ids((await hub.admin.AllocateUnits(order("E-6", ("a", sku, 3), sell=True))).lines[0])
    await hub.admin.ReturnItem(after_sale_pb2.ReturnItemRequest(id=sold[2], reason="hums"))
    fewer = await hub.admin.AllocateUnits(order("E-6", ("a", sku, 2), sell=True))
    assert (ids(fewer.lines[0]), fewer.lines[0].returned_units) == (sold[:1], 1)
    assert [await hub.status(unit) for unit in sold] == ["SOLD", "AVAILABLE", "RMA"]
    await hub.check_invariants()


async def test_released_line_and_other_sku_are_still_refused(hub: InventoryHub) -> None:
    sku, other = new_sku(), new_sku()
    await hub.receive(sku, count=3)
    await hub.receive(other, count=3)
    await hub.admin.AllocateUnits(order("E-7", ("a", sku, 1)))
    assert (await refusal(hub.admin.AllocateUnits(order("E-7", ("a", other, 2))))).reason == "ALLOCATION_DIFFERS"
    await hub.admin.ReleaseAllocation(service.ReleaseAllocationRequest(order_reference="E-7"))
    assert (await refusal(hub.admin.AllocateUnits(order("E-7", ("a", sku, 2))))).reason == "ALLOCATION_RELEASED"


async def test_serial_numbers_and_unknown_changes_are_refused_by_field(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=1)
    named = Line(line_id="a", sku=sku, serial_numbers=["S"], quantity_change=Asked.SET)
    for line in (named, Line(line_id="a", sku=sku, quantity=1, quantity_change=7)):  # type: ignore[arg-type]
        refused = await refusal(hub.admin.AllocateUnits(Asked(order_reference="E-8", lines=[line])))
        assert (refused.code, refused.fields) == ("INVALID_ARGUMENT", ("lines[0].quantity_change",))


async def test_repeat_with_a_request_id_does_not_bring_the_former_quantity_back(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=4)
    first = order("E-9", ("a", sku, 3), request_id="edit-1")
    answer = await hub.admin.AllocateUnits(first)
    await hub.admin.AllocateUnits(order("E-9", ("a", sku, 1), request_id="edit-2"))
    assert await hub.admin.AllocateUnits(first) == answer
    assert await free(hub, sku) == [3]


async def test_edits_at_two_replicas_promise_no_unit_twice(hub: InventoryHub) -> None:
    """Three orders trade units of two SKUs back and forth while others buy: no deadlock surfaces, no unit has two holders."""
    other = await InventoryHub.start(hub.admin_url)
    try:
        left, right = new_sku(), new_sku()
        await hub.receive(left, count=6)
        await hub.receive(right, count=6)
        for number in range(3):
            await hub.admin.AllocateUnits(order(f"E-10-{number}", ("a", left, 1), ("b", right, 1)))
        calls = []
        for number in range(60):
            counts = (1 + number % 4, 4 - number % 4)
            lines = [("a", left, counts[0]), ("b", right, counts[1])][:: 1 if number % 2 else -1]
            edited = order(f"E-10-{number % 3}", *lines, sell=number % 5 == 0)
            calls.append((hub, other)[number % 2].admin.AllocateUnits(edited))
        results = await asyncio.gather(*calls, return_exceptions=True)
        lost = [refusal_of(error) for error in results if isinstance(error, grpc.aio.AioRpcError)]
        assert len(lost) < len(calls)
        assert {each.reason for each in lost} <= {"OUT_OF_STOCK", "UNIT_CONTENDED"}
        had: list[int] = []
        for number in range(3):
            request = allocation_pb2.GetAllocationRequest(order_reference=f"E-10-{number}")
            for line in (await hub.admin.GetAllocation(request)).lines:
                assert len(line.items) == line.quantity
                had += ids(line)
        assert len(had) == len(set(had))
        assert sum(await free(hub, left, right)) == 12 - len(had)
        await hub.check_invariants()
    finally:
        await other.stop()
