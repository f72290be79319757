"""The feed of some units only, and behind a snapshot: what is read and what follows have no gap between them."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from usav.inventory.v1 import after_sale_pb2, item_pb2
from usav.inventory.v1 import inventory_service_pb2 as service

from tests.integration.inventory.harness import InventoryHub, new_sku, refusal


async def events(hub: InventoryHub, **fields: Any) -> AsyncGenerator[service.WatchStockResponse, None]:
    """The feed as asked for."""
    call = hub.caller("SYSTEM_BOT").WatchStock(service.WatchStockRequest(**fields))
    try:
        async for event in call:
            yield event
    finally:
        call.cancel()


async def changes(hub: InventoryHub, wanted: int, **fields: Any) -> list[Any]:
    """So many changes of the feed, and no more than those within a moment."""
    found: list[Any] = []
    async with contextlib.aclosing(events(hub, **fields)) as feed:
        with contextlib.suppress(TimeoutError):
            while True:
                event = await asyncio.wait_for(anext(feed), 2 if len(found) < wanted else 0.3)
                if event.HasField("change"):
                    found.append(event.change)
    assert len(found) == wanted
    return found


async def start_token(hub: InventoryHub) -> str:
    async with contextlib.aclosing(events(hub)) as feed:
        return (await anext(feed)).resume_token


async def test_only_the_variants_asked_for_are_told(hub: InventoryHub) -> None:
    token = await start_token(hub)
    wanted, other = await hub.unit(), await hub.unit()
    await hub.reserve(other.id)
    await hub.reserve(wanted.id)
    found = await changes(hub, 2, resume_token=token, variant_ids=[wanted.variant_id])
    assert {change.item_id for change in found} == {wanted.id}


async def test_reader_whom_nothing_concerns_is_carried_on(hub: InventoryHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else his token would grow old while the others' changes go by, and be refused as too old one day."""
    monkeypatch.setattr("inventory_svc.servicers.watching.CHECKPOINT_SECONDS", 0.0)
    wanted = await hub.unit()
    async with contextlib.aclosing(events(hub, variant_ids=[wanted.variant_id])) as feed:
        first = await anext(feed)
        other = await hub.unit()
        second = await asyncio.wait_for(anext(feed), 5)
    assert [event.WhichOneof("event") for event in (first, second)] == ["checkpoint", "checkpoint"]
    assert await changes(hub, 0, resume_token=second.resume_token, variant_ids=[other.variant_id]) == []


async def test_unit_that_becomes_another_variant_is_told_to_both(hub: InventoryHub) -> None:
    sku = new_sku()
    unit, graded = await hub.unit(f"{sku}-N"), await hub.unit(sku)
    await hub.admin.SellItem(service.SellItemRequest(id=unit.id))
    await hub.admin.ReturnItem(after_sale_pb2.ReturnItemRequest(id=unit.id, reason="scratched"))
    token = await start_token(hub)
    await hub.admin.RestockItem(after_sale_pb2.RestockItemRequest(id=unit.id, sku=sku))
    for variant_id in (unit.variant_id, graded.variant_id):
        (change,) = await changes(hub, 1, resume_token=token, variant_ids=[variant_id])
        assert change.variant_id == graded.variant_id


async def test_units_that_come_to_or_leave_a_place_are_told(hub: InventoryHub) -> None:
    unit, elsewhere = await hub.unit(location="L1"), await hub.unit(location="A")
    token = await start_token(hub)
    for location in ("L2", "A"):
        await hub.admin.MoveItem(service.MoveItemRequest(id=unit.id, location=location))
        await hub.admin.MoveItem(service.MoveItemRequest(id=elsewhere.id, location="VALUE-1"))
        await hub.admin.MoveItem(service.MoveItemRequest(id=elsewhere.id, location="A"))
    found = await changes(hub, 2, resume_token=token, location_prefix="L")
    assert [(change.item_id, change.location) for change in found] == [(unit.id, "L2"), (unit.id, "A")]


async def test_snapshot_and_what_follows_end_in_the_present_state(hub: InventoryHub) -> None:
    units = await hub.receive(count=60)
    variant_id, dice = units[0].variant_id, random.Random(3)
    done = asyncio.Event()

    async def disturb() -> None:
        for unit in dice.sample(units, 40):
            await hub.reserve(unit.id)
        done.set()

    state: dict[int, int] = {}
    async with contextlib.aclosing(events(hub, snapshot=True, variant_ids=[variant_id])) as feed:
        disturbing = asyncio.create_task(disturb())
        kinds = []
        with contextlib.suppress(TimeoutError):
            while True:
                event = await asyncio.wait_for(anext(feed), 0.5 if done.is_set() else 5)
                kinds.append(event.WhichOneof("event"))
                if event.HasField("item"):
                    state[event.item.id] = event.item.status
                    assert event.resume_token == ""
                elif event.HasField("change"):
                    state[event.change.item_id] = event.change.after_status
        await disturbing
    assert kinds[:61] == ["item"] * 60 + ["checkpoint"]
    present = {unit.id: (await hub.get(unit.id)).status for unit in units}
    assert state == present
    assert sum(status == item_pb2.Item.RESERVED for status in state.values()) == 40


async def test_snapshot_with_a_token_is_refused(hub: InventoryHub) -> None:
    call = hub.admin.WatchStock(service.WatchStockRequest(snapshot=True, resume_token="x"))
    assert (await refusal(anext(aiter(call)))).fields == ("snapshot",)
