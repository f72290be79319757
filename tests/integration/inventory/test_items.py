"""Looking at units, moving, correcting and removing them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import item_pb2

from tests.integration.inventory.harness import InventoryHub, dollars, new_sku, refusal


def updating(item: item_pb2.Item, mask: list[str] | None = None, **fields: Any) -> service.UpdateItemRequest:
    changed = item_pb2.Item(id=item.id, **fields)
    return service.UpdateItemRequest(item=changed, update_mask=FieldMask(paths=mask or []))


async def test_list_is_filtered_paged_and_counted(hub: InventoryHub) -> None:
    sku = new_sku()
    ids = [item.id for item in await hub.receive(sku, count=7)]
    await hub.receive(count=2)
    seen: list[int] = []
    token = ""
    while True:
        page = await hub.admin.ListItems(service.ListItemsRequest(sku=sku, page_size=3, page_token=token))
        assert page.total_size == 7
        seen += [item.id for item in page.items]
        token = page.next_page_token
        if not token:
            break
    assert seen == ids


async def test_page_token_of_another_query_is_refused(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=3)
    page = await hub.admin.ListItems(service.ListItemsRequest(sku=sku, page_size=1))
    foreign = service.ListItemsRequest(sku="T-1", page_size=1, page_token=page.next_page_token)
    assert (await refusal(hub.admin.ListItems(foreign))).reason == "PAGE_TOKEN_INVALID"
    # Not at the end: the last characters hold bits that nobody reads.
    other = "A" if page.next_page_token[20] != "A" else "B"
    forged = page.next_page_token[:20] + other + page.next_page_token[21:]
    altered = service.ListItemsRequest(sku=sku, page_size=1, page_token=forged)
    assert (await refusal(hub.admin.ListItems(altered))).reason == "PAGE_TOKEN_INVALID"


async def test_every_filter_narrows_the_list(hub: InventoryHub) -> None:
    sku = new_sku()
    early = await hub.unit(sku, serial_number="FLT%_-1", location="F1")
    held = await hub.unit(sku, serial_number="flt%_-2", location="F1")
    sold = await hub.unit(sku, serial_number="FLTxx-3", location="F2")
    await hub.reserve(held.id)
    await hub.admin.SellItem(service.SellItemRequest(id=sold.id))
    expected: dict[str, tuple[dict[str, Any], list[item_pb2.Item]]] = {
        "status": ({"status": "AVAILABLE"}, [early]),
        "held": ({"status": "RESERVED"}, [held]),
        "sold": ({"status": "SOLD"}, [sold]),
        "location": ({"location": "F1"}, [early, held]),
        "prefix": ({"serial_prefix": "Flt%_"}, [early, held]),
        "variant": ({"variant_id": early.variant_id, "location": "F2"}, [sold]),
        "after": ({"received_after": sold.receive_time}, [sold]),
        "before": ({"received_before": held.receive_time}, [early]),
        "no such sku": ({"sku": "NO-SUCH"}, []),
    }
    for name, (fields, items) in expected.items():
        page = await hub.admin.ListItems(service.ListItemsRequest(**({"sku": sku} | fields)))
        assert [item.id for item in page.items] == [item.id for item in items], name
        assert page.total_size == len(items), name


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"page_size": -1}, "page_size"),
        ({"variant_id": -1}, "variant_id"),
        ({"status": 99}, "status"),
        ({"sku": "x" * 65}, "sku"),
        ({"location": "nul\0"}, "location"),
        ({"received_after": Timestamp(seconds=10**15)}, "received_after"),
        ({"received_before": Timestamp(nanos=-5)}, "received_before"),
    ],
)
async def test_bad_filter_names_its_field(hub: InventoryHub, fields: dict[str, Any], field: str) -> None:
    refused = await refusal(hub.admin.ListItems(service.ListItemsRequest(**fields)))
    assert refused.code == "INVALID_ARGUMENT"
    assert refused.fields == (field,)


@pytest.mark.parametrize("text", ["'; DROP TABLE inventory.item; --", "%", "\\", "𝔘nicode", "a" * 60])
async def test_sql_like_texts_are_only_texts(hub: InventoryHub, text: str) -> None:
    for request in (
        service.ListItemsRequest(sku=text),
        service.ListItemsRequest(location=text),
        service.ListItemsRequest(serial_prefix=text),
    ):
        assert (await hub.admin.ListItems(request)).total_size == 0
    assert (await refusal(hub.admin.AuditStock(service.AuditStockRequest(sku_or_serial=text)))).code == "NOT_FOUND"


async def test_unknown_unit_is_not_found(hub: InventoryHub) -> None:
    for request in (service.GetItemRequest(id=2**62), service.GetItemRequest(serial_number="NOT-THERE")):
        assert (await refusal(hub.admin.GetItem(request))).reason == "ITEM_NOT_FOUND"
    both = service.GetItemRequest(id=1, serial_number="A")
    assert (await refusal(hub.admin.GetItem(both))).code == "INVALID_ARGUMENT"
    assert (await refusal(hub.admin.GetItem(service.GetItemRequest()))).code == "INVALID_ARGUMENT"


async def test_move_by_id_and_by_serial(hub: InventoryHub) -> None:
    unit = await hub.unit(serial_number="MOVE-1", location="A")
    warehouse = hub.caller("WAREHOUSE_OP")
    await warehouse.MoveItem(service.MoveItemRequest(id=unit.id, location=" B ", reason="tidying"))
    moved = await warehouse.MoveItem(service.MoveItemRequest(serial_number="move-1", location="C"))
    assert moved.location == "C"
    history = (await hub.admin.ListMovements(service.ListMovementsRequest(item_id=unit.id))).items
    assert [(row.before_location, row.after_location) for row in history] == [("", "A"), ("A", "B"), ("B", "C")]
    assert (history[1].reason, history[1].actor_role) == ("tidying", "WAREHOUSE_OP")


async def test_held_unit_moves_and_stays_held(hub: InventoryHub) -> None:
    unit = await hub.unit()
    held = await hub.reserve(unit.id)
    moved = await hub.admin.MoveItem(service.MoveItemRequest(id=unit.id, location="Z"))
    assert moved.reservation == held.reservation
    assert moved.location == "Z"


async def test_sold_unit_does_not_move(hub: InventoryHub) -> None:
    unit = await hub.unit()
    await hub.admin.SellItem(service.SellItemRequest(id=unit.id))
    refused = await refusal(hub.admin.MoveItem(service.MoveItemRequest(id=unit.id, location="Z")))
    assert (refused.reason, refused.metadata["status"]) == ("STATUS_FORBIDS", "SOLD")


async def test_batch_move_is_all_or_none(hub: InventoryHub) -> None:
    units = await hub.receive(count=5)
    extra = await hub.unit(serial_number="BM-1")
    ids = [item.id for item in units]
    request = service.BatchMoveItemsRequest(ids=[*ids, ids[0]], serial_numbers=["bm-1"], location="Q7")
    moved = (await hub.admin.BatchMoveItems(request)).items
    assert [item.id for item in moved] == [*ids, extra.id]
    assert {item.location for item in moved} == {"Q7"}
    await hub.admin.SellItem(service.SellItemRequest(id=ids[2]))
    refused = await refusal(hub.admin.BatchMoveItems(service.BatchMoveItemsRequest(ids=ids, location="NO")))
    assert refused.metadata["item_id"] == str(ids[2])
    assert (await hub.get(ids[0])).location == "Q7"
    unknown = service.BatchMoveItemsRequest(ids=ids[:2], serial_numbers=["nobody"], location="NO")
    assert (await refusal(hub.admin.BatchMoveItems(unknown))).code == "NOT_FOUND"
    await hub.check_invariants()


async def test_batch_moves_in_opposite_orders_do_not_deadlock(hub: InventoryHub) -> None:
    ids = [item.id for item in await hub.receive(count=40)]
    orders = [ids, ids[::-1]]
    calls = [
        hub.admin.BatchMoveItems(service.BatchMoveItemsRequest(ids=orders[number % 2], location=f"L{number}"))
        for number in range(12)
    ]
    answers = await asyncio.gather(*calls)
    assert len(answers) == 12
    await hub.check_invariants()


@pytest.mark.parametrize("location", ["", "  ", "x" * 65, "a\nb"])
async def test_move_needs_a_place(hub: InventoryHub, location: str) -> None:
    refused = await refusal(hub.admin.MoveItem(service.MoveItemRequest(id=1, location=location)))
    assert (refused.code, refused.fields) == ("INVALID_ARGUMENT", ("location",))


async def test_batch_move_of_nothing_or_too_much_is_refused(hub: InventoryHub) -> None:
    nothing = service.BatchMoveItemsRequest(location="A")
    much = service.BatchMoveItemsRequest(ids=range(1, 9900), serial_numbers=["S"] * 200, location="A")
    assert (await refusal(hub.admin.BatchMoveItems(nothing))).fields == ("ids",)
    assert (await refusal(hub.admin.BatchMoveItems(much))).reason == "BATCH_TOO_LARGE"


async def test_update_changes_what_is_populated_and_tells_the_ledger(hub: InventoryHub) -> None:
    unit = await hub.unit(location="A", unit_cost=dollars(5), notes="old")
    changed = await hub.admin.UpdateItem(updating(unit, unit_cost=dollars(7.25), etag=unit.etag))
    assert (changed.unit_cost, changed.notes, changed.location) == (dollars(7.25), "old", "A")
    assert changed.etag != unit.etag
    row = (await hub.admin.ListMovements(service.ListMovementsRequest(item_id=unit.id))).items[-1]
    assert json.loads(row.changes) == {"unit_cost": {"before": "5.0000 USD", "after": "7.2500 USD"}}
    assert row.unit_cost == dollars(7.25)


async def test_update_by_mask_clears(hub: InventoryHub) -> None:
    unit = await hub.unit(location="A", unit_cost=dollars(5), notes="old")
    cleared = await hub.admin.UpdateItem(updating(unit, ["*"], location="B"))
    assert (cleared.location, cleared.notes, cleared.HasField("unit_cost")) == ("B", "", False)


async def test_update_to_what_is_so_already_leaves_no_trace(hub: InventoryHub) -> None:
    unit = await hub.unit(location="A")
    same = await hub.admin.UpdateItem(updating(unit, location="A"))
    assert same == unit
    assert await hub.actions(unit.id) == ["RECEIVE"]


async def test_update_with_a_stale_etag_is_aborted(hub: InventoryHub) -> None:
    unit = await hub.unit()
    await hub.admin.UpdateItem(updating(unit, notes="quicker"))
    refused = await refusal(hub.admin.UpdateItem(updating(unit, notes="late", etag=unit.etag)))
    assert (refused.code, refused.reason) == ("ABORTED", "ETAG_MISMATCH")


async def test_updates_at_once_lose_nothing(hub: InventoryHub) -> None:
    unit = await hub.unit()
    notes = [hub.admin.UpdateItem(updating(unit, notes=f"n{number}")) for number in range(4)]
    places = [hub.admin.MoveItem(service.MoveItemRequest(id=unit.id, location=f"P{number}")) for number in range(4)]
    await asyncio.gather(*notes, *places)
    now = await hub.get(unit.id)
    assert now.notes.startswith("n")
    assert now.location.startswith("P")
    await hub.check_invariants()


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (service.UpdateItemRequest(item=item_pb2.Item(id=1), update_mask=FieldMask(paths=["sku"])), "UPDATE_MASK_INVALID"),
        (service.UpdateItemRequest(item=item_pb2.Item(id=1), update_mask=FieldMask(paths=["x.y"])), "UPDATE_MASK_INVALID"),
        (service.UpdateItemRequest(item=item_pb2.Item(id=1, notes="n" * 2001)), "FIELD_INVALID"),
    ],
)  # fmt: skip
async def test_bad_update_is_refused(hub: InventoryHub, request_: service.UpdateItemRequest, reason: str) -> None:
    refused = await refusal(hub.admin.UpdateItem(request_))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", reason)


async def test_deleted_unit_is_gone_but_its_history_stays(hub: InventoryHub) -> None:
    unit = await hub.unit(serial_number="GONE-1")
    removed = await hub.admin.DeleteItem(service.DeleteItemRequest(id=unit.id, reason="typing error"))
    assert removed.id == unit.id
    assert (await refusal(hub.get(unit.id))).code == "NOT_FOUND"
    for call in (
        hub.reserve(unit.id),
        hub.admin.MoveItem(service.MoveItemRequest(id=unit.id, location="X")),
        hub.admin.DeleteItem(service.DeleteItemRequest(id=unit.id)),
    ):
        assert (await refusal(call)).reason == "ITEM_NOT_FOUND"
    counts = await hub.admin.GetStockSummary(service.GetStockSummaryRequest(sku=unit.sku))
    assert counts.total_units == 0
    history = await hub.admin.ListMovements(service.ListMovementsRequest(item_id=unit.id))
    assert [row.reason for row in history.items] == ["", "typing error"]
    again = await hub.unit(serial_number="gone-1")
    assert again.id != unit.id


async def test_unit_that_was_held_once_cannot_be_deleted(hub: InventoryHub) -> None:
    unit = await hub.unit()
    await hub.reserve(unit.id)
    held = await refusal(hub.admin.DeleteItem(service.DeleteItemRequest(id=unit.id)))
    await hub.admin.ReleaseItem(service.ReleaseItemRequest(id=unit.id))
    freed = await refusal(hub.admin.DeleteItem(service.DeleteItemRequest(id=unit.id)))
    assert {held.code, freed.code} == {"FAILED_PRECONDITION"}
    assert freed.reason == "ITEM_HAS_HISTORY"


async def test_only_admins_delete(hub: InventoryHub) -> None:
    for role in ("WAREHOUSE_OP", "SALES_REP", "SYSTEM_BOT"):
        refused = await refusal(hub.caller(role).DeleteItem(service.DeleteItemRequest(id=1)))
        assert refused.code == "PERMISSION_DENIED"


async def test_audit_of_a_sku_shows_units_and_places(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=3, location="A")
    sold = await hub.unit(sku, location="B")
    await hub.admin.SellItem(service.SellItemRequest(id=sold.id))
    first = await hub.admin.AuditStock(service.AuditStockRequest(sku_or_serial=sku.lower(), page_size=3))
    places = {(place.location, item_pb2.Item.Status.Name(place.status), place.units) for place in first.places}
    assert places == {("A", "AVAILABLE", 3), ("B", "SOLD", 1)}
    assert (len(first.items), first.total_size) == (3, 4)
    rest = await hub.admin.AuditStock(
        service.AuditStockRequest(sku_or_serial=sku.lower(), page_size=3, page_token=first.next_page_token)
    )
    assert [item.id for item in rest.items] == [sold.id]


async def test_audit_of_a_serial_number_shows_its_unit(hub: InventoryHub) -> None:
    unit = await hub.unit(serial_number="AUD-9", location="A")
    found = await hub.admin.AuditStock(service.AuditStockRequest(sku_or_serial="aud-9"))
    assert [item.id for item in found.items] == [unit.id]
    assert (found.total_size, found.places[0].location) == (1, "A")


async def test_audit_counts_holds_that_ran_out_as_free(hub: InventoryHub) -> None:
    units = await hub.receive(count=3, location="A")
    other = await hub.unit(units[0].sku, location="B2")
    for unit in (units[0], units[1], other):
        await hub.reserve(unit.id)
    for unit in (units[0], other):
        await hub.pass_time(unit.id)
    found = await hub.admin.AuditStock(service.AuditStockRequest(sku_or_serial=units[0].sku))
    places = {(place.location, item_pb2.Item.Status.Name(place.status)): place.units for place in found.places}
    assert places == {("A", "AVAILABLE"): 2, ("A", "RESERVED"): 1, ("B2", "AVAILABLE"): 1}
    assert found.total_size == 4
