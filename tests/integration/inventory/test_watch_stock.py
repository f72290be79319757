"""The feed: nothing missed, nothing twice, however often a reader is cut off and in whatever order transactions commit."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator
from typing import Any

import asyncpg
import grpc
import pytest
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import item_pb2, movement_pb2

from tests.integration.inventory.harness import InventoryHub, new_sku, refusal


async def events(
    hub: InventoryHub, token: str = "", per_message: int = 0
) -> AsyncGenerator[service.WatchStockResponse, None]:
    """The feed from a token on."""
    request = service.WatchStockRequest(resume_token=token, changes_per_message=per_message)
    call = hub.caller("SYSTEM_BOT").WatchStock(request)
    try:
        async for event in call:
            yield event
    finally:
        call.cancel()


async def start_token(hub: InventoryHub) -> str:
    async with contextlib.aclosing(events(hub)) as feed:
        first = await anext(feed)
    assert first.WhichOneof("event") == "checkpoint"
    return first.resume_token


ALL = 10**9


async def read_until(
    hub: InventoryHub, token: str, wanted: int, most: int = ALL, per_message: int = 0
) -> tuple[list[Any], str]:
    """Changes behind the token until there are `wanted`, or `most` events have come; ALL are there when nothing more happens.

    And the last token.
    """
    changes: list[Any] = []
    async with contextlib.aclosing(events(hub, token, per_message)) as feed:
        seen = 0
        async for event in feed:
            token = event.resume_token
            if event.WhichOneof("event") == "change":
                changes.append(event.change)
            changes += event.changes.changes
            seen += 1
            idle = event.HasField("checkpoint") and seen > 1
            if len(changes) >= wanted or seen >= most or (idle and wanted == ALL):
                break
    return changes, token


async def ledger_ids(hub: InventoryHub, after: int) -> set[int]:
    return {row["id"] for row in await hub.rows("SELECT id FROM inventory.movement WHERE id > $1", after)}


async def last_ledger_id(hub: InventoryHub) -> int:
    return int((await hub.rows("SELECT coalesce(max(id), 0) AS id FROM inventory.movement"))[0]["id"])


async def test_change_tells_before_and_after(hub: InventoryHub) -> None:
    token = await start_token(hub)
    unit = await hub.unit(location="A")
    await hub.reserve(unit.id, order_reference="W-1")
    changes, _ = await read_until(hub, token, 2)
    received, held = changes
    assert (received.item_id, received.sku, received.location) == (unit.id, unit.sku, "A")
    assert received.before_status == item_pb2.Item.STATUS_UNSPECIFIED
    assert [item_pb2.Item.Status.Name(status) for status in (held.before_status, held.after_status)] == [
        "AVAILABLE",
        "RESERVED",
    ]
    assert (held.order_reference, movement_pb2.Movement.Action.Name(held.action)) == ("W-1", "RESERVE")
    free = await hub.admin.BatchGetAvailability(service.BatchGetAvailabilityRequest(skus=[unit.sku]))
    assert free.items[0].revision > held.revision


async def work(hub: InventoryHub, rounds: int, seed: int) -> None:
    """Random changes on a few units, by several callers at once."""
    dice = random.Random(seed)
    ids = [item.id for item in await hub.receive(count=5)]
    for _ in range(rounds):
        unit = dice.choice(ids)
        method, request = dice.choice(
            [
                ("ReserveItem", service.ReserveItemRequest(id=unit)),
                ("ReleaseItem", service.ReleaseItemRequest(id=unit)),
                ("MoveItem", service.MoveItemRequest(id=unit, location=f"L{dice.randrange(9)}")),
            ]
        )
        # What the unit's status forbids is refused, and no change.
        with contextlib.suppress(grpc.aio.AioRpcError):
            await getattr(hub.admin, method)(request)
    await hub.receive(count=1)


@pytest.mark.parametrize("per_message", [1, 3, 500])
async def test_reader_cut_off_at_random_misses_nothing_and_sees_nothing_twice(
    hub: InventoryHub, monkeypatch: pytest.MonkeyPatch, per_message: int
) -> None:
    monkeypatch.setattr("chassis.feed.CHECKPOINT_SECONDS", 0.2)
    dice = random.Random(4711)
    token, before = await start_token(hub), await last_ledger_id(hub)
    writers = [asyncio.create_task(work(hub, 40, seed)) for seed in range(6)]
    seen: list[int] = []
    while not all(writer.done() for writer in writers):
        changes, token = await read_until(hub, token, ALL, most=dice.randrange(1, 12), per_message=per_message)
        seen += [change.movement_id for change in changes]
    written = await ledger_ids(hub, before)
    changes, _ = await read_until(hub, token, len(written) - len(seen)) if len(written) > len(seen) else ([], "")
    seen += [change.movement_id for change in changes]
    assert len(seen) == len(set(seen))
    assert set(seen) == written


async def test_transactions_that_commit_out_of_order_are_all_seen(hub: InventoryHub) -> None:
    """One is held open with the lowest ids while others commit; it must not be skipped, and nothing may come twice."""
    token = await start_token(hub)
    unit = await hub.unit()
    slow = await asyncpg.connect(hub.admin_url)
    transaction = slow.transaction()
    await transaction.start()
    await slow.execute("INSERT INTO inventory.outbox (kind, key, payload) SELECT kind, key, payload FROM inventory.outbox "
                       "ORDER BY id DESC LIMIT 1")  # fmt: skip
    reader = asyncio.create_task(read_until(hub, token, 5))
    for number in range(3):
        await hub.admin.MoveItem(service.MoveItemRequest(id=unit.id, location=f"OUT-{number}"))
    await asyncio.sleep(0.3)
    assert not reader.done()
    await transaction.commit()
    await slow.close()
    changes, _ = await asyncio.wait_for(reader, 10)
    assert [change.location for change in changes] == ["", "", "OUT-0", "OUT-1", "OUT-2"]
    await hub.rows(
        "DELETE FROM inventory.outbox WHERE id = (SELECT max(id) FROM inventory.outbox WHERE key = $1 "
        "AND payload = (SELECT payload FROM inventory.outbox WHERE key = $1 ORDER BY id LIMIT 1))",
        str(unit.id),
    )


async def test_change_arrives_at_once(hub: InventoryHub) -> None:
    token = await start_token(hub)
    reader = asyncio.create_task(read_until(hub, token, 1))
    await asyncio.sleep(0.2)
    began = asyncio.get_running_loop().time()
    await hub.unit()
    await asyncio.wait_for(reader, 5)
    assert asyncio.get_running_loop().time() - began < 0.4


async def test_many_changes_come_in_one_message_where_that_is_asked_for(hub: InventoryHub) -> None:
    token = await start_token(hub)
    await hub.receive(count=7)
    async with contextlib.aclosing(events(hub, token, 5)) as feed:
        assert (await anext(feed)).HasField("checkpoint")
        messages = [await anext(feed), await anext(feed)]
    assert [len(message.changes.changes) for message in messages] == [5, 2]
    assert len((await read_until(hub, messages[0].resume_token, 2))[0]) == 2
    refused = await refusal(anext(events(hub, "", 501)))
    assert (refused.code, refused.fields) == ("INVALID_ARGUMENT", ("changes_per_message",))


async def test_many_readers_see_the_same(hub: InventoryHub) -> None:
    token = await start_token(hub)
    readers = [asyncio.create_task(read_until(hub, token, 20)) for _ in range(5)]
    await asyncio.gather(*(hub.receive(new_sku(), count=4) for _ in range(5)))
    answers = [[change.movement_id for change in (await reader)[0]] for reader in readers]
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("token", ["abc", "x" * 200, "ünï"])
async def test_foreign_token_is_out_of_range(hub: InventoryHub, token: str) -> None:
    refused = await refusal(anext(events(hub, token)))
    assert (refused.code, refused.reason) == ("OUT_OF_RANGE", "RESUME_TOKEN_EXPIRED")


async def test_trimmed_token_is_out_of_range(hub: InventoryHub) -> None:
    token = await start_token(hub)
    await hub.unit()
    await hub.rows("UPDATE inventory.outbox_state SET trimmed_transaction_id = 2 ^ 60")
    try:
        assert (await refusal(anext(events(hub, token)))).reason == "RESUME_TOKEN_EXPIRED"
    finally:
        await hub.rows("UPDATE inventory.outbox_state SET trimmed_transaction_id = 0")
