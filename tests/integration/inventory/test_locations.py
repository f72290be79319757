"""Locations: made, changed, removed; units go to known ones only, and keep theirs from being removed."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import asyncpg
import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from usav.inventory.v1 import after_sale_pb2, item_pb2, location_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from tests.integration.inventory.harness import InventoryHub, new_sku, refusal, refusal_of

_codes = itertools.count(1)


def new_code() -> str:
    return f"LOC-{next(_codes)}"


async def a_location(hub: InventoryHub, code: str = "", **fields: Any) -> location_pb2.Location:
    asked = location_pb2.Location(code=code or new_code(), **fields)
    made: location_pb2.Location = await hub.admin.CreateLocation(location_pb2.CreateLocationRequest(location=asked))
    return made


async def test_new_location_is_active_and_written_in_capitals(hub: InventoryHub) -> None:
    made = await a_location(hub, " d4-s1 ", name=" Door ", warehouse="MAIN")
    assert (made.code, made.name, made.warehouse, made.active) == ("D4-S1", "Door", "MAIN", True)
    for request in (location_pb2.GetLocationRequest(id=made.id), location_pb2.GetLocationRequest(code="d4-S1")):
        found = await hub.admin.GetLocation(request)
        assert (found.id, found.on_hand_units) == (made.id, 0)
    again = location_pb2.CreateLocationRequest(location=location_pb2.Location(code="D4-s1"))
    refused = await refusal(hub.admin.CreateLocation(again))
    assert (refused.code, refused.reason) == ("ALREADY_EXISTS", "LOCATION_EXISTS")


@pytest.mark.parametrize("code", ["", "  ", "a b", "-a", "ü", "a/b", "x" * 40, "nul\0"])
async def test_code_that_no_scanner_reads_is_refused(hub: InventoryHub, code: str) -> None:
    request = location_pb2.CreateLocationRequest(location=location_pb2.Location(code=code))
    refused = await refusal(hub.admin.CreateLocation(request))
    assert (refused.code, refused.fields) == ("INVALID_ARGUMENT", ("location.code",))


async def test_list_is_filtered_and_paged_by_code(hub: InventoryHub) -> None:
    codes = sorted([(await a_location(hub, f"PG-{number}", warehouse="PAGED")).code for number in (3, 1, 2)])
    seen: list[str] = []
    token = ""
    while True:
        request = location_pb2.ListLocationsRequest(code_prefix="pg-", page_size=2, page_token=token)
        page = await hub.caller("SALES_REP").ListLocations(request)
        assert page.total_size == 3
        seen += [item.code for item in page.items]
        token = page.next_page_token
        if not token:
            break
    assert seen == codes
    off = location_pb2.ListLocationsRequest(warehouse="PAGED", active=False)
    assert (await hub.admin.ListLocations(off)).total_size == 0


async def test_update_changes_what_the_mask_names_and_minds_the_etag(hub: InventoryHub) -> None:
    made = await a_location(hub, name="old", warehouse="W1")
    changed = location_pb2.Location(id=made.id, name="new", etag=made.etag)
    done = await hub.admin.UpdateLocation(location_pb2.UpdateLocationRequest(location=changed))
    assert (done.name, done.warehouse, done.active) == ("new", "W1", True)
    stale = await refusal(hub.admin.UpdateLocation(location_pb2.UpdateLocationRequest(location=changed)))
    assert stale.code == "ABORTED"
    code = location_pb2.UpdateLocationRequest(
        location=location_pb2.Location(id=made.id, code="OTHER"), update_mask=FieldMask(paths=["code"])
    )
    assert (await refusal(hub.admin.UpdateLocation(code))).code == "INVALID_ARGUMENT"
    missing = location_pb2.UpdateLocationRequest(location=location_pb2.Location(id=10**9, name="x"))
    assert (await refusal(hub.admin.UpdateLocation(missing))).reason == "LOCATION_NOT_FOUND"


def to_nowhere(unit: item_pb2.Item) -> list[tuple[str, Any, str]]:
    """Every way to put a unit somewhere, with the field that names the place."""
    item = item_pb2.Item(id=unit.id, location="NOWHERE")
    line = service.ReceiptLine(sku=unit.sku, location="NOWHERE")
    return [
        (
            "CreateItem",
            service.CreateItemRequest(item=item_pb2.Item(sku=unit.sku, location="NOWHERE")),
            "item.location",
        ),
        ("ReceiveItems", service.ReceiveItemsRequest(sku=unit.sku, location="NOWHERE"), "location"),
        ("BatchReceiveItems", iter([service.BatchReceiveItemsRequest(lines=[line])]), "lines[0].location"),
        ("MoveItem", service.MoveItemRequest(id=unit.id, location="NOWHERE"), "location"),
        ("BatchMoveItems", service.BatchMoveItemsRequest(ids=[unit.id], location="NOWHERE"), "location"),
        ("UpdateItem", service.UpdateItemRequest(item=item), "item.location"),
        ("ReturnItem", after_sale_pb2.ReturnItemRequest(id=unit.id, reason="x", location="NOWHERE"), "location"),
        ("RestockItem", after_sale_pb2.RestockItemRequest(id=unit.id, location="NOWHERE"), "location"),
        ("DamageItem", after_sale_pb2.DamageItemRequest(id=unit.id, reason="x", location="NOWHERE"), "location"),
        ("RepairItem", after_sale_pb2.RepairItemRequest(id=unit.id, location="NOWHERE"), "location"),
    ]


async def test_nothing_goes_to_a_location_that_is_not_there(hub: InventoryHub) -> None:
    unit = await hub.unit()
    for method, request, field in to_nowhere(unit):
        refused = await refusal(getattr(hub.admin, method)(request))
        assert (method, refused.code, refused.reason) == (method, "NOT_FOUND", "LOCATION_NOT_FOUND")
        assert refused.message.startswith(f"{field}: ")
        assert refused.metadata == {"location": "NOWHERE"}
    assert await hub.actions(unit.id) == ["RECEIVE"]


async def test_nothing_goes_to_a_location_that_is_not_active(hub: InventoryHub) -> None:
    made = await a_location(hub)
    unit = await hub.unit(location=made.code)
    off = location_pb2.UpdateLocationRequest(location=location_pb2.Location(id=made.id, active=False))
    assert not (await hub.admin.UpdateLocation(off)).active
    other = await hub.unit()
    refused = await refusal(hub.admin.MoveItem(service.MoveItemRequest(id=other.id, location=made.code)))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "LOCATION_INACTIVE")
    assert (await hub.get(unit.id)).location == made.code
    assert (await hub.admin.MoveItem(service.MoveItemRequest(id=unit.id, location="A"))).location == "A"


async def test_code_is_found_whatever_its_case_and_kept_in_capitals(hub: InventoryHub) -> None:
    code = (await a_location(hub)).code
    unit = await hub.unit(location=f" {code.lower()} ")
    assert unit.location == code
    receipt = service.BatchReceiveItemsRequest(
        lines=[service.ReceiptLine(sku=new_sku(), location=code.lower(), count=3)]
    )
    ids = (await hub.admin.BatchReceiveItems(iter([receipt]))).item_ids
    assert {(await hub.get(item_id)).location for item_id in ids} == {code}


async def test_location_with_stock_is_kept_and_an_empty_one_removed(hub: InventoryHub) -> None:
    made = await a_location(hub)
    unit = await hub.unit(location=made.code)
    request = location_pb2.DeleteLocationRequest(id=made.id)
    refused = await refusal(hub.admin.DeleteLocation(request))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "LOCATION_IN_USE")
    await hub.admin.SellItem(service.SellItemRequest(id=unit.id))
    await hub.admin.DeleteLocation(request)
    assert (await refusal(hub.admin.DeleteLocation(request))).reason == "LOCATION_NOT_FOUND"
    assert (await hub.get(unit.id)).location == made.code


async def test_database_itself_keeps_a_location_with_stock_and_its_code(hub: InventoryHub) -> None:
    made = await a_location(hub)
    await hub.unit(location=made.code)
    with pytest.raises(asyncpg.RestrictViolationError):
        await hub.rows("DELETE FROM inventory.location WHERE id = $1", made.id)
    with pytest.raises(asyncpg.RestrictViolationError):
        await hub.rows("UPDATE inventory.location SET code = 'OTHER' WHERE id = $1", made.id)


async def test_unit_and_removal_never_pass_each_other(hub: InventoryHub) -> None:
    for _ in range(10):
        made = await a_location(hub)
        units = await hub.receive(count=4)
        moves = [hub.admin.MoveItem(service.MoveItemRequest(id=unit.id, location=made.code)) for unit in units]
        removal = hub.admin.DeleteLocation(location_pb2.DeleteLocationRequest(id=made.id))
        answers = await asyncio.gather(*moves[:2], removal, *moves[2:], return_exceptions=True)
        reasons = {refusal_of(answer).reason for answer in answers if isinstance(answer, grpc.aio.AioRpcError)}
        assert reasons <= {"LOCATION_IN_USE", "LOCATION_NOT_FOUND"}
        there = await hub.rows("SELECT 1 FROM inventory.location WHERE id = $1", made.id)
        lying = await hub.rows("SELECT 1 FROM inventory.item WHERE location = $1", made.code)
        assert bool(there) == bool(lying)


async def test_sales_rep_looks_but_does_not_touch(hub: InventoryHub) -> None:
    request = location_pb2.CreateLocationRequest(location=location_pb2.Location(code="SALES"))
    assert (await refusal(hub.caller("SALES_REP").CreateLocation(request))).code == "PERMISSION_DENIED"
