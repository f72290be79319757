"""Taking units into stock: by serial, by count, by the thousand; all or none; nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.type.money_pb2 import Money
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import item_pb2

from inventory_svc.queries.pages import COUNT_LIMIT
from inventory_svc.storage.receipts import _TAKEN
from tests.integration.inventory.harness import InventoryHub, dollars, new_sku, refusal


def creating(**fields: Any) -> service.CreateItemRequest:
    return service.CreateItemRequest(item=item_pb2.Item(**fields))


def messages(lines: list[service.ReceiptLine], size: int, **first: Any) -> Iterator[service.BatchReceiveItemsRequest]:
    """The stream of a batch receipt, cut into messages of that many lines."""
    for start in range(0, len(lines), size):
        fields = first if start == 0 else {}
        yield service.BatchReceiveItemsRequest(lines=lines[start : start + size], **fields)


async def test_created_unit_is_read_back(hub: InventoryHub) -> None:
    request = creating(
        sku=" t-77001 ", serial_number="  Ab-123 ", location=" A1-S2 ", unit_cost=dollars(12.5), notes="scratched"
    )
    made = await hub.caller("WAREHOUSE_OP").CreateItem(request)
    assert (made.variant_id, made.sku) == (77001, "T-77001")
    assert (made.serial_number, made.location, made.notes) == ("Ab-123", "A1-S2", "scratched")
    assert made.unit_cost == dollars(12.5)
    assert await hub.get(made.id) == made
    by_serial = await hub.admin.GetItem(service.GetItemRequest(serial_number=" aB-123"))
    assert by_serial == made


async def test_unit_is_created_by_variant_id(hub: InventoryHub) -> None:
    made = await hub.admin.CreateItem(creating(variant_id=77002))
    assert made.sku == "T-77002"
    assert not made.HasField("unit_cost")


async def test_serial_numbers_are_unique_whatever_their_case(hub: InventoryHub) -> None:
    await hub.unit(serial_number="Case-1")
    refused = await refusal(hub.unit(serial_number=" cASE-1 "))
    assert (refused.code, refused.reason) == ("ALREADY_EXISTS", "SERIAL_NUMBER_TAKEN")
    assert refused.metadata["serial_numbers"] == "Case-1"


async def test_same_serial_received_by_many_at_once_is_there_once(hub: InventoryHub) -> None:
    sku = new_sku()
    calls = [hub.unit(sku, serial_number="RACE-1") for _ in range(20)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(result, item_pb2.Item) for result in results) == 1
    assert {error.code().name for error in results if isinstance(error, grpc.aio.AioRpcError)} == {"ALREADY_EXISTS"}
    await hub.check_invariants()


async def test_unknown_sku_names_the_field(hub: InventoryHub) -> None:
    by_sku = await refusal(hub.admin.CreateItem(creating(sku="NO-SUCH")))
    by_id = await refusal(hub.admin.CreateItem(creating(variant_id=10**10)))
    in_lines = await refusal(
        hub.admin.BatchReceiveItems(messages([service.ReceiptLine(sku="T-1"), service.ReceiptLine(sku="NO")], 9))
    )
    assert (by_sku.code, by_sku.reason, by_sku.fields) == ("NOT_FOUND", "VARIANT_NOT_FOUND", ("item.sku",))
    assert (by_id.code, by_id.fields) == ("NOT_FOUND", ("item.variant_id",))
    assert (in_lines.code, in_lines.fields) == ("NOT_FOUND", ("lines[1].sku",))


async def test_known_variant_needs_no_catalog(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.unit(sku)
    hub.catalog.is_down = True
    try:
        await hub.unit(sku)
        refused = await refusal(hub.unit(new_sku()))
        assert refused.code == "UNAVAILABLE"
    finally:
        hub.catalog.is_down = False


async def test_count_makes_so_many_units_without_serials(hub: InventoryHub) -> None:
    items = await hub.receive(count=7, location="B2", unit_cost=dollars(3))
    assert len({item.id for item in items}) == 7
    assert {(item.serial_number, item.location) for item in items} == {("", "B2")}


async def test_serials_come_back_in_order(hub: InventoryHub) -> None:
    numbers = [f"ORD-{number}" for number in range(20, 0, -1)]
    request = service.ReceiveItemsRequest(sku=new_sku(), serial_numbers=numbers, count=20)
    items = (await hub.admin.ReceiveItems(request)).items
    assert [item.serial_number for item in items] == numbers
    assert sorted(item.id for item in items) == [item.id for item in items]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"serial_numbers": ["A-1", "B-1", "a-1 "]}, "serial_numbers[2]"),
        ({"serial_numbers": ["A-1"], "count": 2}, "count"),
        ({"serial_numbers": ["ok", "tab\tinside"]}, "serial_numbers[1]"),
        ({"serial_numbers": [" "]}, "serial_numbers[0]"),
        ({"serial_number": "ümlaut"}, "serial_number"),
        ({"serial_number": "x" * 65}, "serial_number"),
        ({"count": -1}, "count"),
        ({"count": 1001}, "count"),
        ({"location": "bell\x07"}, "location"),
        ({"location": "x" * 65}, "location"),
        ({"notes": "n" * 2001}, "notes"),
        ({"notes": "nul\0"}, "notes"),
        ({"unit_cost": Money(units=-1)}, "unit_cost"),
        ({"unit_cost": Money(nanos=-1)}, "unit_cost"),
        ({"unit_cost": Money(units=10**18)}, "unit_cost"),
        ({"unit_cost": Money(nanos=1)}, "unit_cost.nanos"),
        ({"unit_cost": Money(nanos=2 * 10**9)}, "unit_cost.nanos"),
        ({"unit_cost": Money(currency_code="usd")}, "unit_cost.currency_code"),
        ({"request_id": "r" * 65}, "request_id"),
        ({"variant_id": -5}, "variant_id"),
    ],
)
async def test_bad_receipt_names_its_field(hub: InventoryHub, fields: dict[str, Any], field: str) -> None:
    request = service.ReceiveItemsRequest(**{"sku": "T-5", **fields})
    refused = await refusal(hub.admin.ReceiveItems(request))
    assert refused.code == "INVALID_ARGUMENT"
    assert field in refused.fields


@pytest.mark.parametrize(
    "request_",
    [creating(), creating(sku="T-1", variant_id=1), service.CreateItemRequest()],
    ids=["neither", "both", "no item"],
)
async def test_unit_needs_exactly_one_variant(hub: InventoryHub, request_: service.CreateItemRequest) -> None:
    assert (await refusal(hub.admin.CreateItem(request_))).code == "INVALID_ARGUMENT"


async def test_cost_keeps_four_decimals_exactly(hub: InventoryHub) -> None:
    cost = Money(currency_code="EUR", units=9_999_999_999, nanos=999_900_000)
    assert (await hub.unit(unit_cost=cost)).unit_cost == cost


async def test_batch_takes_lines_of_all_messages(hub: InventoryHub) -> None:
    first, second = new_sku(), new_sku()
    lines = [service.ReceiptLine(sku=first, serial_number=f"BATCH-{number}", location="C1") for number in range(250)]
    lines.append(service.ReceiptLine(variant_id=int(second[2:]), count=50, unit_cost=dollars(1.25)))
    sent = messages(lines, 40, request_id="batch-1", reason="delivery", order_reference="PO-7")
    answer = await hub.caller("WAREHOUSE_OP").BatchReceiveItems(sent)
    assert (answer.received_units, len(set(answer.item_ids))) == (300, 300)
    assert (await hub.get(answer.item_ids[249])).serial_number == "BATCH-249"
    history = await hub.admin.ListMovements(service.ListMovementsRequest(item_id=answer.item_ids[0]))
    assert (history.items[0].reason, history.items[0].order_reference) == ("delivery", "PO-7")
    await hub.check_invariants()


async def test_batch_is_all_or_none(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.unit(sku, serial_number="STANDS-1")
    lines = [service.ReceiptLine(sku=sku, serial_number=f"NEW-{number}") for number in range(60)]
    lines.append(service.ReceiptLine(sku=sku, serial_number="stands-1"))
    refused = await refusal(hub.admin.BatchReceiveItems(messages(lines, 10)))
    assert (refused.code, refused.metadata["serial_numbers"]) == ("ALREADY_EXISTS", "STANDS-1")
    counts = await hub.admin.GetStockSummary(service.GetStockSummaryRequest(sku=sku))
    assert counts.total_units == 1


async def test_batch_repeated_with_its_request_id_receives_once(hub: InventoryHub) -> None:
    sku = new_sku()
    lines = [service.ReceiptLine(sku=sku, count=3), service.ReceiptLine(sku=sku)]
    first = await hub.admin.BatchReceiveItems(messages(lines, 1, request_id="batch-twice"))
    # The same lines in other messages are the same receipt.
    again = await hub.admin.BatchReceiveItems(messages(lines, 2, request_id="batch-twice"))
    assert first == again
    other = await refusal(hub.admin.BatchReceiveItems(messages(lines[:1], 2, request_id="batch-twice")))
    assert (other.code, other.reason) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ([], "lines"),
        ([service.ReceiptLine(sku="T-1", count=100_000), service.ReceiptLine(sku="T-1")], "lines"),
        ([service.ReceiptLine(sku="T-1", serial_number="S", count=2)], "lines[0].count"),
        ([service.ReceiptLine(sku="T-1"), service.ReceiptLine(sku="T-1", unit_cost=Money(units=-1))], "lines[1].unit_cost"),
        ([service.ReceiptLine(sku="T-1", serial_number="D"), service.ReceiptLine(sku="T-1", serial_number="d")],
         "lines[1].serial_number"),
    ],
)  # fmt: skip
async def test_bad_batch_names_its_line(hub: InventoryHub, lines: list[service.ReceiptLine], field: str) -> None:
    refused = await refusal(hub.admin.BatchReceiveItems(messages(lines, 100)))
    assert refused.code == "INVALID_ARGUMENT"
    assert field in refused.fields


async def test_batch_of_a_hundred_thousand_units(hub: InventoryHub) -> None:
    skus = [new_sku() for _ in range(50)]
    lines = [service.ReceiptLine(sku=skus[number % 50], serial_number=f"HT-{number}") for number in range(100_000)]
    answer = await hub.admin.BatchReceiveItems(messages(lines, 2_000))
    assert answer.received_units == 100_000
    counts = await hub.admin.GetStockSummary(service.GetStockSummaryRequest(sku=skus[7]))
    assert counts.available_units == 2_000
    page = await hub.admin.ListItems(service.ListItemsRequest(serial_prefix="ht-", page_size=1000))
    assert len(page.items) == 1000
    assert page.total_size > COUNT_LIMIT


@pytest.mark.parametrize("role", ["SALES_REP", "SYSTEM_BOT"])
async def test_only_warehouse_and_admins_receive(hub: InventoryHub, role: str) -> None:
    caller = hub.caller(role)
    for call in (
        caller.CreateItem(creating(sku="T-1")),
        caller.ReceiveItems(service.ReceiveItemsRequest(sku="T-1")),
        caller.BatchReceiveItems(messages([service.ReceiptLine(sku="T-1")], 1)),
        caller.MoveItem(service.MoveItemRequest(id=1, location="X")),
    ):
        assert (await refusal(call)).code == "PERMISSION_DENIED"


async def test_taken_serial_numbers_are_not_searched_for_among_all_units(hub: InventoryHub) -> None:
    """Nearly always none is taken, so whoever walks the units in their order looks at each of them."""
    for start in range(0, 3_000, 1_000):
        await hub.receive(serial_numbers=[f"WALK-{number}" for number in range(start, start + 1_000)], count=0)
    await hub.rows("VACUUM (ANALYZE) inventory.item")
    keys = [f"NEW-{number}" for number in range(500)]
    plan = await hub.rows(f"EXPLAIN {_TAKEN.sql}", keys)
    assert "pk_item" not in "\n".join(row[0] for row in plan)
