"""New orders that come in at the same moment share a transaction, and nothing else."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import grpc
import pytest
from usav.inventory.v1 import inventory_service_pb2 as service

from chassis.idempotency import StoredAnswers
from inventory_svc.storage import allocations
from tests.integration.inventory.harness import InventoryHub, dollars, new_bundle, new_sku, refusal, refusal_of

Line = service.AllocateUnitsRequest.Line


def order(reference: str, *lines: tuple[str, int], **fields: Any) -> service.AllocateUnitsRequest:
    asked = [Line(line_id=str(place), sku=sku, quantity=quantity) for place, (sku, quantity) in enumerate(lines)]
    return service.AllocateUnitsRequest(order_reference=reference, lines=asked, **fields)


async def outcomes(hub: InventoryHub, orders: list[service.AllocateUnitsRequest]) -> list[Any]:
    return await asyncio.gather(*(hub.admin.AllocateUnits(each) for each in orders), return_exceptions=True)


def units_of(answer: service.AllocateUnitsResponse) -> list[int]:
    return [item.id for line in answer.lines for item in line.items]


async def test_orders_of_one_moment_get_units_of_their_own(hub: InventoryHub) -> None:
    one, two = new_sku(), new_sku()
    await hub.receive(one, count=60)
    await hub.receive(two, count=60)
    orders = [order(f"T-{number}", (one, 1), (two, 2), sell=number % 2 == 0) for number in range(30)]
    answers = await outcomes(hub, orders)
    taken = Counter(unit for answer in answers for unit in units_of(answer))
    assert (len(taken), set(taken.values())) == (90, {1})
    for asked, answer in zip(orders, answers, strict=True):
        assert await hub.admin.AllocateUnits(asked) == answer
    await hub.check_invariants()


async def test_the_last_units_go_to_as_many_orders_as_there_are(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=5)
    answers = await outcomes(hub, [order(f"L-{number}", (sku, 1), sell=True) for number in range(40)])
    refused = [refusal_of(answer).reason for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert refused == ["OUT_OF_STOCK"] * 35
    lines = await hub.rows("SELECT count(*) AS lines FROM inventory.allocation_line WHERE order_reference LIKE 'L-%'")
    assert lines[0]["lines"] == 5


async def test_an_order_that_comes_short_leaves_the_rest_to_the_others(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=4)
    answers = await outcomes(hub, [order("S-1", (sku, 3)), order("S-2", (sku, 3)), order("S-3", (sku, 1))])
    assert [isinstance(answer, grpc.aio.AioRpcError) for answer in answers].count(True) == 1
    assert not isinstance(answers[2], grpc.aio.AioRpcError)


async def test_bundles_and_named_units_beside_plain_orders(hub: InventoryHub) -> None:
    sku = new_sku()
    units = await hub.receive(sku, count=8)
    serial = await hub.unit(sku, serial_numbers=["TOGETHER-1"])
    bundle = new_bundle(hub, (2, (sku,)))
    named = service.AllocateUnitsRequest(
        order_reference="B-2", lines=[Line(line_id="1", sku=sku, serial_numbers=["TOGETHER-1"])]
    )
    answers = await outcomes(hub, [order("B-1", (bundle, 2)), named, order("B-3", (sku, 1)), order("B-4", (sku, 1))])
    taken = [unit for answer in answers for unit in units_of(answer)]
    assert len(taken) == len(set(taken)) == 7
    assert serial.id in taken
    assert set(taken) <= {serial.id, *(unit.id for unit in units)}


async def test_the_same_order_at_once_at_two_replicas_is_carried_out_once(hub: InventoryHub) -> None:
    other = await InventoryHub.start(hub.admin_url)
    try:
        sku = new_sku()
        await hub.receive(sku, count=100)
        orders = [order(f"R-{number}", (sku, 2), sell=True, request_id=f"R-{number}") for number in range(20)]
        here, there = (asyncio.ensure_future(outcomes(each, orders)) for each in (hub, other))
        assert await here == await there
        counts = await hub.admin.GetStockSummary(service.GetStockSummaryRequest(sku=sku))
        assert counts.total_units == 100
        sold = await hub.rows(
            "SELECT count(*) AS units FROM inventory.item WHERE status = 'SOLD' AND order_reference LIKE 'R-%'"
        )
        assert sold[0]["units"] == 40
    finally:
        await other.stop()


async def test_an_id_used_for_another_order_is_refused_and_harms_nobody_else(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=10)
    orders = [
        order(f"I-{number}", (sku, 1), request_id="same" if number < 3 else f"own-{number}") for number in range(8)
    ]
    answers = await outcomes(hub, orders)
    refused = [refusal_of(answer).reason for answer in answers[:3] if isinstance(answer, grpc.aio.AioRpcError)]
    assert refused == ["REQUEST_ID_REUSED"] * 2
    assert len({unit for answer in answers[3:] for unit in units_of(answer)}) == 5


async def test_nothing_is_left_of_orders_whose_answers_cannot_be_stored(
    hub: InventoryHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku = new_sku()
    units = await hub.receive(sku, count=2)

    async def fails(*_: object) -> None:
        raise RuntimeError("the process is going down")

    with monkeypatch.context() as broken:
        broken.setattr(StoredAnswers, "keep", fails)
        assert (await refusal(hub.admin.AllocateUnits(order("N-1", (sku, 1), request_id="n")))).code == "INTERNAL"
    assert await hub.actions(units[0].id) == ["RECEIVE"]
    assert await hub.rows("SELECT 1 FROM inventory.allocation_line WHERE order_reference = 'N-1'") == []


async def test_hold_that_ran_out_counts_as_free_and_prices_are_kept(hub: InventoryHub) -> None:
    sku = new_sku()
    unit = await hub.unit(sku)
    await hub.reserve(unit.id)
    await hub.pass_time(unit.id)
    asked = order("P-1", (sku, 1), sell=True)
    asked.lines[0].sale_price.CopyFrom(dollars(75))
    answer = await hub.admin.AllocateUnits(asked)
    assert [item.sale_price.units for item in answer.lines[0].items] == [75]
    assert await hub.actions(unit.id) == ["RECEIVE", "RESERVE", "EXPIRE", "SELL"]


async def test_lines_added_by_another_meanwhile_send_the_order_the_other_way(
    hub: InventoryHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku = new_sku()
    units = await hub.receive(sku, count=3)
    asked = order("M-1", (sku, 2))
    first = await hub.admin.AllocateUnits(asked)

    async def sees_none(*_: object) -> tuple[set[str], list[int]]:
        return set(), []

    with monkeypatch.context() as blind:
        blind.setattr(allocations, "look_before", sees_none)
        assert await hub.admin.AllocateUnits(asked) == first
    assert await hub.status(units[2].id) == "AVAILABLE"
