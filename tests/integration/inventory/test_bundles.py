"""Bundles: as many as can be built are available, and allocating one takes its components' units."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import grpc
import pytest
from usav.inventory.v1 import allocation_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from tests.integration.inventory.harness import (
    InventoryHub,
    dollars,
    duration,
    new_bundle,
    new_sku,
    refusal,
    refusal_of,
)

Line = service.AllocateUnitsRequest.Line
Commit = allocation_pb2.CommitAllocationRequest


def order(reference: str, *lines: tuple[str, str, int], **fields: Any) -> service.AllocateUnitsRequest:
    asked = [Line(line_id=line_id, sku=sku, quantity=quantity) for line_id, sku, quantity in lines]
    return service.AllocateUnitsRequest(order_reference=reference, lines=asked, **fields)


def skus(line: allocation_pb2.AllocatedLine) -> list[str]:
    return sorted(item.sku for item in line.items)


async def available(hub: InventoryHub, *wanted: str) -> list[int]:
    answer = await hub.admin.BatchGetAvailability(service.BatchGetAvailabilityRequest(skus=wanted))
    return [item.free_units for item in answer.items]


async def test_availability_counts_own_units_and_what_can_be_built(hub: InventoryHub) -> None:
    black, white, cable = new_sku(), new_sku(), new_sku()
    bundle = new_bundle(hub, (2, (black, white)), (1, (cable,)))
    await hub.receive(black, count=3)
    await hub.receive(white, count=2)
    await hub.receive(cable, count=9)
    assert await available(hub, bundle, black, cable) == [2, 3, 9]
    await hub.receive(bundle, count=2)
    held = await hub.unit(cable)
    await hub.reserve(held.id)
    assert await available(hub, bundle) == [4]
    hub.catalog.contents[bundle] = [(5, (black, white)), (1, (cable,))]
    assert await available(hub, bundle) == [3]
    hub.catalog.contents[bundle] = []
    assert await available(hub, bundle) == [2]


async def test_order_of_bundles_units_and_named_serials(hub: InventoryHub) -> None:
    speaker, cable = new_sku(), new_sku()
    bundle = new_bundle(hub, (2, (speaker,)), (1, (cable,)))
    units = await hub.receive(speaker, 0, serial_numbers=[f"{speaker}-{n}" for n in range(6)])
    await hub.receive(cable, count=2)
    own = await hub.unit(bundle)
    asked = order("B-1", ("bundle", bundle, 3), ("one", speaker, 1))
    asked.lines.add(line_id="named", sku=speaker, serial_numbers=[units[0].serial_number.lower()])
    answer = await hub.admin.AllocateUnits(asked)
    built, one, named = answer.lines
    assert skus(built) == sorted([bundle, *[speaker] * 4, *[cable] * 2])
    assert own.id in [item.id for item in built.items]
    assert [item.id for item in named.items] == [units[0].id]
    assert [item.id for item in one.items] == [units[1].id]
    assert await available(hub, bundle, speaker, cable) == [0, 0, 0]
    again = await hub.admin.AllocateUnits(asked)
    assert [sorted(i.id for i in a.items) for a in again.lines] == [sorted(i.id for i in a.items) for a in answer.lines]
    await hub.check_invariants()


async def test_shortage_of_a_bundle_names_its_components(hub: InventoryHub) -> None:
    speaker, cable = new_sku(), new_sku()
    bundle = new_bundle(hub, (2, (speaker,)), (1, (cable,)))
    await hub.receive(speaker, count=5)
    await hub.receive(cable, count=9)
    refused = await refusal(hub.admin.AllocateUnits(order("B-2", ("one", speaker, 2), ("two", bundle, 2))))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "OUT_OF_STOCK")
    assert refused.metadata == {
        "two.sku": bundle, "two.asked": "2", "two.free": "1", "two.missing": f"{speaker}: needs 4, free 3"
    }  # fmt: skip
    assert await available(hub, bundle) == [2]


async def test_named_unit_that_is_taken_or_another_sku_is_refused(hub: InventoryHub) -> None:
    sku = new_sku()
    first, second = await hub.receive(sku, 0, serial_numbers=[f"{sku}-A", f"{sku}-B"])
    await hub.reserve(first.id)
    asked = service.AllocateUnitsRequest(order_reference="B-3")
    asked.lines.add(line_id="a", sku=sku, serial_numbers=[first.serial_number, second.serial_number])
    refused = await refusal(hub.admin.AllocateUnits(asked))
    assert refused.metadata == {"a.sku": sku, "a.asked": "2", "a.free": "1"}
    asked.lines[0].sku = new_sku()
    assert (await refusal(hub.admin.AllocateUnits(asked))).fields == ("lines[0].serial_numbers",)
    asked.lines[0].serial_numbers[:] = ["NEVER-SEEN"]
    assert (await refusal(hub.admin.AllocateUnits(asked))).reason == "ITEM_NOT_FOUND"
    asked.lines[0].quantity = 3
    assert (await refusal(hub.admin.AllocateUnits(asked))).fields == ("lines[0].quantity",)


async def test_recipe_of_an_order_stays_when_the_catalogue_changes(hub: InventoryHub) -> None:
    speaker = new_sku()
    bundle = new_bundle(hub, (2, (speaker,)))
    await hub.receive(speaker, count=9)
    held = await hub.admin.AllocateUnits(order("B-4", ("a", bundle, 2)))
    hub.catalog.contents[bundle] = [(3, (speaker,))]
    await hub.pass_time(held.lines[0].items[0].id)
    again = await hub.admin.AllocateUnits(order("B-4", ("a", bundle, 2), sell=True))
    assert len(again.lines[0].items) == 4
    await hub.check_invariants()


async def test_some_lines_are_sold_the_others_stay_held(hub: InventoryHub) -> None:
    speaker = new_sku()
    bundle = new_bundle(hub, (3, (speaker,)))
    await hub.receive(speaker, count=5)
    await hub.admin.AllocateUnits(order("B-5", ("a", bundle, 1), ("b", speaker, 2)))
    commit = Commit(order_reference="B-5", lines=[Commit.Line(line_id="a", sale_price=dollars(100))])
    for _ in range(2):
        sold = await hub.caller("SYSTEM_BOT").CommitAllocation(commit)
        prices = [item.sale_price for item in sold.lines[0].items]
        assert sum(price.units * 10**9 + price.nanos for price in prices) == 100 * 10**9
    now = await hub.admin.GetAllocation(allocation_pb2.GetAllocationRequest(order_reference="B-5"))
    assert [allocation_pb2.AllocatedLine.State.Name(line.state) for line in now.lines] == ["SOLD", "HELD"]
    assert [line.HasField("expire_time") for line in now.lines] == [False, True]
    rest = await hub.admin.CommitAllocation(Commit(order_reference="B-5"))
    assert {item.sell_time.seconds > 0 for line in rest.lines for item in line.items} == {True}
    await hub.admin.ReleaseAllocation(service.ReleaseAllocationRequest(order_reference="B-5"))
    assert await available(hub, speaker, bundle) == [5, 1]
    assert (await refusal(hub.admin.CommitAllocation(commit))).reason == "ALLOCATION_NOT_HELD"
    await hub.check_invariants()


async def test_holds_are_made_longer_never_shorter(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=2)
    held = await hub.admin.AllocateUnits(order("B-6", ("a", sku, 2), hold_duration=duration(60)))
    before = held.lines[0].expire_time.seconds
    for seconds in (3600, 5):
        asked = allocation_pb2.ExtendAllocationRequest(order_reference="B-6", hold_duration=duration(seconds))
        longer = await hub.admin.ExtendAllocation(asked)
        assert 3500 < longer.lines[0].expire_time.seconds - before < 3700
        assert longer.lines[0].items[0].reservation.expire_time == longer.lines[0].expire_time
    assert (await hub.actions(held.lines[0].items[0].id)) == ["RECEIVE", "RESERVE", "EXTEND", "EXTEND"]
    await hub.pass_time(held.lines[0].items[1].id)
    for call in (
        hub.admin.ExtendAllocation(allocation_pb2.ExtendAllocationRequest(order_reference="B-6")),
        hub.admin.CommitAllocation(Commit(order_reference="B-6")),
    ):
        refused = await refusal(call)
        assert (refused.reason, refused.metadata["state"]) == ("ALLOCATION_NOT_HELD", "EXPIRED")
    await hub.check_invariants()


@pytest.mark.parametrize("method", ["GetAllocation", "ExtendAllocation", "CommitAllocation"])
async def test_unknown_order_is_not_found(hub: InventoryHub, method: str) -> None:
    request = getattr(allocation_pb2, f"{method}Request")(order_reference="B-none")
    assert (await refusal(getattr(hub.admin, method)(request))).reason == "ALLOCATION_NOT_FOUND"


async def test_bundles_need_the_catalog_and_single_units_do_not(hub: InventoryHub) -> None:
    speaker = new_sku()
    bundle = new_bundle(hub, (1, (speaker,)))
    await hub.receive(speaker)
    await hub.receive(bundle)
    hub.catalog.is_down = True
    try:
        assert (await refusal(hub.admin.AllocateUnits(order("B-7", ("a", bundle, 1))))).code == "UNAVAILABLE"
        assert len((await hub.admin.AllocateUnits(order("B-7", ("a", speaker, 1)))).lines[0].items) == 1
    finally:
        hub.catalog.is_down = False


async def test_scarce_components_are_never_promised_twice(hub: InventoryHub) -> None:
    black, white, cable = new_sku(), new_sku(), new_sku()
    big, small = new_bundle(hub, (2, (black, white)), (1, (cable,))), new_bundle(hub, (1, (black, white)))
    for sku, count in ((black, 20), (white, 20), (cable, 12)):
        await hub.receive(sku, count=count)
    dice = random.Random(5)

    async def buy(number: int) -> int | grpc.aio.AioRpcError:
        lines = [(sku, sku, dice.randint(1, 2)) for sku in dice.sample([big, small, black, white], 2)]
        try:
            answer = await hub.admin.AllocateUnits(order(f"B-8-{number}", *lines, sell=dice.random() < 0.5))
        except grpc.aio.AioRpcError as error:
            return error
        return sum(len(line.items) for line in answer.lines)

    outcomes = await asyncio.gather(*(buy(number) for number in range(40)))
    assert {refusal_of(each).reason for each in outcomes if not isinstance(each, int)} == {"OUT_OF_STOCK"}
    taken = sum(each for each in outcomes if isinstance(each, int))
    counts = await hub.rows(
        "SELECT count(*) AS n FROM inventory.item WHERE status IN ('RESERVED', 'SOLD') AND variant_id IN"
        " (SELECT variant_id FROM inventory.known_variant WHERE sku = ANY($1))",
        [black, white, cable],
    )
    assert counts[0]["n"] == taken
    free = dict(zip((black, white, cable), await available(hub, black, white, cable), strict=True))
    expected = min((free[black] + free[white]) // 2, free[cable])
    assert await available(hub, big, small) == [expected, free[black] + free[white]]
    if expected:
        await hub.admin.AllocateUnits(order("B-8-last", ("a", big, expected)))
    assert (await refusal(hub.admin.AllocateUnits(order("B-8-over", ("a", big, 1))))).reason == "OUT_OF_STOCK"
    await hub.check_invariants()
