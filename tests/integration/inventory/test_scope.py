"""Callers who are bound to warehouses: what lies outside is neither shown nor changed, in every way there is.

The tables name every rpc that somebody who is no admin may call, so that a new one has to be decided about.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from usav.inventory.v1 import (
    after_sale_pb2,
    allocation_pb2,
    batches_pb2,
    item_pb2,
    location_pb2,
    stock_count_pb2,
    transfer_pb2,
)
from usav.inventory.v1 import inventory_service_pb2 as service

from chassis.access import ALL_ROLES, policies
from tests.integration.inventory.harness import InventoryHub, new_sku, refusal, refusal_of

WEST = "@W-HOME"
OUTSIDE = "OUTSIDE_YOUR_WAREHOUSES"
_POLICIES = {
    path.rpartition("/")[2]: policy
    for path, policy in policies([service.DESCRIPTOR.services_by_name["InventoryService"]]).items()
}


@dataclass
class Places:
    """A warehouse of the caller's and one of somebody else's, and what lies there."""

    hub: InventoryHub
    home: str
    away: str
    home_location: location_pb2.Location
    away_location: location_pb2.Location
    sku: str
    mine: item_pb2.Item
    theirs: item_pb2.Item
    nowhere: item_pb2.Item
    held: item_pb2.Item
    sold: item_pb2.Item
    order: str
    count: stock_count_pb2.StockCount
    transfer: transfer_pb2.Transfer

    def bound(self, rpc: str) -> Any:
        """Somebody who may call the rpc, bound to the home warehouse."""
        role = min(_POLICIES[rpc].roles - {"ADMIN"})
        return getattr(self.hub.caller(role + WEST), rpc)


@pytest.fixture
async def places(hub: InventoryHub) -> Places:
    home = await _place(hub, "W-HOME")
    away = await _place(hub, "W-AWAY")
    sku, order = new_sku(), f"away-{new_sku()}"
    mine = await hub.unit(sku, location=home.code)
    serials = [f"SCOPE-{sku}-{number}" for number in range(4)]
    received = service.ReceiveItemsRequest(sku=sku, serial_numbers=serials, location=away.code)
    theirs, held, sold, sent = (await hub.admin.ReceiveItems(received)).items
    nowhere = await hub.unit(sku)
    line = service.AllocateUnitsRequest.Line(line_id="1", sku=sku, quantity=1, serial_numbers=[held.serial_number])
    await hub.admin.AllocateUnits(service.AllocateUnitsRequest(order_reference=order, lines=[line]))
    sold = await hub.admin.SellItem(service.SellItemRequest(id=sold.id, order_reference=f"{order}-sold"))
    other = await _place(hub, "W-THIRD")
    transfer = await hub.admin.CreateTransfer(
        transfer_pb2.CreateTransferRequest(to_warehouse=other.warehouse, ids=[sent.id])
    )
    count = await hub.admin.CreateStockCount(stock_count_pb2.CreateStockCountRequest(locations=[away.code]))
    return Places(hub, home.code, away.code, home, away, sku, mine, theirs, nowhere, held, sold, order, count, transfer)


_made = iter(range(10_000))


async def _place(hub: InventoryHub, warehouse: str) -> location_pb2.Location:
    wanted = location_pb2.Location(code=f"{warehouse}-{next(_made)}", warehouse=warehouse)
    made: location_pb2.Location = await hub.admin.CreateLocation(location_pb2.CreateLocationRequest(location=wanted))
    return made


Make = Callable[[Places], Message]
_LINE = service.AllocateUnitsRequest.Line

# What is refused because it names something outside. A rpc may stand here several times.
REFUSED: list[tuple[str, Make]] = [
    ("GetItem", lambda p: service.GetItemRequest(id=p.theirs.id)),
    ("GetItem", lambda p: service.GetItemRequest(id=p.nowhere.id)),
    ("GetItem", lambda p: service.GetItemRequest(serial_number=p.theirs.serial_number)),
    ("AuditStock", lambda p: service.AuditStockRequest(sku_or_serial=p.theirs.serial_number)),
    ("CreateItem", lambda p: service.CreateItemRequest(item=item_pb2.Item(sku=p.sku, location=p.away))),
    ("CreateItem", lambda p: service.CreateItemRequest(item=item_pb2.Item(sku=p.sku))),
    ("ReceiveItems", lambda p: service.ReceiveItemsRequest(sku=p.sku, count=2, location=p.away)),
    ("ReceiveItems", lambda p: service.ReceiveItemsRequest(sku=p.sku, count=2, location="A")),
    ("ReceiveItems", lambda p: service.ReceiveItemsRequest(sku=p.sku, count=2)),
    ("UpdateItem", lambda p: service.UpdateItemRequest(item=item_pb2.Item(id=p.theirs.id, notes="mine"))),
    ("UpdateItem", lambda p: service.UpdateItemRequest(item=item_pb2.Item(id=p.mine.id, location=p.away))),
    ("UpdateItem", lambda p: service.UpdateItemRequest(item=item_pb2.Item(id=p.theirs.id, location=p.home))),
    ("MoveItem", lambda p: service.MoveItemRequest(id=p.theirs.id, location=p.home)),
    ("MoveItem", lambda p: service.MoveItemRequest(id=p.mine.id, location=p.away)),
    ("BatchMoveItems", lambda p: service.BatchMoveItemsRequest(ids=[p.mine.id, p.theirs.id], location=p.home)),
    ("BatchMoveItems", lambda p: service.BatchMoveItemsRequest(ids=[p.mine.id], location=p.away)),
    ("ReserveItem", lambda p: service.ReserveItemRequest(id=p.theirs.id)),
    ("ReserveItem", lambda p: service.ReserveItemRequest(id=p.theirs.id, request_id=f"r{p.theirs.id}")),
    ("ReserveItem", lambda p: service.ReserveItemRequest(serial_number=p.theirs.serial_number)),
    ("ReleaseItem", lambda p: service.ReleaseItemRequest(id=p.held.id, order_reference=p.order)),
    ("SellItem", lambda p: service.SellItemRequest(id=p.theirs.id)),
    ("ReturnItem", lambda p: after_sale_pb2.ReturnItemRequest(id=p.sold.id, reason="back", location=p.away)),
    ("ReturnItem", lambda p: after_sale_pb2.ReturnItemRequest(id=p.sold.id, reason="back")),
    ("InspectItem", lambda p: after_sale_pb2.InspectItemRequest(id=p.theirs.id, grade="B", reason="seen")),
    ("RestockItem", lambda p: after_sale_pb2.RestockItemRequest(id=p.theirs.id, reason="good")),
    ("DamageItem", lambda p: after_sale_pb2.DamageItemRequest(id=p.theirs.id, reason="fell")),
    ("DamageItem", lambda p: after_sale_pb2.DamageItemRequest(id=p.mine.id, reason="fell", location=p.away)),
    ("RepairItem", lambda p: after_sale_pb2.RepairItemRequest(id=p.theirs.id, reason="mended")),
    ("WriteOffItem", lambda p: after_sale_pb2.WriteOffItemRequest(id=p.theirs.id, reason="gone")),
    ("BatchReserveItems", lambda p: batches_pb2.BatchReserveItemsRequest(ids=[p.mine.id, p.theirs.id])),
    ("BatchReleaseItems", lambda p: batches_pb2.BatchReleaseItemsRequest(ids=[p.held.id])),
    ("BatchSellItems", lambda p: batches_pb2.BatchSellItemsRequest(ids=[p.theirs.id])),
    ("BatchReturnItems", lambda p: batches_pb2.BatchReturnItemsRequest(ids=[p.sold.id], reason="x", location=p.away)),
    ("BatchWriteOffItems", lambda p: batches_pb2.BatchWriteOffItemsRequest(ids=[p.theirs.id], reason="gone")),
    ("GetLocation", lambda p: location_pb2.GetLocationRequest(id=p.away_location.id)),
    ("GetLocation", lambda p: location_pb2.GetLocationRequest(code=p.away)),
    ("CreateLocation", lambda p: location_pb2.CreateLocationRequest(location=_location("SCOPE-1", "W-AWAY"))),
    ("CreateLocation", lambda p: location_pb2.CreateLocationRequest(location=_location("SCOPE-1", ""))),
    ("UpdateLocation", lambda p: _renamed(p.away_location, name="ours")),
    ("UpdateLocation", lambda p: _renamed(p.away_location, warehouse="W-HOME")),
    ("UpdateLocation", lambda p: _renamed(p.home_location, warehouse="W-AWAY")),
    ("DeleteLocation", lambda p: location_pb2.DeleteLocationRequest(id=p.away_location.id)),
    ("CreateStockCount", lambda p: stock_count_pb2.CreateStockCountRequest(locations=[p.home, p.away])),
    ("ScanStockCount", lambda p: stock_count_pb2.ScanStockCountRequest(id=p.count.id, code="X")),
    ("GetStockCount", lambda p: stock_count_pb2.GetStockCountRequest(id=p.count.id)),
    ("CloseStockCount", lambda p: stock_count_pb2.CloseStockCountRequest(id=p.count.id)),
    ("CancelStockCount", lambda p: stock_count_pb2.CancelStockCountRequest(id=p.count.id)),
    ("CreateTransfer", lambda p: transfer_pb2.CreateTransferRequest(to_warehouse="W-HOME", ids=[p.theirs.id])),
    ("ReceiveTransfer", lambda p: transfer_pb2.ReceiveTransferRequest(id=p.transfer.id, location=p.home)),
    ("GetTransfer", lambda p: transfer_pb2.GetTransferRequest(id=p.transfer.id)),
    ("AllocateUnits", lambda p: _order(p, "named", serial_numbers=[p.theirs.serial_number], quantity=1)),
    ("AllocateUnits", lambda p: _order(p, p.order, serial_numbers=[p.held.serial_number], quantity=1)),
    ("GetAllocation", lambda p: allocation_pb2.GetAllocationRequest(order_reference=p.order)),
    ("ExtendAllocation", lambda p: allocation_pb2.ExtendAllocationRequest(order_reference=p.order)),
    ("CommitAllocation", lambda p: allocation_pb2.CommitAllocationRequest(order_reference=p.order)),
    ("ReleaseAllocation", lambda p: service.ReleaseAllocationRequest(order_reference=p.order)),
]
# Lists are narrowed, which the tests below show; streams of requests have tests of their own.
NARROWED = {
    "ListItems",
    "ListLocations",
    "ListStockCounts",
    "ListTransfers",
    "ListMovements",
    "AuditStock",
    "WatchStock",
}
STREAMED = {"BatchReceiveItems"}
# Numbers of the whole hub, which name no unit: what may be sold is one number for everybody.
WHOLE = {"GetStockSummary", "BatchGetAvailability"}


def _location(code: str, warehouse: str) -> location_pb2.Location:
    return location_pb2.Location(code=code, warehouse=warehouse)


def _renamed(location: location_pb2.Location, **changes: Any) -> location_pb2.UpdateLocationRequest:
    return location_pb2.UpdateLocationRequest(location=location_pb2.Location(id=location.id, **changes))


def _order(places: Places, reference: str, **line: Any) -> service.AllocateUnitsRequest:
    reference = reference if reference == places.order else f"{reference}-{places.mine.id}"
    lines = [_LINE(line_id="1", sku=places.sku, **line)]
    return service.AllocateUnitsRequest(order_reference=reference, lines=lines)


def test_every_rpc_is_decided_about() -> None:
    decided = {rpc for rpc, _ in REFUSED} | NARROWED | STREAMED | WHOLE
    assert decided == {rpc for rpc, policy in _POLICIES.items() if policy.roles & ALL_ROLES - {"ADMIN"}}


async def test_what_lies_outside_is_refused_and_stays_as_it_is(places: Places) -> None:
    before = await _state(places.hub)
    for place, (rpc, make) in enumerate(REFUSED):
        refused = await refusal(places.bound(rpc)(make(places)))
        assert (refused.code, refused.reason) == ("PERMISSION_DENIED", OUTSIDE), (place, rpc, refused)
        assert refused.metadata["warehouses"] == "W-HOME"
        assert await _state(places.hub) == before, (place, rpc)


async def _state(hub: InventoryHub) -> Any:
    """All that a change leaves a trace in."""
    tables = ("movement", "location", "stock_count", "count_scan", "transfer", "allocation_line", "outbox")
    query = "SELECT " + ", ".join(f"(SELECT count(*) FROM inventory.{table})" for table in tables)
    versions = "SELECT sum(version) FROM inventory.location"
    states = "SELECT string_agg(state, ',' ORDER BY id) FROM inventory.stock_count"
    return [tuple(row) for text in (query, versions, states) for row in await hub.rows(text)]


async def test_an_unbound_caller_does_all_of_it(places: Places) -> None:
    """So what refuses above is the scope and nothing else."""
    hub = places.hub
    for rpc in ("GetItem", "MoveItem", "BatchMoveItems", "DamageItem"):
        make = next(make for name, make in REFUSED if name == rpc)
        await getattr(hub.admin, rpc)(make(places))
    assert (await hub.get(places.theirs.id)).location == places.home


async def test_inside_all_is_as_ever(places: Places) -> None:
    hub, operator = places.hub, places.hub.caller("WAREHOUSE_OP" + WEST)
    new = (
        await operator.ReceiveItems(service.ReceiveItemsRequest(sku=places.sku, count=2, location=places.home))
    ).items
    shelf = await operator.CreateLocation(
        location_pb2.CreateLocationRequest(location=_location(f"SHELF-{places.mine.id}", "W-HOME"))
    )
    moved = await operator.BatchMoveItems(
        service.BatchMoveItemsRequest(ids=[unit.id for unit in new], location=shelf.code)
    )
    assert {item.location for item in moved.items} == {shelf.code}
    await operator.UpdateItem(service.UpdateItemRequest(item=item_pb2.Item(id=new[0].id, notes="seen")))
    await operator.DamageItem(after_sale_pb2.DamageItemRequest(id=new[0].id, reason="fell"))
    count = await operator.CreateStockCount(stock_count_pb2.CreateStockCountRequest(locations=[shelf.code]))
    await operator.CloseStockCount(stock_count_pb2.CloseStockCountRequest(id=count.id))
    seller = hub.caller("SALES_REP" + WEST)
    await seller.ReserveItem(service.ReserveItemRequest(id=new[1].id))
    await seller.SellItem(service.SellItemRequest(id=new[1].id))
    assert await hub.status(new[1].id) == "SOLD"
    await hub.check_invariants()


async def test_a_sold_unit_comes_back_to_the_warehouse_that_it_is_sent_to(places: Places) -> None:
    back = after_sale_pb2.ReturnItemRequest(id=places.sold.id, reason="unwanted", location=places.home)
    assert (await places.bound("ReturnItem")(back)).location == places.home
    order = batches_pb2.BatchReturnItemsRequest(
        order_reference=f"{places.order}-sold", reason="unwanted", location=places.home
    )
    refused = await refusal(places.bound("BatchReturnItems")(order))
    assert refused.reason != OUTSIDE


async def test_units_are_shipped_away_and_taken_in_by_those_they_concern(places: Places) -> None:
    hub, away = places.hub, places.hub.caller("WAREHOUSE_OP@W-AWAY")
    sent = await places.bound("CreateTransfer")(
        transfer_pb2.CreateTransferRequest(to_warehouse="W-AWAY", ids=[places.mine.id])
    )
    assert await places.bound("GetTransfer")(transfer_pb2.GetTransferRequest(id=sent.id)) == sent
    mine = (await places.bound("ListTransfers")(transfer_pb2.ListTransfersRequest(page_size=1000))).items
    theirs = (await away.ListTransfers(transfer_pb2.ListTransfersRequest(page_size=1000))).items
    assert sent.id in {one.id for one in mine}
    assert places.transfer.id not in {one.id for one in mine}
    assert {sent.id, places.transfer.id} <= {one.id for one in theirs}
    taken = transfer_pb2.ReceiveTransferRequest(id=sent.id, location=places.away)
    assert (await refusal(places.bound("ReceiveTransfer")(taken))).reason == OUTSIDE
    assert (await away.ReceiveTransfer(taken)).in_transit_units == 0
    assert (await hub.get(places.mine.id)).location == places.away
    assert (await refusal(places.bound("GetItem")(service.GetItemRequest(id=places.mine.id)))).reason == OUTSIDE


async def test_lists_are_narrowed_with_their_totals(places: Places) -> None:
    p = places
    items = await p.bound("ListItems")(service.ListItemsRequest(sku=p.sku))
    assert ([item.id for item in items.items], items.total_size) == ([p.mine.id], 1)
    audited = await p.bound("AuditStock")(service.AuditStockRequest(sku_or_serial=p.sku))
    assert ([item.id for item in audited.items], audited.total_size) == ([p.mine.id], 1)
    assert [place.location for place in audited.places] == [p.home]
    rows = await p.bound("ListMovements")(service.ListMovementsRequest(sku=p.sku))
    assert ({row.item_id for row in rows.items}, rows.total_size) == ({p.mine.id}, 1)
    found = await p.bound("ListLocations")(location_pb2.ListLocationsRequest(page_size=1000))
    assert {one.warehouse for one in found.items} == {"W-HOME"}
    assert found.total_size == len(found.items)
    none = await p.bound("ListLocations")(location_pb2.ListLocationsRequest(warehouse="W-AWAY"))
    assert (len(none.items), none.total_size) == (0, 0)
    counts = await p.bound("ListStockCounts")(stock_count_pb2.ListStockCountsRequest(page_size=1000))
    assert p.count.id not in {count.id for count in counts.items}
    assert counts.total_size == len(counts.items)


async def test_the_ledger_tells_of_units_that_came_and_went(places: Places) -> None:
    p = places
    for location in (p.home, p.away):
        await p.hub.admin.MoveItem(service.MoveItemRequest(id=p.theirs.id, location=location))
    await p.hub.admin.MoveItem(service.MoveItemRequest(id=p.theirs.id, location="A"))
    rows = (await p.bound("ListMovements")(service.ListMovementsRequest(item_id=p.theirs.id))).items
    assert [(row.before_location, row.after_location) for row in rows] == [(p.away, p.home), (p.home, p.away)]


async def test_allocation_picks_inside_only(places: Places) -> None:
    short = await refusal(places.bound("AllocateUnits")(_order(places, "two", quantity=2)))
    assert short.reason == "OUT_OF_STOCK"
    made = await places.bound("AllocateUnits")(_order(places, "one", quantity=1))
    assert [item.id for line in made.lines for item in line.items] == [places.mine.id]
    released = await places.bound("ReleaseAllocation")(
        service.ReleaseAllocationRequest(order_reference=made.order_reference)
    )
    assert [item.id for line in released.lines for item in line.items] == [places.mine.id]


async def test_order_with_a_unit_outside_is_not_lowered(places: Places) -> None:
    p = places
    await p.hub.admin.AllocateUnits(_order(p, "both", quantity=2))
    fewer = _order(p, "both", quantity=1, quantity_change=service.AllocateUnitsRequest.SET)
    assert (await refusal(p.bound("AllocateUnits")(fewer))).reason == OUTSIDE
    assert [await p.hub.status(unit.id) for unit in (p.mine, p.theirs)] == ["RESERVED", "RESERVED"]


async def test_a_batch_with_partial_results_refuses_each_unit_outside(places: Places) -> None:
    p = places
    ids = [p.mine.id, p.theirs.id]
    request = batches_pb2.BatchReserveItemsRequest(ids=ids, allow_partial=True)
    answer = await p.bound("BatchReserveItems")(request)
    assert [(one.item_id, one.reason) for one in answer.results] == [(p.mine.id, ""), (p.theirs.id, OUTSIDE)]
    assert (answer.results[1].serial_number, answer.results[1].status) == ("", item_pb2.Item.STATUS_UNSPECIFIED)
    assert (await p.hub.status(p.mine.id), await p.hub.status(p.theirs.id)) == ("RESERVED", "AVAILABLE")


async def test_a_streamed_receipt_is_refused_as_a_whole(places: Places) -> None:
    async def lines() -> AsyncIterator[service.BatchReceiveItemsRequest]:
        for location in (places.home, places.away):
            line = service.ReceiptLine(sku=places.sku, location=location)
            yield service.BatchReceiveItemsRequest(lines=[line])

    before = await _state(places.hub)
    call = places.bound("BatchReceiveItems")(lines())
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert refusal_of(caught.value).reason == OUTSIDE
    assert await _state(places.hub) == before


async def test_a_watcher_is_told_what_comes_stays_and_leaves(places: Places) -> None:
    p = places
    call = p.bound("WatchStock")(service.WatchStockRequest(snapshot=True, variant_ids=[p.mine.variant_id]))
    seen = []
    while not (event := await call.read()).HasField("checkpoint"):
        seen.append(event.item.id)
    assert seen == [p.mine.id]
    await p.hub.admin.UpdateItem(service.UpdateItemRequest(item=item_pb2.Item(id=p.theirs.id, notes="unseen")))
    await p.hub.admin.MoveItem(service.MoveItemRequest(id=p.theirs.id, location=p.home))
    await p.hub.admin.MoveItem(service.MoveItemRequest(id=p.mine.id, location=p.away))
    await p.hub.admin.UpdateItem(service.UpdateItemRequest(item=item_pb2.Item(id=p.mine.id, notes="unseen")))
    await p.hub.admin.UpdateItem(service.UpdateItemRequest(item=item_pb2.Item(id=p.theirs.id, notes="seen")))
    changes: list[Any] = []
    async with asyncio.timeout(10):
        while len(changes) < 3:
            if (event := await call.read()).HasField("change"):
                changes.append(event.change)
    call.cancel()
    assert [(one.item_id, one.location) for one in changes] == [
        (p.theirs.id, p.home), (p.mine.id, p.away), (p.theirs.id, p.home)
    ]  # fmt: skip


async def test_a_unit_that_leaves_while_it_is_claimed_is_claimed_inside_or_not_at_all(places: Places) -> None:
    """The guard is judged on the locked row, not on what was read before."""
    hub, p = places.hub, places
    units = await hub.receive(p.sku, count=12, location=p.home)
    seller = hub.caller("SALES_REP" + WEST)

    async def leave(unit: item_pb2.Item) -> None:
        await hub.admin.MoveItem(service.MoveItemRequest(id=unit.id, location=p.away))

    async def claim(unit: item_pb2.Item) -> str:
        try:
            await seller.ReserveItem(service.ReserveItemRequest(id=unit.id))
        except grpc.aio.AioRpcError as error:
            return refusal_of(error).reason
        return ""

    outcomes = await asyncio.gather(*(work(unit) for unit in units for work in (claim, leave)))
    assert set(outcomes[::2]) <= {"", OUTSIDE}
    for unit, outcome in zip(units, outcomes[::2], strict=True):
        query = "SELECT after_location FROM inventory.movement WHERE item_id = $1 AND action = 'RESERVE'"
        claimed = [row["after_location"] for row in await hub.rows(query, unit.id)]
        assert claimed == ([] if outcome else [p.home])


async def test_bound_callers_amid_others_hold_nothing_outside(places: Places) -> None:
    """Callers of one moment share a statement; what one is bound to may not be lost in it."""
    hub = places.hub
    outside = await hub.receive(places.sku, count=20, location=places.away)
    others = await hub.receive(places.sku, count=40, location=places.home)
    free = hub.caller("SALES_REP").ReserveItem
    calls = [free(service.ReserveItemRequest(id=unit.id)) for unit in others]
    calls[20:20] = [places.bound("ReserveItem")(service.ReserveItemRequest(id=unit.id)) for unit in outside]
    ended = await asyncio.gather(*calls, return_exceptions=True)
    refused = [refusal_of(each).reason for each in ended if isinstance(each, grpc.aio.AioRpcError)]
    assert refused == [OUTSIDE] * len(outside)
    assert [await hub.status(unit.id) for unit in outside] == ["AVAILABLE"] * len(outside)


async def test_a_location_of_the_same_letters_elsewhere_does_not_stand_in_the_way(places: Places) -> None:
    """Old codes may be in small letters; the one that is named is the one that counts."""
    small = f"same-{places.mine.id}"
    query = "INSERT INTO inventory.location (code, warehouse) VALUES ($1, $2)"
    for code, warehouse in ((small, "W-HOME"), (small.upper(), "W-AWAY")):
        await places.hub.rows(query, code, warehouse)
    move = service.MoveItemRequest(id=places.mine.id, location=small)
    assert (await places.bound("MoveItem")(move)).location == small
    away = service.MoveItemRequest(id=places.mine.id, location=small.upper())
    assert (await refusal(places.bound("MoveItem")(away))).reason == OUTSIDE
