"""Every rpc that changes something has one effect and one answer per request id, however often and however much at once."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from usav.inventory.v1 import inventory_service_pb2 as service

from tests.integration.inventory.changes import SCENES, altered, call, changing_rpcs
from tests.integration.inventory.harness import InventoryHub, refusal

_READING = ("Get", "List", "BatchGet", "Audit", "Verify", "Watch")
_TABLES = (
    "item", "reservation", "movement", "outbox", "allocation_line", "allocation_component", "location", "stock_count",
    "count_location", "count_scan", "count_difference", "transfer", "transfer_unit",
)  # fmt: skip
_MORE = {
    "versions": "SELECT sum(version) FROM inventory.item",
    "edits": "SELECT sum(version) FROM inventory.location",
    "settled": "SELECT count(*) FROM inventory.stock_count WHERE state <> 'OPEN'",
}
_STATE = "SELECT " + ", ".join(
    [f"(SELECT count(*) FROM inventory.{table}) AS {table}" for table in _TABLES]
    + [f"({query}) AS {name}" for name, query in _MORE.items()]
)
every_change = pytest.mark.parametrize("method", sorted(SCENES))


async def state(hub: InventoryHub) -> dict[str, int]:
    """How much there is of everything."""
    return {name: int(value or 0) for name, value in (await hub.rows(_STATE))[0].items()}


async def effect(hub: InventoryHub, method: str, request: Any, times: int) -> tuple[list[Any], dict[str, int]]:
    """The answers of so many calls at once, and how much more there is of everything after them."""
    before = await state(hub)
    answers = list(await asyncio.gather(*(call(hub, method, request) for _ in range(times))))
    after = await state(hub)
    return answers, {name: after[name] - before[name] for name in after}


async def request_of(hub: InventoryHub, method: str) -> Any:
    request: Any = await SCENES[method](hub)
    request.request_id = uuid.uuid4().hex
    return request


def test_every_rpc_that_changes_something_takes_a_request_id() -> None:
    methods = {method.name for method in service.DESCRIPTOR.services_by_name["InventoryService"].methods}
    assert {name for name in methods if not name.startswith(_READING)} == changing_rpcs() == set(SCENES)


@every_change
async def test_a_hundred_repeats_and_fifty_at_once_are_one_change(hub: InventoryHub, method: str) -> None:
    single = await request_of(hub, method)
    (answer,), once = await effect(hub, method, single, 1)
    assert any(once.values())
    before = await state(hub)
    for _ in range(99):
        assert await call(hub, method, single) == answer
    assert await state(hub) == before

    answers, together = await effect(hub, method, await request_of(hub, method), 50)
    assert all(each == answers[0] for each in answers)
    assert together == once


@every_change
async def test_same_id_with_another_body_is_refused(hub: InventoryHub, method: str) -> None:
    request = await request_of(hub, method)
    await call(hub, method, request)
    before = await state(hub)
    refused = await refusal(call(hub, method, altered(request)))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")
    assert await state(hub) == before
