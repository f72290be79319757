"""Changes of many units in one call: all or none, or each by itself, with a result for each."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
import pytest
from usav.inventory.v1 import batches_pb2, item_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from tests.integration.inventory.harness import InventoryHub, dollars, new_sku, refusal, refusal_of

LOCATION = "A"


def ids_of(items: list[item_pb2.Item]) -> list[int]:
    return [item.id for item in items]


def told(answer: Any) -> list[tuple[int, bool, str]]:
    return [(one.item_id, one.done, one.reason) for one in answer.results]


async def test_all_or_none_refuses_all_for_one_and_tells_how_many(hub: InventoryHub) -> None:
    ids = ids_of(await hub.receive(count=5))
    await hub.admin.SellItem(service.SellItemRequest(id=ids[1]))
    await hub.admin.SellItem(service.SellItemRequest(id=ids[3]))
    refused = await refusal(hub.admin.BatchReserveItems(batches_pb2.BatchReserveItemsRequest(ids=ids)))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "STATUS_FORBIDS")
    assert refused.metadata["item_id"] == str(ids[1])
    assert "2 of 5 units" in refused.message
    assert await hub.actions(ids[0]) == ["RECEIVE"]


async def test_partial_batch_tells_of_each_unit_in_the_order_named(hub: InventoryHub) -> None:
    sku = new_sku()
    held = await hub.unit(sku, serial_number=f"B-{sku}")
    sold, free, expired = ids_of(await hub.receive(sku, count=3))
    await hub.admin.SellItem(service.SellItemRequest(id=sold))
    await hub.reserve(held.id, order_reference="O-B1")
    await hub.reserve(expired)
    await hub.pass_time(expired)
    request = batches_pb2.BatchReserveItemsRequest(
        ids=[expired, sold, 10**12, free, free],
        serial_numbers=["no such number", f"b-{sku}"],
        order_reference="O-B2",
        allow_partial=True,
    )
    answer = await hub.admin.BatchReserveItems(request)
    assert told(answer) == [
        (expired, True, ""),
        (sold, False, "STATUS_FORBIDS"),
        (10**12, False, "ITEM_NOT_FOUND"),
        (free, True, ""),
        (0, False, "ITEM_NOT_FOUND"),
        (held.id, False, "STATUS_FORBIDS"),
    ]
    assert (answer.done_units, answer.refused_units) == (2, 4)
    statuses = [item_pb2.Item.Status.Name(one.status) for one in answer.results]
    assert statuses == ["RESERVED", "SOLD", "STATUS_UNSPECIFIED", "RESERVED", "STATUS_UNSPECIFIED", "RESERVED"]
    assert (answer.results[4].serial_number, answer.results[5].serial_number) == ("no such number", f"B-{sku}")
    assert (await hub.get(free)).reservation.order_reference == "O-B2"
    await hub.check_invariants()


async def test_batches_carry_units_through_their_life(hub: InventoryHub) -> None:
    sku = new_sku()
    ids = ids_of(await hub.receive(sku, count=6))
    await hub.admin.BatchReserveItems(batches_pb2.BatchReserveItemsRequest(ids=ids, order_reference="O-B3"))
    other = batches_pb2.BatchReleaseItemsRequest(ids=ids[:1], order_reference="O-B4")
    assert (await refusal(hub.admin.BatchReleaseItems(other))).reason == "HELD_FOR_ANOTHER"
    await hub.admin.BatchReleaseItems(batches_pb2.BatchReleaseItemsRequest(ids=ids[:2], order_reference="O-B3"))
    sale = batches_pb2.BatchSellItemsRequest(ids=ids[2:], order_reference="O-B3", sale_price=dollars(9.5))
    assert (await hub.admin.BatchSellItems(sale)).done_units == 4
    assert (await hub.get(ids[2])).sale_price == dollars(9.5)
    back = batches_pb2.BatchReturnItemsRequest(ids=ids[2:4], order_reference="O-B3", reason="two too many")
    assert (await hub.admin.BatchReturnItems(back)).done_units == 2
    gone = batches_pb2.BatchWriteOffItemsRequest(ids=ids[:4], reason="fire")
    assert (await hub.admin.BatchWriteOffItems(gone)).done_units == 4
    counts = await hub.admin.GetStockSummary(service.GetStockSummaryRequest(sku=sku))
    assert (counts.sold_units, counts.written_off_units, counts.available_units) == (2, 4, 0)
    await hub.check_invariants()


async def test_an_order_comes_back_whole_and_once(hub: InventoryHub) -> None:
    lines = [
        service.AllocateUnitsRequest.Line(line_id=str(place), sku=(await hub.receive(count=2))[0].sku, quantity=2)
        for place in range(2)
    ]
    await hub.admin.AllocateUnits(service.AllocateUnitsRequest(order_reference="O-B5", lines=lines, sell=True))
    request = batches_pb2.BatchReturnItemsRequest(order_reference="O-B5", reason="changed their mind")
    answer = await hub.admin.BatchReturnItems(request)
    assert answer.done_units == 4
    assert {one.status for one in answer.results} == {item_pb2.Item.RMA}
    assert (await refusal(hub.admin.BatchReturnItems(request))).fields == ("ids",)
    await hub.check_invariants()


async def test_move_tells_each_unit_and_moves_the_others(hub: InventoryHub) -> None:
    ids = ids_of(await hub.receive(count=3))
    await hub.admin.SellItem(service.SellItemRequest(id=ids[1]))
    request = service.BatchMoveItemsRequest(ids=ids, location=LOCATION, allow_partial=True)
    answer = await hub.admin.BatchMoveItems(request)
    assert told(answer) == [(ids[0], True, ""), (ids[1], False, "STATUS_FORBIDS"), (ids[2], True, "")]
    assert [item.id for item in answer.items] == [ids[0], ids[2]]


async def test_overlapping_batches_share_the_units_between_them(hub: InventoryHub) -> None:
    ids = ids_of(await hub.receive(count=60))
    callers = [hub.caller(f"SALES_REP:s{number}") for number in range(8)]
    requests = [
        batches_pb2.BatchReserveItemsRequest(ids=ids[:: (1, -1)[number % 2]], allow_partial=True) for number in range(8)
    ]
    calls = [caller.BatchReserveItems(request) for caller, request in zip(callers, requests, strict=True)]
    won = [[one.item_id for one in answer.results if one.done] for answer in await asyncio.gather(*calls)]
    assert sorted(item_id for mine in won for item_id in mine) == ids
    await hub.check_invariants()


async def test_of_overlapping_batches_of_all_or_none_one_wins(hub: InventoryHub) -> None:
    ids = ids_of(await hub.receive(count=20))
    calls = [
        hub.admin.BatchSellItems(batches_pb2.BatchSellItemsRequest(ids=ids[:: (1, -1)[number % 2]]))
        for number in range(6)
    ]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    refused = [refusal_of(answer) for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert [one.reason for one in refused] == ["STATUS_FORBIDS"] * 5
    assert await hub.actions(ids[0]) == ["RECEIVE", "SELL"]


async def test_ten_thousand_units_are_one_call(hub: InventoryHub) -> None:
    receipt = service.BatchReceiveItemsRequest(lines=[service.ReceiptLine(sku=new_sku(), count=10_000)])
    ids = list((await hub.admin.BatchReceiveItems(iter([receipt]))).item_ids)
    began = time.monotonic()
    answer = await hub.admin.BatchReserveItems(batches_pb2.BatchReserveItemsRequest(ids=ids, request_id="ten-thousand"))
    assert (answer.done_units, len(answer.results)) == (10_000, 10_000)
    assert time.monotonic() - began < 20
    repeated = await hub.admin.BatchReserveItems(
        batches_pb2.BatchReserveItemsRequest(ids=ids, request_id="ten-thousand")
    )
    assert repeated == answer
    too_many = batches_pb2.BatchReserveItemsRequest(ids=ids, serial_numbers=["x"])
    assert (await refusal(hub.admin.BatchReserveItems(too_many))).reason == "BATCH_TOO_LARGE"


@pytest.mark.parametrize("kind", ["Reserve", "Release", "Sell", "Return", "WriteOff"])
async def test_a_batch_of_nothing_or_of_strangers_is_refused(hub: InventoryHub, kind: str) -> None:
    request = getattr(batches_pb2, f"Batch{kind}ItemsRequest")
    method = getattr(hub.admin, f"Batch{kind}Items")
    assert (await refusal(method(request(reason="x")))).fields == ("ids",)
    assert (await refusal(method(request(reason="x", ids=[1], serial_numbers=["nobody's"])))).code == "NOT_FOUND"
    assert (await refusal(method(request(reason="x", ids=[0])))).code == "INVALID_ARGUMENT"
