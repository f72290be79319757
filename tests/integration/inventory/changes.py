"""A fit request for every rpc of inventory that changes something, each with the stock it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

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

from tests.integration.inventory.harness import InventoryHub, new_sku

Scene = Callable[[InventoryHub], Awaitable[Any]]
SCENES: dict[str, Scene] = {}
_PLACES = iter(range(100))


def changing_rpcs() -> set[str]:
    """The rpcs that change something: those whose request has a request id."""
    methods = service.DESCRIPTOR.services_by_name["InventoryService"].methods
    return {method.name for method in methods if "request_id" in method.input_type.fields_by_name}


def scene(make: Scene) -> Scene:
    """Registers the request of the rpc that the function is called like."""
    SCENES["".join(part.capitalize() for part in make.__name__.split("_"))] = make
    return make


async def call(hub: InventoryHub, method: str, request: Message) -> Any:
    """The answer of an admin's call; a stream gets the one request."""
    stream = method == "BatchReceiveItems"
    return await getattr(hub.admin, method)(iter([request]) if stream else request)


def altered(request: Any) -> Any:
    """The same request with another body, as fit as the first."""
    other = type(request)()
    other.CopyFrom(request)
    for name in ("reason", "note"):
        if name in request.DESCRIPTOR.fields_by_name:
            setattr(other, name, "another")
            return other
    for inner in ("location", "item"):
        field = request.DESCRIPTOR.fields_by_name.get(inner)
        if field is not None and field.message_type is not None:
            setattr(getattr(other, inner), "notes" if inner == "item" else "name", "another")
            return other
    if "code" in request.DESCRIPTOR.fields_by_name:
        other.code += "X"
    else:
        other.id += 10**6
    return other


async def _sold(hub: InventoryHub, order: str = "") -> item_pb2.Item:
    unit = await hub.unit()
    sold: item_pb2.Item = await hub.admin.SellItem(service.SellItemRequest(id=unit.id, order_reference=order))
    return sold


async def _held_order(hub: InventoryHub) -> str:
    sku = new_sku()
    await hub.receive(sku, count=2)
    line = service.AllocateUnitsRequest.Line(line_id="1", sku=sku, quantity=2)
    await hub.admin.AllocateUnits(service.AllocateUnitsRequest(order_reference=f"O-{sku}", lines=[line]))
    return f"O-{sku}"


async def _location(hub: InventoryHub, warehouse: str = "") -> location_pb2.Location:
    location = location_pb2.Location(code=f"M-{next(_PLACES)}-{new_sku()}", warehouse=warehouse)
    made: location_pb2.Location = await hub.admin.CreateLocation(location_pb2.CreateLocationRequest(location=location))
    return made


async def _count(hub: InventoryHub) -> stock_count_pb2.StockCount:
    """An open count, of a location where one unit lies."""
    place = await _location(hub)
    await hub.unit(location=place.code, serial_number=new_sku())
    request = stock_count_pb2.CreateStockCountRequest(locations=[place.code])
    opened: stock_count_pb2.StockCount = await hub.admin.CreateStockCount(request)
    return opened


@scene
async def create_item(hub: InventoryHub) -> Message:
    return service.CreateItemRequest(item=item_pb2.Item(sku=new_sku(), serial_number=new_sku()))


@scene
async def update_item(hub: InventoryHub) -> Message:
    return service.UpdateItemRequest(item=item_pb2.Item(id=(await hub.unit()).id, notes="scratched"))


@scene
async def delete_item(hub: InventoryHub) -> Message:
    return service.DeleteItemRequest(id=(await hub.unit()).id)


@scene
async def receive_items(hub: InventoryHub) -> Message:
    return service.ReceiveItemsRequest(sku=new_sku(), count=3)


@scene
async def batch_receive_items(hub: InventoryHub) -> Message:
    return service.BatchReceiveItemsRequest(lines=[service.ReceiptLine(sku=new_sku(), count=3)])


@scene
async def move_item(hub: InventoryHub) -> Message:
    return service.MoveItemRequest(id=(await hub.unit(location="A")).id, location="B")


@scene
async def batch_move_items(hub: InventoryHub) -> Message:
    return service.BatchMoveItemsRequest(ids=[unit.id for unit in await hub.receive(count=3)], location="B")


@scene
async def reserve_item(hub: InventoryHub) -> Message:
    return service.ReserveItemRequest(id=(await hub.unit()).id)


@scene
async def release_item(hub: InventoryHub) -> Message:
    return service.ReleaseItemRequest(id=(await hub.reserve((await hub.unit()).id)).id)


@scene
async def sell_item(hub: InventoryHub) -> Message:
    return service.SellItemRequest(id=(await hub.unit()).id)


@scene
async def return_item(hub: InventoryHub) -> Message:
    return after_sale_pb2.ReturnItemRequest(id=(await _sold(hub)).id, reason="hums")


