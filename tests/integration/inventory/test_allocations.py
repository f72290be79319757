"""Units promised to orders: all or none, oldest first, safe to repeat, given back in full."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import grpc
import pytest
from usav.inventory.v1 import after_sale_pb2, allocation_pb2, item_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from tests.integration.inventory.harness import InventoryHub, dollars, duration, new_sku, refusal, refusal_of

Line = service.AllocateUnitsRequest.Line


def order(reference: str, *lines: tuple[str, str, int], **fields: Any) -> service.AllocateUnitsRequest:
    asked = [Line(line_id=line_id, sku=sku, quantity=quantity) for line_id, sku, quantity in lines]
    return service.AllocateUnitsRequest(order_reference=reference, lines=asked, **fields)


def ids(line: allocation_pb2.AllocatedLine) -> list[int]:
    return [item.id for item in line.items]


def states(answer: Any) -> list[str]:
    return [allocation_pb2.AllocatedLine.State.Name(line.state) for line in answer.lines]


async def free(hub: InventoryHub, sku: str) -> int:
    answer = await hub.admin.BatchGetAvailability(service.BatchGetAvailabilityRequest(skus=[sku]))
    units: int = answer.items[0].free_units
    return units


async def test_oldest_units_are_held_for_the_order(hub: InventoryHub) -> None:
    sku = new_sku()
    units = await hub.receive(sku, count=5)
    await hub.reserve(units[0].id)
    asked = order("O-1", ("a", sku, 2), ("b", sku.lower(), 1), hold_duration=duration(60), reason="web shop")
    answer = await hub.caller("SYSTEM_BOT").AllocateUnits(asked)
    assert [ids(line) for line in answer.lines] == [[units[1].id, units[2].id], [units[3].id]]
    assert states(answer) == ["HELD", "HELD"]
    held = answer.lines[0].items[0]
    assert (held.reservation.order_reference, item_pb2.Item.Status.Name(held.status)) == ("O-1", "RESERVED")
    assert await free(hub, sku) == 1


async def test_order_is_sold_at_once_with_its_prices(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=2)
    asked = order("O-2", ("a", sku, 2), sell=True)
    asked.lines[0].sale_price.CopyFrom(dollars(50))
    answer = await hub.admin.AllocateUnits(asked)
    assert states(answer) == ["SOLD"]
    assert {(item.order_reference, item.sale_price.units) for item in answer.lines[0].items} == {("O-2", 50)}
    assert await free(hub, sku) == 0


async def test_shortage_takes_nothing_and_tells_each_line(hub: InventoryHub) -> None:
    plenty, scarce = new_sku(), new_sku()
    await hub.receive(plenty, count=5)
    await hub.receive(scarce, count=2)
    asked = order("O-3", ("a", plenty, 5), ("b", scarce, 1), ("c", scarce, 2))
    refused = await refusal(hub.admin.AllocateUnits(asked))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "OUT_OF_STOCK")
    assert refused.metadata == {"c.sku": scarce, "c.asked": "2", "c.free": "1"}
    assert (await free(hub, plenty), await free(hub, scarce)) == (5, 2)
    await hub.receive(scarce, count=1)
    assert states(await hub.admin.AllocateUnits(asked)) == ["HELD", "HELD", "HELD"]


async def test_repeat_gives_the_same_units(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=4)
    asked = order("O-4", ("a", sku, 2))
    answers = await asyncio.gather(*(hub.admin.AllocateUnits(asked) for _ in range(10)))
    assert len({tuple(ids(answer.lines[0])) for answer in answers}) == 1
    assert await free(hub, sku) == 2


async def test_line_asked_for_differently_is_refused(hub: InventoryHub) -> None:
    sku, other = new_sku(), new_sku()
    await hub.receive(sku, count=4)
    await hub.receive(other, count=4)
    await hub.admin.AllocateUnits(order("O-5", ("a", sku, 2)))
    for line in (("a", sku, 3), ("a", other, 2)):
        refused = await refusal(hub.admin.AllocateUnits(order("O-5", line)))
        assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "ALLOCATION_DIFFERS")


async def test_held_order_is_sold_by_asking_again(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=3)
    held = await hub.caller("SYSTEM_BOT").AllocateUnits(order("O-6", ("a", sku, 2)))
    sold = await hub.caller("SALES_REP:other").AllocateUnits(order("O-6", ("a", sku, 2), sell=True))
    assert ids(sold.lines[0]) == ids(held.lines[0])
    again = await hub.admin.AllocateUnits(order("O-6", ("a", sku, 2)))
    assert (ids(again.lines[0]), states(again)) == (ids(held.lines[0]), ["SOLD"])
    await hub.check_invariants()


async def test_expired_part_of_an_order_is_filled_up(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=3)
    held = await hub.admin.AllocateUnits(order("O-7", ("a", sku, 2)))
    lost, kept = ids(held.lines[0])
    await hub.pass_time(lost)
    await hub.caller("SALES_REP:quick").ReserveItem(service.ReserveItemRequest(id=lost))
    again = await hub.admin.AllocateUnits(order("O-7", ("a", sku, 2)))
    assert kept in ids(again.lines[0])
    assert lost not in ids(again.lines[0])
    assert len(ids(again.lines[0])) == 2
    await hub.check_invariants()


async def test_repeats_at_two_replicas_fill_a_line_up_once(hub: InventoryHub) -> None:
    other = await InventoryHub.start(hub.admin_url)
    try:
        for number in range(8):
            sku = new_sku()
            await hub.receive(sku, count=8)
            asked = order(f"TWO-{number}", ("a", sku, 1))
            (lost,) = ids((await hub.admin.AllocateUnits(asked)).lines[0])
            await hub.pass_time(lost)
            await hub.caller("SALES_REP:quick").ReserveItem(service.ReserveItemRequest(id=lost))
            answers = await asyncio.gather(*(each.admin.AllocateUnits(asked) for each in (hub, other)))
            assert ids(answers[0].lines[0]) == ids(answers[1].lines[0])
            assert await free(hub, sku) == 6
    finally:
        await other.stop()


async def test_expired_holds_of_others_are_free_to_take(hub: InventoryHub) -> None:
    sku = new_sku()
    units = await hub.receive(sku, count=2)
    for unit in units:
        await hub.reserve(unit.id)
        await hub.pass_time(unit.id)
    answer = await hub.admin.AllocateUnits(order("O-8", ("a", sku, 2), sell=True))
    assert len(ids(answer.lines[0])) == 2
    await hub.check_invariants()


@pytest.mark.parametrize("sell", [False, True])
async def test_released_order_gives_back_all_it_had(hub: InventoryHub, sell: bool) -> None:
    sku = new_sku()
    await hub.receive(sku, count=3)
    reference = f"O-9-{sell}"
    had = await hub.admin.AllocateUnits(order(reference, ("a", sku, 2), ("b", sku, 1), sell=sell))
    release = service.ReleaseAllocationRequest(order_reference=reference, reason="cancelled")
    given = await hub.caller("SYSTEM_BOT").ReleaseAllocation(release)
    assert [ids(line) for line in given.lines] == [ids(line) for line in had.lines]
    assert states(given) == ["RELEASED", "RELEASED"]
    assert await free(hub, sku) == 3
    again = await hub.admin.ReleaseAllocation(release)
    assert [ids(line) for line in again.lines] == [[], []]
    shown = await hub.admin.GetAllocation(allocation_pb2.GetAllocationRequest(order_reference=reference))
    assert [(ids(line), line.returned_units) for line in shown.lines] == [([], 0), ([], 0)]
    refused = await refusal(hub.admin.AllocateUnits(order(reference, ("a", sku, 2))))
    assert refused.reason == "ALLOCATION_RELEASED"
    last = await hub.actions(ids(had.lines[0])[0])
    assert last[-1] == ("CANCEL_SALE" if sell else "RELEASE")
    await hub.check_invariants()


async def test_unit_resold_after_a_cancelled_order_stays_sold(hub: InventoryHub) -> None:
    sku = new_sku()
    unit = await hub.unit(sku)
    await hub.admin.AllocateUnits(order("O-10", ("a", sku, 1), sell=True))
    await hub.admin.ReleaseAllocation(service.ReleaseAllocationRequest(order_reference="O-10"))
    await hub.admin.AllocateUnits(order("O-11", ("a", sku, 1), sell=True))
    await hub.admin.ReleaseAllocation(service.ReleaseAllocationRequest(order_reference="O-10"))
    assert await hub.status(unit.id) == "SOLD"


async def come_back(hub: InventoryHub, *units: int) -> None:
    for unit in units:
        await hub.admin.ReturnItem(after_sale_pb2.ReturnItemRequest(id=unit, reason="hums"))


async def test_late_repeat_picks_nothing_in_place_of_what_came_back(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=4)
    asked = order("O-20", ("a", sku, 2), sell=True)
    sold = ids((await hub.admin.AllocateUnits(asked)).lines[0])
    await come_back(hub, sold[0])
    for sell in (True, False):
        again = await hub.admin.AllocateUnits(order("O-20", ("a", sku, 2), sell=sell))
        assert (ids(again.lines[0]), again.lines[0].returned_units, states(again)) == (sold[1:], 1, ["SOLD"])
    # Nor after the unit went on to another buyer, as another thing even.
    graded = after_sale_pb2.RestockItemRequest(id=sold[0], sku=f"{sku}-R", grade="B")
    await hub.admin.RestockItem(graded)
    await hub.admin.AllocateUnits(order("O-21", ("a", f"{sku}-R", 1), sell=True))
    again = await hub.admin.AllocateUnits(asked)
    assert (ids(again.lines[0]), again.lines[0].returned_units) == (sold[1:], 1)
    assert await free(hub, sku) == 2
    await hub.check_invariants()


async def test_unit_sold_out_of_a_held_line_and_returned_is_not_replaced(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=3)
    first, second = ids((await hub.admin.AllocateUnits(order("O-22", ("a", sku, 2)))).lines[0])
    await hub.admin.SellItem(service.SellItemRequest(id=first, order_reference="O-22"))
    await come_back(hub, first)
    commit = await hub.admin.CommitAllocation(allocation_pb2.CommitAllocationRequest(order_reference="O-22"))
    assert (ids(commit.lines[0]), commit.lines[0].returned_units, states(commit)) == ([second], 1, ["SOLD"])
    assert await free(hub, sku) == 1


async def test_unit_its_holder_sold_under_another_order_is_replaced(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=3)
    first, second = ids((await hub.admin.AllocateUnits(order("O-23", ("a", sku, 2)))).lines[0])
    await hub.admin.SellItem(service.SellItemRequest(id=first, order_reference="O-OTHER"))
    again = await hub.admin.AllocateUnits(order("O-23", ("a", sku, 2)))
    assert second in ids(again.lines[0])
    assert len(ids(again.lines[0])) == 2
    await come_back(hub, first)
    assert ids((await hub.admin.AllocateUnits(order("O-23", ("a", sku, 2)))).lines[0]) == ids(again.lines[0])


async def test_cancelling_an_order_leaves_what_came_back_alone(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=2)
    sold = ids((await hub.admin.AllocateUnits(order("O-24", ("a", sku, 2), sell=True))).lines[0])
    await come_back(hub, sold[0])
    given = await hub.admin.ReleaseAllocation(service.ReleaseAllocationRequest(order_reference="O-24"))
    assert ids(given.lines[0]) == sold[1:]
    assert (await hub.status(sold[0]), await hub.status(sold[1])) == ("RMA", "AVAILABLE")


async def test_one_line_is_released_alone(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=3)
    await hub.admin.AllocateUnits(order("O-12", ("a", sku, 2), ("b", sku, 1)))
    request = service.ReleaseAllocationRequest(order_reference="O-12", line_ids=["b"])
    given = await hub.admin.ReleaseAllocation(request)
    assert [line.line_id for line in given.lines] == ["b"]
    assert await free(hub, sku) == 1
    unknown = service.ReleaseAllocationRequest(order_reference="O-12", line_ids=["z"])
    assert (await refusal(hub.admin.ReleaseAllocation(unknown))).reason == "ALLOCATION_NOT_FOUND"


async def test_release_of_an_unknown_order_is_not_found(hub: InventoryHub) -> None:
    refused = await refusal(hub.admin.ReleaseAllocation(service.ReleaseAllocationRequest(order_reference="O-NONE")))
    assert (refused.code, refused.reason) == ("NOT_FOUND", "ALLOCATION_NOT_FOUND")


async def test_unit_that_somebody_lets_go_of_is_waited_for(hub: InventoryHub) -> None:
    """Being out of stock is never a matter of bad timing."""
    sku = new_sku()
    unit = await hub.unit(sku)
    looker = await asyncpg.connect(hub.admin_url)
    try:
        async with looker.transaction():
            await looker.execute("SELECT id FROM inventory.item WHERE id = $1 FOR UPDATE", unit.id)
            allocating = asyncio.ensure_future(hub.admin.AllocateUnits(order("O-WAIT", ("a", sku, 1))))
            await asyncio.sleep(0.3)
            assert not allocating.done()
        assert ids((await allocating).lines[0]) == [unit.id]
    finally:
        await looker.close()


async def test_orders_at_once_share_the_stock_without_overlap(hub: InventoryHub) -> None:
    first, second = new_sku(), new_sku()
    await hub.receive(first, count=20)
    await hub.receive(second, count=20)
    calls = []
    for number in range(30):
        skus = (first, second) if number % 2 else (second, first)
        lines = [("a", skus[0], 1), ("b", skus[1], 1)]
        calls.append(hub.admin.AllocateUnits(order(f"RUSH-{number}", *lines, sell=number % 3 == 0)))
    results = await asyncio.gather(*calls, return_exceptions=True)
    won = [result for result in results if not isinstance(result, BaseException)]
    lost = [refusal_of(error) for error in results if isinstance(error, grpc.aio.AioRpcError)]
    assert (len(won), len(lost)) == (20, 10)
    assert {each.reason for each in lost} == {"OUT_OF_STOCK"}
    taken = [unit for answer in won for line in answer.lines for unit in ids(line)]
    assert len(taken) == len(set(taken)) == 40
    await hub.check_invariants()


async def test_orders_and_single_reservations_at_once_do_not_overlap(hub: InventoryHub) -> None:
    sku = new_sku()
    units = await hub.receive(sku, count=20)
    calls = [hub.admin.AllocateUnits(order(f"MIX-{number}", ("a", sku, 2))) for number in range(8)]
    calls += [
        hub.caller(f"SALES_REP:m{n}").ReserveItem(service.ReserveItemRequest(id=u.id)) for n, u in enumerate(units)
    ]
    results = await asyncio.gather(*calls, return_exceptions=True)
    codes = {error.code().name for error in results if isinstance(error, grpc.aio.AioRpcError)}
    assert codes <= {"FAILED_PRECONDITION"}
    assert await free(hub, sku) in (0, 1)
    await hub.check_invariants()


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (order("", ("a", "T-1", 1)), "order_reference"),
        (order("X"), "lines"),
        (order("X", ("a", "T-1", 0)), "lines[0].quantity"),
        (order("X", ("a", "T-1", 1001)), "lines[0].quantity"),
        (order("X", ("", "T-1", 1)), "lines[0].line_id"),
        (order("X", ("a", "", 1)), "lines[0].sku"),
        (order("X", ("a", "T-1", 1), ("a", "T-1", 1)), "lines[1].line_id"),
        (order("X", ("a", "T-1", 1), hold_duration=duration(0)), "hold_duration"),
    ],
)
async def test_bad_order_names_its_field(hub: InventoryHub, asked: Any, field: str) -> None:
    refused = await refusal(hub.admin.AllocateUnits(asked))
    assert (refused.code, refused.fields) == ("INVALID_ARGUMENT", (field,))


async def test_order_of_an_unknown_sku_is_not_found(hub: InventoryHub) -> None:
    refused = await refusal(hub.admin.AllocateUnits(order("X-1", ("a", "NONE", 1))))
    assert (refused.code, refused.reason, refused.fields) == ("NOT_FOUND", "VARIANT_NOT_FOUND", ("lines[0].sku",))


async def test_warehouse_may_not_allocate(hub: InventoryHub) -> None:
    refused = await refusal(hub.caller("WAREHOUSE_OP").AllocateUnits(order("X-2", ("a", "T-1", 1))))
    assert refused.code == "PERMISSION_DENIED"
