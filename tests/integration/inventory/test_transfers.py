"""Units on their way between warehouses."""

from __future__ import annotations

import asyncio

import grpc
from usav.inventory.v1 import after_sale_pb2, item_pb2, location_pb2, transfer_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from tests.integration.inventory.harness import InventoryHub, new_sku, refusal, refusal_of


async def warehouse(hub: InventoryHub, name: str) -> str:
    """The code of a location in a warehouse."""
    code = f"{name}-DOCK"
    request = location_pb2.CreateLocationRequest(location=location_pb2.Location(code=code, warehouse=name))
    await hub.admin.CreateLocation(request)
    return code


async def shipped(hub: InventoryHub, to: str, *ids: int) -> transfer_pb2.Transfer:
    answer: transfer_pb2.Transfer = await hub.caller("WAREHOUSE_OP").CreateTransfer(
        transfer_pb2.CreateTransferRequest(to_warehouse=to, ids=ids, note="UPS 1Z")
    )
    return answer


async def test_unit_in_transit_is_on_hand_and_not_free_until_it_arrives_as_it_was(hub: InventoryHub) -> None:
    dock = await warehouse(hub, "EAST")
    sku = new_sku()
    free, damaged, stays = await hub.receive(sku, count=3, location="A")
    await hub.admin.DamageItem(after_sale_pb2.DamageItemRequest(id=damaged.id, reason="fell"))
    transfer = await shipped(hub, "EAST", free.id, damaged.id)
    assert (transfer.shipped_units, transfer.in_transit_units, transfer.note) == (2, 2, "UPS 1Z")
    counts = await hub.admin.GetStockSummary(service.GetStockSummaryRequest(sku=sku))
    assert (counts.in_transit_units, counts.available_units, counts.on_hand_units) == (2, 1, 3)
    seen = await hub.get(free.id)
    assert (seen.status, seen.location, seen.transfer_id) == (item_pb2.Item.IN_TRANSIT, "", transfer.id)
    for request in (service.ReserveItemRequest(id=free.id), service.SellItemRequest(id=free.id)):
        method = type(request).__name__.removesuffix("Request")
        assert (await refusal(getattr(hub.admin, method)(request))).metadata["status"] == "IN_TRANSIT"
    moved = service.MoveItemRequest(id=free.id, location=dock)
    assert (await refusal(hub.admin.MoveItem(moved))).metadata["status"] == "IN_TRANSIT"
    receive = transfer_pb2.ReceiveTransferRequest(id=transfer.id, location=dock.lower(), ids=[damaged.id])
    assert (await hub.admin.ReceiveTransfer(receive)).in_transit_units == 1
    rest = await hub.admin.ReceiveTransfer(transfer_pb2.ReceiveTransferRequest(id=transfer.id, location=dock))
    assert (rest.in_transit_units, {unit.in_transit for unit in rest.units}) == (0, {False})
    assert [await hub.status(unit.id) for unit in (free, damaged)] == ["AVAILABLE", "DAMAGED"]
    assert ((await hub.get(free.id)).location, (await hub.get(stays.id)).location) == (dock, "A")
    again = await hub.admin.ReceiveTransfer(transfer_pb2.ReceiveTransferRequest(id=transfer.id, location=dock))
    assert again == rest
    assert await hub.actions(free.id) == ["RECEIVE", "SHIP", "ARRIVE"]
    await hub.check_invariants()


async def test_unit_lost_on_the_way_is_written_off(hub: InventoryHub) -> None:
    await warehouse(hub, "WEST")
    lost, arrives = await hub.receive(count=2)
    transfer = await shipped(hub, "WEST", lost.id, arrives.id)
    await hub.admin.WriteOffItem(after_sale_pb2.WriteOffItemRequest(id=lost.id, reason="lost by the carrier"))
    done = await hub.admin.ReceiveTransfer(transfer_pb2.ReceiveTransferRequest(id=transfer.id))
    assert (done.shipped_units, done.in_transit_units) == (2, 0)
    assert [await hub.status(unit.id) for unit in (lost, arrives)] == ["WRITTEN_OFF", "AVAILABLE"]
    await hub.check_invariants()


async def test_wrong_places_transfers_and_units_are_refused(hub: InventoryHub) -> None:
    await warehouse(hub, "SOUTH")
    held, free, other = await hub.receive(count=3)
    await hub.reserve(held.id)
    ship = transfer_pb2.CreateTransferRequest(to_warehouse="SOUTH", ids=[free.id, held.id])
    assert (await refusal(hub.admin.CreateTransfer(ship))).metadata["status"] == "RESERVED"
    assert await hub.status(free.id) == "AVAILABLE"
    nowhere = transfer_pb2.CreateTransferRequest(to_warehouse="MOON", ids=[free.id])
    assert (await refusal(hub.admin.CreateTransfer(nowhere))).reason == "WAREHOUSE_DIFFERS"
    first, second = await shipped(hub, "SOUTH", free.id), await shipped(hub, "SOUTH", other.id)
    wrong = transfer_pb2.ReceiveTransferRequest(id=first.id, ids=[other.id])
    refused = await refusal(hub.admin.ReceiveTransfer(wrong))
    assert (refused.reason, refused.metadata["transfer_id"]) == ("ON_ANOTHER_TRANSFER", str(second.id))
    elsewhere = transfer_pb2.ReceiveTransferRequest(id=first.id, location="A")
    assert (await refusal(hub.admin.ReceiveTransfer(elsewhere))).reason == "WAREHOUSE_DIFFERS"
    missing = transfer_pb2.ReceiveTransferRequest(id=10**9)
    assert (await refusal(hub.admin.ReceiveTransfer(missing))).reason == "TRANSFER_NOT_FOUND"
    page = await hub.admin.ListTransfers(transfer_pb2.ListTransfersRequest(in_transit_only=True, page_size=1000))
    assert {first.id, second.id} <= {item.id for item in page.items}


async def test_unit_ships_once_and_arrives_once_whoever_asks(hub: InventoryHub) -> None:
    dock = await warehouse(hub, "NORTH")
    unit = await hub.unit()
    ship = transfer_pb2.CreateTransferRequest(to_warehouse="NORTH", ids=[unit.id])
    answers = await asyncio.gather(*(hub.admin.CreateTransfer(ship) for _ in range(6)), return_exceptions=True)
    won = [answer for answer in answers if isinstance(answer, transfer_pb2.Transfer)]
    lost = [refusal_of(answer).reason for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert (len(won), lost) == (1, ["STATUS_FORBIDS"] * 5)
    receive = transfer_pb2.ReceiveTransferRequest(id=won[0].id, location=dock)
    await asyncio.gather(*(hub.admin.ReceiveTransfer(receive) for _ in range(4)), return_exceptions=True)
    assert await hub.actions(unit.id) == ["RECEIVE", "SHIP", "ARRIVE"]
    await hub.check_invariants()
