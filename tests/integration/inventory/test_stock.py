"""Counts, availability and value."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.type.money_pb2 import Money
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import item_pb2

from tests.integration.inventory.harness import InventoryHub, dollars, new_sku, refusal


async def test_summary_counts_by_status(hub: InventoryHub) -> None:
    sku = new_sku()
    units = await hub.receive(sku, count=5)
    await hub.reserve(units[0].id)
    await hub.admin.SellItem(service.SellItemRequest(id=units[1].id))
    for request in (
        service.GetStockSummaryRequest(sku=sku),
        service.GetStockSummaryRequest(variant_id=units[0].variant_id),
    ):
        counts = await hub.caller("WAREHOUSE_OP").GetStockSummary(request)
        assert (counts.available_units, counts.reserved_units, counts.sold_units) == (3, 1, 1)
        assert (counts.on_hand_units, counts.total_units, counts.sku) == (4, 5, sku)


async def test_summary_of_a_variant_without_units_is_zero_and_of_none_not_found(hub: InventoryHub) -> None:
    counts = await hub.admin.GetStockSummary(service.GetStockSummaryRequest(sku=new_sku()))
    assert counts.total_units == 0
    refused = await refusal(hub.admin.GetStockSummary(service.GetStockSummaryRequest(sku="NONE")))
    assert (refused.code, refused.reason) == ("NOT_FOUND", "VARIANT_NOT_FOUND")
    assert (await refusal(hub.admin.GetStockSummary(service.GetStockSummaryRequest()))).code == "INVALID_ARGUMENT"


async def test_availability_tells_many_variants_in_order(hub: InventoryHub) -> None:
    skus = [new_sku() for _ in range(5)]
    for count, sku in enumerate(skus[:4], start=1):
        await hub.receive(sku, count=count)
    first = (await hub.admin.ListItems(service.ListItemsRequest(sku=skus[3]))).items[0]
    await hub.reserve(first.id)
    asked = service.BatchGetAvailabilityRequest(variant_ids=[first.variant_id], skus=[*skus, "NONE", skus[3]])
    answer = await hub.admin.BatchGetAvailability(asked)
    assert [(item.sku, item.free_units) for item in answer.items] == [
        (skus[3], 3), (skus[0], 1), (skus[1], 2), (skus[2], 3), (skus[4], 0)
    ]  # fmt: skip


async def test_revision_never_falls_and_includes_what_it_says(hub: InventoryHub) -> None:
    sku = new_sku()
    await hub.receive(sku, count=30)
    last, free = 0, 31
    ids = [item.id for item in (await hub.admin.ListItems(service.ListItemsRequest(sku=sku))).items]
    reserving = [asyncio.create_task(hub.reserve(item_id)) for item_id in ids]
    while free:
        answer = await hub.admin.BatchGetAvailability(service.BatchGetAvailabilityRequest(skus=[sku]))
        reading = answer.items[0]
        assert reading.revision >= last
        assert reading.free_units <= free
        last, free = reading.revision, reading.free_units
    await asyncio.gather(*reserving)


async def test_availability_of_too_many_is_refused(hub: InventoryHub) -> None:
    request = service.BatchGetAvailabilityRequest(variant_ids=range(1, 900), skus=["T-1"] * 200)
    assert (await refusal(hub.admin.BatchGetAvailability(request))).fields == ("variant_ids",)


def parts(found: Any, key: str) -> dict[Any, tuple[int, list[Money]]]:
    return {getattr(part, key): (part.units, list(part.values)) for part in found}


async def test_value_is_exact_and_leaves_out_what_is_gone(hub: InventoryHub) -> None:
    first, second = "T-500098", "T-500099"
    await hub.receive(first, count=3, location="VALUE-1", unit_cost=Money(currency_code="USD", nanos=100_000_000))
    await hub.receive(first, count=1, location="VALUE-1")
    euros = await hub.receive(second, count=2, location="VALUE-2", unit_cost=Money(currency_code="EUR", units=7))
    sold = await hub.unit(second, location="VALUE-2", unit_cost=dollars(1000))
    await hub.admin.SellItem(service.SellItemRequest(id=sold.id))
    await hub.reserve(euros[0].id)
    value = await hub.admin.GetStockValue(service.GetStockValueRequest())
    by_location = parts(value.by_location, "location")
    assert by_location["VALUE-1"] == (4, [Money(currency_code="USD", nanos=300_000_000)])
    assert by_location["VALUE-2"] == (2, [Money(currency_code="EUR", units=14)])
    by_family = parts(value.by_family, "product_id")
    assert by_family[98] == (4, [Money(currency_code="USD", nanos=300_000_000)])
    assert by_family[99] == (2, [Money(currency_code="EUR", units=14)])
    assert next(part for part in value.by_location if part.location == "VALUE-1").units_without_cost == 1
    assert {part.status for part in value.by_status} <= {item_pb2.Item.AVAILABLE, item_pb2.Item.RESERVED}
    assert sum(part.units for part in value.by_status) == value.total.units


@pytest.mark.parametrize(
    ("fields", "units"),
    [
        ({"location": "VF-1"}, 2),
        ({"location": "VF-1", "status": "RESERVED"}, 1),
        ({"location": "VF-1", "status": "SOLD"}, 0),
        ({"location": "VF-1", "product_id": 77}, 2),
        ({"location": "VF-1", "product_id": 0}, 0),
    ],
)
async def test_value_is_filtered(hub: InventoryHub, fields: dict[str, Any], units: int) -> None:
    if not (await hub.admin.ListItems(service.ListItemsRequest(location="VF-1"))).items:
        received = await hub.receive("T-600077", count=2, location="VF-1", unit_cost=dollars(1))
        await hub.reserve(received[0].id)
    value = await hub.admin.GetStockValue(service.GetStockValueRequest(**fields))
    assert value.total.units == units


async def test_value_is_for_admins(hub: InventoryHub) -> None:
    for role in ("WAREHOUSE_OP", "SALES_REP", "SYSTEM_BOT"):
        refused = await refusal(hub.caller(role).GetStockValue(service.GetStockValueRequest()))
        assert refused.code == "PERMISSION_DENIED"
