"""Cycle counts: blind, from several devices at once, while units move, and what their approval corrects."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from usav.inventory.v1 import after_sale_pb2, item_pb2, location_pb2, stock_count_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from tests.integration.inventory.harness import InventoryHub, refusal

Answer = stock_count_pb2.ScanStockCountResponse
_numbers = itertools.count(1)


async def a_shelf(hub: InventoryHub) -> str:
    code = f"SHELF-{next(_numbers)}"
    request = location_pb2.CreateLocationRequest(location=location_pb2.Location(code=code))
    await hub.admin.CreateLocation(request)
    return code


async def shelved(hub: InventoryHub, shelf: str, count: int) -> list[item_pb2.Item]:
    """Units with serial numbers on a shelf."""
    numbers = [f"C{next(_numbers)}" for _ in range(count)]
    return await hub.receive(count=0, serial_numbers=numbers, location=shelf)


async def opened(hub: InventoryHub, *shelves: str) -> int:
    count = await hub.caller("WAREHOUSE_OP").CreateStockCount(
        stock_count_pb2.CreateStockCountRequest(locations=shelves)
    )
    return int(count.id)


async def scan(hub: InventoryHub, count: int, code: str, shelf: str = "", device: str = "") -> str:
    request = stock_count_pb2.ScanStockCountRequest(id=count, code=code, location=shelf, device=device)
    answer = await hub.caller("WAREHOUSE_OP").ScanStockCount(request)
    return str(Answer.Outcome.Name(answer.outcome))


async def closed(hub: InventoryHub, count: int) -> stock_count_pb2.StockCount:
    answer: stock_count_pb2.StockCount = await hub.caller("WAREHOUSE_OP").CloseStockCount(
        stock_count_pb2.CloseStockCountRequest(id=count)
    )
    return answer


async def approved(hub: InventoryHub, count: int) -> stock_count_pb2.StockCount:
    answer: stock_count_pb2.StockCount = await hub.admin.ApproveStockCount(
        stock_count_pb2.ApproveStockCountRequest(id=count)
    )
    return answer


def told(count: stock_count_pb2.StockCount) -> set[tuple[str, int, str, str]]:
    kinds = stock_count_pb2.CountDifference.Kind
    return {(kinds.Name(one.kind), one.item_id, one.expected_location, one.found_location) for one in count.differences}


def outcomes(count: stock_count_pb2.StockCount) -> dict[str, str]:
    kinds, results = stock_count_pb2.CountDifference.Kind, stock_count_pb2.CountDifference.Outcome
    return {kinds.Name(one.kind): results.Name(one.outcome) for one in count.differences}


async def move(hub: InventoryHub, item_id: int, shelf: str) -> None:
    await hub.admin.MoveItem(service.MoveItemRequest(id=item_id, location=shelf))


async def test_unit_scanned_again_after_it_moved_is_judged_by_the_last_scan(hub: InventoryHub) -> None:
    shelf, other, third = await a_shelf(hub), await a_shelf(hub), await a_shelf(hub)
    (unit,) = await shelved(hub, other, 1)
    count = await opened(hub, shelf)
    assert await scan(hub, count, unit.serial_number) == "RECORDED"
    await move(hub, unit.id, third)
    assert await scan(hub, count, unit.serial_number) == "REPEATED"
    assert told(await closed(hub, count)) == {("MISPLACED", unit.id, third, shelf)}


async def test_differences_are_found_and_corrected_by_an_admin(hub: InventoryHub) -> None:
    shelf, other = await a_shelf(hub), await a_shelf(hub)
    right, missing = await shelved(hub, shelf, 2)
    (elsewhere,) = await shelved(hub, other, 1)
    (lost, sold) = await shelved(hub, shelf, 2)
    await hub.admin.WriteOffItem(after_sale_pb2.WriteOffItemRequest(id=lost.id, reason="lost"))
    await hub.admin.SellItem(service.SellItemRequest(id=sold.id))
    count = await opened(hub, shelf)
    for code in (right.serial_number.lower(), elsewhere.serial_number, f"#{lost.id}", sold.serial_number):
        assert await scan(hub, count, code) == "RECORDED"
    assert await scan(hub, count, "WHAT-IS-THIS") == "UNKNOWN_CODE"
    result = await closed(hub, count)
    assert told(result) == {
        ("MISSING", missing.id, shelf, ""),
        ("MISPLACED", elsewhere.id, other, shelf),
        ("UNEXPECTED", lost.id, shelf, shelf),
        ("UNEXPECTED", sold.id, shelf, shelf),
        ("UNKNOWN", 0, "", shelf),
    }
    assert (result.scanned_units, result.matched_units) == (4, 1)
    refused = await refusal(
        hub.caller("WAREHOUSE_OP").ApproveStockCount(stock_count_pb2.ApproveStockCountRequest(id=count))
    )
    assert refused.code == "PERMISSION_DENIED"
    done = await approved(hub, count)
    assert done.state == stock_count_pb2.StockCount.APPROVED
    by_unit = {one.item_id: stock_count_pb2.CountDifference.Outcome.Name(one.outcome) for one in done.differences}
    assert by_unit == {
        missing.id: "CORRECTED", elsewhere.id: "CORRECTED", lost.id: "CORRECTED",
        sold.id: "NEEDS_A_PERSON", 0: "NEEDS_A_PERSON",
    }  # fmt: skip
    assert [await hub.status(unit.id) for unit in (missing, lost, sold)] == ["WRITTEN_OFF", "RMA", "SOLD"]
    assert (await hub.get(elsewhere.id)).location == shelf
    assert await hub.actions(missing.id) == ["RECEIVE", "WRITE_OFF"]
    page = await hub.admin.ListMovements(service.ListMovementsRequest(item_id=missing.id))
    assert page.items[-1].reason == f"count {count}: missing"
    await hub.check_invariants()


async def test_open_count_tells_nothing_of_what_is_expected(hub: InventoryHub) -> None:
    shelf = await a_shelf(hub)
    await shelved(hub, shelf, 3)
    count = await opened(hub, shelf)
    seen = await hub.admin.GetStockCount(stock_count_pb2.GetStockCountRequest(id=count))
    assert (seen.scanned_units, seen.matched_units, seen.unjudged_units, len(seen.differences)) == (0, 0, 0, 0)


async def test_one_code_from_eight_devices_counts_once(hub: InventoryHub) -> None:
    shelf = await a_shelf(hub)
    (unit,) = await shelved(hub, shelf, 1)
    count = await opened(hub, shelf)
    answers = await asyncio.gather(*(scan(hub, count, unit.serial_number, device=f"D{n}") for n in range(8)))
    assert sorted(answers) == ["RECORDED"] + ["REPEATED"] * 7
    assert await scan(hub, count, f"#{unit.id}") == "REPEATED"
    result = await closed(hub, count)
    assert (result.scanned_units, result.matched_units, len(result.differences)) == (1, 1, 0)


async def test_code_scanned_at_two_shelves_counts_where_it_was_last(hub: InventoryHub) -> None:
    first, second = await a_shelf(hub), await a_shelf(hub)
    (unit,) = await shelved(hub, first, 1)
    count = await opened(hub, first, second)
    assert await scan(hub, count, unit.serial_number, first) == "RECORDED"
    assert await scan(hub, count, unit.serial_number, second) == "RELOCATED"
    assert told(await closed(hub, count)) == {("MISPLACED", unit.id, first, second)}
    await approved(hub, count)
    assert (await hub.get(unit.id)).location == second


async def test_what_moves_during_a_count_is_no_difference(hub: InventoryHub) -> None:
    shelf, other = await a_shelf(hub), await a_shelf(hub)
    leaves_scanned, leaves, sold, sold_scanned, held = await shelved(hub, shelf, 5)
    comes_scanned, comes = await shelved(hub, other, 2)
    count = await opened(hub, shelf)
    for unit in (leaves_scanned, sold_scanned, comes_scanned, held):
        await scan(hub, count, unit.serial_number)
    for unit in (leaves, leaves_scanned):
        await move(hub, unit.id, other)
    for unit in (comes, comes_scanned):
        await move(hub, unit.id, shelf)
    for unit in (sold, sold_scanned):
        await hub.admin.SellItem(service.SellItemRequest(id=unit.id))
    await hub.reserve(held.id)
    (new,) = await shelved(hub, shelf, 1)
    result = await closed(hub, count)
    assert told(result) == set()
    assert new.id


async def test_unit_that_went_away_and_came_back_is_not_missing(hub: InventoryHub) -> None:
    shelf, other = await a_shelf(hub), await a_shelf(hub)
    (unit,) = await shelved(hub, shelf, 1)
    count = await opened(hub, shelf)
    await move(hub, unit.id, other)
    await move(hub, unit.id, shelf)
    assert told(await closed(hub, count)) == set()


async def test_approval_leaves_alone_what_changed_since(hub: InventoryHub) -> None:
    shelf, other = await a_shelf(hub), await a_shelf(hub)
    (missing,) = await shelved(hub, shelf, 1)
    count = await opened(hub, shelf)
    await closed(hub, count)
    await move(hub, missing.id, other)
    assert outcomes(await approved(hub, count)) == {"MISSING": "CHANGED_SINCE"}
    assert await hub.status(missing.id) == "AVAILABLE"


async def test_missing_unit_that_is_held_needs_a_person(hub: InventoryHub) -> None:
    shelf = await a_shelf(hub)
    (missing,) = await shelved(hub, shelf, 1)
    await hub.reserve(missing.id)
    count = await opened(hub, shelf)
    await closed(hub, count)
    assert outcomes(await approved(hub, count)) == {"MISSING": "NEEDS_A_PERSON"}
    assert await hub.status(missing.id) == "RESERVED"


async def test_units_without_serial_number_are_counted_by_id_or_not_judged(hub: InventoryHub) -> None:
    shelf = await a_shelf(hub)
    labelled, _ = await hub.receive(count=2, location=shelf)
    count = await opened(hub, shelf)
    assert await scan(hub, count, f"#{labelled.id}") == "RECORDED"
    result = await closed(hub, count)
    assert (result.matched_units, result.unjudged_units, len(result.differences)) == (1, 1, 0)


async def test_unit_received_after_its_scan_is_known_when_the_count_closes(hub: InventoryHub) -> None:
    shelf = await a_shelf(hub)
    count = await opened(hub, shelf)
    assert await scan(hub, count, "late-comer") == "UNKNOWN_CODE"
    await hub.unit(serial_number="LATE-COMER", location=shelf)
    assert told(await closed(hub, count)) == set()


async def test_location_is_in_one_open_count_and_is_kept_meanwhile(hub: InventoryHub) -> None:
    shelf, other = await a_shelf(hub), await a_shelf(hub)
    count = await opened(hub, shelf)
    again = stock_count_pb2.CreateStockCountRequest(locations=[other, shelf.lower()])
    refused = await refusal(hub.admin.CreateStockCount(again))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "LOCATION_BEING_COUNTED")
    location = await hub.admin.GetLocation(location_pb2.GetLocationRequest(code=shelf))
    removal = location_pb2.DeleteLocationRequest(id=location.id)
    assert (await refusal(hub.admin.DeleteLocation(removal))).reason == "LOCATION_IN_USE"
    cancel = stock_count_pb2.CancelStockCountRequest(id=count)
    assert (await hub.admin.CancelStockCount(cancel)).state == stock_count_pb2.StockCount.CANCELLED
    assert await opened(hub, other, shelf)


async def test_of_two_counts_opened_at_once_one_wins(hub: InventoryHub) -> None:
    shelf = await a_shelf(hub)
    calls = [hub.admin.CreateStockCount(stock_count_pb2.CreateStockCountRequest(locations=[shelf])) for _ in range(6)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(answer, stock_count_pb2.StockCount) for answer in answers) == 1


async def test_state_allows_one_thing_after_the_other(hub: InventoryHub) -> None:
    shelf = await a_shelf(hub)
    count = await opened(hub, shelf)
    early = await refusal(hub.admin.ApproveStockCount(stock_count_pb2.ApproveStockCountRequest(id=count)))
    assert (early.reason, early.metadata["state"]) == ("COUNT_STATE_FORBIDS", "OPEN")
    closing = [hub.admin.CloseStockCount(stock_count_pb2.CloseStockCountRequest(id=count)) for _ in range(3)]
    answers = await asyncio.gather(*closing, return_exceptions=True)
    assert sum(isinstance(answer, stock_count_pb2.StockCount) for answer in answers) == 1
    late: Any = stock_count_pb2.ScanStockCountRequest(id=count, code="x")
    assert (await refusal(hub.admin.ScanStockCount(late))).metadata["state"] == "CLOSED"
    await approved(hub, count)
    cancel = stock_count_pb2.CancelStockCountRequest(id=count)
    assert (await refusal(hub.admin.CancelStockCount(cancel))).metadata["state"] == "APPROVED"
    page = await hub.admin.ListStockCounts(
        stock_count_pb2.ListStockCountsRequest(page_size=1000, state=stock_count_pb2.StockCount.APPROVED)
    )
    assert count in [item.id for item in page.items]


async def test_wrong_scans_are_refused(hub: InventoryHub) -> None:
    first, second = await a_shelf(hub), await a_shelf(hub)
    count = await opened(hub, first, second)
    for shelf in ("", "A", "NOWHERE"):
        wrong = stock_count_pb2.ScanStockCountRequest(id=count, code="x", location=shelf)
        assert (await refusal(hub.admin.ScanStockCount(wrong))).fields == ("location",)
    blank = stock_count_pb2.ScanStockCountRequest(id=count, code="  ", location=first)
    assert (await refusal(hub.admin.ScanStockCount(blank))).fields == ("code",)
    nobody = stock_count_pb2.ScanStockCountRequest(id=10**9, code="x", location=first)
    assert (await refusal(hub.admin.ScanStockCount(nobody))).reason == "COUNT_NOT_FOUND"
    unknown = stock_count_pb2.CreateStockCountRequest(locations=[first, "NOWHERE"])
    refused = await refusal(hub.admin.CreateStockCount(unknown))
    assert (refused.reason, refused.message.partition(":")[0]) == ("LOCATION_NOT_FOUND", "locations[1]")


async def test_counting_while_units_move_all_the_time_invents_no_difference(hub: InventoryHub) -> None:
    shelf, other = await a_shelf(hub), await a_shelf(hub)
    units = await shelved(hub, shelf, 20)
    count = await opened(hub, shelf)
    moves = [move(hub, unit.id, other) for unit in units[:10]]
    scans = [scan(hub, count, unit.serial_number) for unit in units[5:]]
    await asyncio.gather(*moves, *scans)
    missing = {unit.id for unit in units[:5]}
    result = await closed(hub, count)
    assert {one.item_id for one in result.differences} & missing == set()
    assert told(result) <= {("MISPLACED", unit.id, other, shelf) for unit in units[5:10]}
    await hub.check_invariants()
