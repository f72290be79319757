"""Lists of units page by page, in the order each has: every unit once, whatever the filters and however few match."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import item_pb2

from inventory_svc.queries import items, pages
from tests.integration.inventory.harness import InventoryHub, moment, new_sku


async def every(hub: InventoryHub, size: int, **filters: Any) -> tuple[list[item_pb2.Item], int]:
    """All pages, and the total that was told."""
    found: list[item_pb2.Item] = []
    token, total = "", -1
    while True:
        request = service.ListItemsRequest(page_size=size, page_token=token, **filters)
        answer = await hub.admin.ListItems(request)
        found += answer.items
        assert total in (-1, answer.total_size)
        total, token = answer.total_size, answer.next_page_token
        if not token:
            return found, total


@pytest.fixture(params=[0, 2_000], ids=["walked", "gathered"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    pages._page.cache_clear()
    monkeypatch.setattr(pages, "_FEW", request.param)


async def test_a_prefix_comes_by_serial_number(hub: InventoryHub, way: None) -> None:
    sku, start = new_sku(), f"ord{id(way)}{new_sku()}"
    for endings in (("c", "A-2", "b!"), ("A-1", "Zz", "a")):
        await hub.receive(sku, serial_numbers=[f"{start}{ending}" for ending in endings], count=0)
    await hub.receive(sku, serial_numbers=[f"x{start}"], count=0)
    found, total = await every(hub, 2, serial_prefix=start.lower())
    numbers = [item.serial_number for item in found]
    assert numbers == sorted(numbers, key=str.upper)
    assert (len(set(numbers)), total) == (6, 6)


async def test_a_time_of_receipt_gives_the_order_of_receipt(hub: InventoryHub, way: None) -> None:
    sku = new_sku()
    units = [unit for count in (3, 1, 4, 2) for unit in await hub.receive(sku, count=count)]
    begin, last = units[3].receive_time, units[-1].receive_time
    found, total = await every(hub, 2, sku=sku, received_after=begin)
    assert [item.id for item in found] == [unit.id for unit in units[3:]]
    assert total == 7
    until, _ = await every(hub, 2, sku=sku, received_before=last)
    assert [item.id for item in until] == [unit.id for unit in units[:8]]
    both, _ = await every(hub, 1, received_after=begin, received_before=last, sku=sku, status="AVAILABLE")
    assert [item.id for item in both] == [unit.id for unit in units[3:8]]
    assert all(moment(begin) <= moment(item.receive_time) < moment(last) for item in both)


async def test_every_status_of_a_variant_at_a_place_by_id(hub: InventoryHub, way: None) -> None:
    sku = new_sku()
    units = await hub.receive(sku, count=9, location="Q7")
    for unit in units[::3]:
        await hub.reserve(unit.id)
    for unit in units[1::3]:
        await hub.admin.SellItem(service.SellItemRequest(id=unit.id))
    await hub.pass_time(units[0].id)
    found, total = await every(hub, 2, sku=sku, location="Q7")
    assert ([item.id for item in found], total) == ([unit.id for unit in units], 9)
    free, count = await every(hub, 2, sku=sku, status="AVAILABLE")
    assert ([item.id for item in free], count) == ([unit.id for unit in (units[0], *units[2::3])], 4)


async def test_totals_without_counting_agree_with_counting(hub: InventoryHub) -> None:
    sku = new_sku()
    units = await hub.receive(sku, count=4)
    await hub.reserve(units[0].id)
    await hub.pass_time(units[0].id)
    await hub.admin.DeleteItem(service.DeleteItemRequest(id=units[1].id))
    counted = (
        await hub.rows(
            "SELECT count(*) AS every, count(*) FILTER (WHERE status = 'AVAILABLE'"
            " OR (status = 'RESERVED' AND reserved_until <= now())) AS free FROM inventory.item WHERE deleted_at IS NULL"
        )
    )[0]
    assert (await every(hub, 1000))[1] == counted["every"]
    assert (await every(hub, 1000, status="AVAILABLE"))[1] == counted["free"]
    assert (await every(hub, 1000, sku=sku))[1] == 3
    assert (await every(hub, 1000, variant_id=units[0].variant_id, sku=sku, status="AVAILABLE"))[1] == 3
    assert (await every(hub, 1000, variant_id=units[0].variant_id + 1, sku=sku))[1] == 0
    assert (await every(hub, 1000, sku="NO-SUCH-SKU"))[1] == 0


@pytest.mark.parametrize("filters", [{"serial_prefix": "WIDE-"}, {"location": "VF-1"}])
async def test_counting_a_wide_filter_reads_no_more_than_it_counts(hub: InventoryHub, filters: dict[str, Any]) -> None:
    if not await hub.rows("SELECT 1 FROM inventory.item WHERE serial_number = 'WIDE-0'"):
        for start in range(0, 3_000, 1_000):
            numbers = [f"WIDE-{number}" for number in range(start, start + 1_000)]
            await hub.receive(serial_numbers=numbers, count=0, location="VF-1")
        await hub.rows("VACUUM (ANALYZE) inventory.item")
    asked = items._filters(items.ItemFilter(**filters))
    statement = pages._count(asked.table, (asked.counted,) if asked.counted else asked.unordered())
    plan = await hub.rows(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.sql}", *statement.arguments(dict(asked.parameters))
    )
    assert max(_rows_read(json.loads(plan[0][0])[0]["Plan"])) == pages.COUNT_LIMIT + 1
    answer = await hub.admin.ListItems(service.ListItemsRequest(**filters))
    assert answer.total_size > pages.COUNT_LIMIT


def _rows_read(node: dict[str, Any]) -> Iterator[float]:
    yield node["Actual Rows"]
    for below in node.get("Plans", ()):
        yield from _rows_read(below)