@scene
async def inspect_item(hub: InventoryHub) -> Message:
    return after_sale_pb2.InspectItemRequest(id=(await hub.unit()).id, grade="B")


@scene
async def restock_item(hub: InventoryHub) -> Message:
    unit = await damage_item(hub)
    await call(hub, "DamageItem", unit)
    return after_sale_pb2.RestockItemRequest(id=unit.id, grade="B")


@scene
async def damage_item(hub: InventoryHub) -> Any:
    return after_sale_pb2.DamageItemRequest(id=(await hub.unit()).id, reason="fell")


@scene
async def repair_item(hub: InventoryHub) -> Message:
    unit = await damage_item(hub)
    await call(hub, "DamageItem", unit)
    return after_sale_pb2.RepairItemRequest(id=unit.id)


@scene
async def write_off_item(hub: InventoryHub) -> Message:
    return after_sale_pb2.WriteOffItemRequest(id=(await hub.unit()).id, reason="gone")


@scene
async def batch_reserve_items(hub: InventoryHub) -> Message:
    return batches_pb2.BatchReserveItemsRequest(ids=[unit.id for unit in await hub.receive(count=3)])


@scene
async def batch_release_items(hub: InventoryHub) -> Message:
    units = await hub.receive(count=3)
    for unit in units:
        await hub.reserve(unit.id)
    return batches_pb2.BatchReleaseItemsRequest(ids=[unit.id for unit in units])


@scene
async def batch_sell_items(hub: InventoryHub) -> Message:
    return batches_pb2.BatchSellItemsRequest(ids=[unit.id for unit in await hub.receive(count=3)])


@scene
async def batch_return_items(hub: InventoryHub) -> Message:
    return batches_pb2.BatchReturnItemsRequest(ids=[(await _sold(hub)).id, (await _sold(hub)).id], reason="hums")


@scene
async def batch_write_off_items(hub: InventoryHub) -> Message:
    return batches_pb2.BatchWriteOffItemsRequest(ids=[unit.id for unit in await hub.receive(count=3)], reason="gone")


@scene
async def create_location(hub: InventoryHub) -> Message:
    return location_pb2.CreateLocationRequest(location=location_pb2.Location(code=f"NEW-{new_sku()}"))


@scene
async def update_location(hub: InventoryHub) -> Message:
    place = await _location(hub)
    return location_pb2.UpdateLocationRequest(location=location_pb2.Location(id=place.id, name="Door"))


@scene
async def delete_location(hub: InventoryHub) -> Message:
    return location_pb2.DeleteLocationRequest(id=(await _location(hub)).id)


@scene
async def create_stock_count(hub: InventoryHub) -> Message:
    return stock_count_pb2.CreateStockCountRequest(locations=[(await _location(hub)).code])


@scene
async def scan_stock_count(hub: InventoryHub) -> Message:
    return stock_count_pb2.ScanStockCountRequest(id=(await _count(hub)).id, code="nobody's")


@scene
async def close_stock_count(hub: InventoryHub) -> Message:
    return stock_count_pb2.CloseStockCountRequest(id=(await _count(hub)).id)


@scene
async def approve_stock_count(hub: InventoryHub) -> Message:
    count = await _count(hub)
    await hub.admin.CloseStockCount(stock_count_pb2.CloseStockCountRequest(id=count.id))
    return stock_count_pb2.ApproveStockCountRequest(id=count.id)


@scene
async def cancel_stock_count(hub: InventoryHub) -> Message:
    return stock_count_pb2.CancelStockCountRequest(id=(await _count(hub)).id)


@scene
async def create_transfer(hub: InventoryHub) -> Message:
    place = await _location(hub, "FAR")
    return transfer_pb2.CreateTransferRequest(ids=[(await hub.unit()).id], to_warehouse=place.warehouse)


@scene
async def receive_transfer(hub: InventoryHub) -> Message:
    shipped = await hub.admin.CreateTransfer(await create_transfer(hub))
    return transfer_pb2.ReceiveTransferRequest(id=shipped.id)


@scene
async def allocate_units(hub: InventoryHub) -> Message:
    sku = new_sku()
    await hub.receive(sku, count=3)
    line = service.AllocateUnitsRequest.Line(line_id="1", sku=sku, quantity=2)
    return service.AllocateUnitsRequest(order_reference=f"O-{sku}", lines=[line])


@scene
async def release_allocation(hub: InventoryHub) -> Message:
    return service.ReleaseAllocationRequest(order_reference=await _held_order(hub))


@scene
async def extend_allocation(hub: InventoryHub) -> Message:
    return allocation_pb2.ExtendAllocationRequest(order_reference=await _held_order(hub))


@scene
async def commit_allocation(hub: InventoryHub) -> Message:
    return allocation_pb2.CommitAllocationRequest(order_reference=await _held_order(hub))
