"""The same request has one effect and one answer, however often and however much at once it is sent."""

from __future__ import annotations

import asyncio

import pytest
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import item_pb2

from chassis.errors import Unavailable
from chassis.idempotency import StoredAnswers
from tests.integration.inventory.harness import InventoryHub, new_sku, refusal


async def test_a_hundred_repeats_one_after_another(hub: InventoryHub) -> None:
    unit = await hub.unit()
    request = service.ReserveItemRequest(id=unit.id, request_id="hundred")
    answers = [await hub.admin.ReserveItem(request) for _ in range(100)]
    assert all(answer == answers[0] for answer in answers)
    assert await hub.actions(unit.id) == ["RECEIVE", "RESERVE"]


async def test_fifty_repeats_at_once(hub: InventoryHub) -> None:
    sku = new_sku()
    request = service.ReceiveItemsRequest(sku=sku, count=2, request_id="fifty")
    answers = await asyncio.gather(*(hub.admin.ReceiveItems(request) for _ in range(50)))
    assert all(answer == answers[0] for answer in answers)
    counts = await hub.admin.GetStockSummary(service.GetStockSummaryRequest(sku=sku))
    assert counts.total_units == 2


async def test_repeat_after_later_changes_gives_the_first_answer(hub: InventoryHub) -> None:
    unit = await hub.unit()
    request = service.ReserveItemRequest(id=unit.id, request_id="early")
    first = await hub.admin.ReserveItem(request)
    await hub.admin.SellItem(service.SellItemRequest(id=unit.id))
    assert await hub.admin.ReserveItem(request) == first


async def test_same_id_with_another_body_is_refused(hub: InventoryHub) -> None:
    first, second = await hub.receive(count=2)
    await hub.admin.ReserveItem(service.ReserveItemRequest(id=first.id, request_id="body"))
    refused = await refusal(hub.admin.ReserveItem(service.ReserveItemRequest(id=second.id, request_id="body")))
    assert (refused.code, refused.reason, refused.fields) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED", ("request_id",))
    assert await hub.status(second.id) == "AVAILABLE"


async def test_id_of_a_refused_request_may_be_used_again(hub: InventoryHub) -> None:
    unit = await hub.unit()
    await hub.reserve(unit.id)
    request = service.ReserveItemRequest(id=unit.id, request_id="later")
    assert (await refusal(hub.admin.ReserveItem(request))).code == "FAILED_PRECONDITION"
    await hub.admin.ReleaseItem(service.ReleaseItemRequest(id=unit.id))
    held = await hub.admin.ReserveItem(request)
    assert item_pb2.Item.Status.Name(held.status) == "RESERVED"


async def test_ids_of_different_callers_and_methods_are_apart(hub: InventoryHub) -> None:
    units = await hub.receive(count=3)
    ann, bob = hub.caller("SALES_REP:ann"), hub.caller("SALES_REP:bob")
    held = await ann.ReserveItem(service.ReserveItemRequest(id=units[0].id, request_id="apart"))
    other = await bob.ReserveItem(service.ReserveItemRequest(id=units[1].id, request_id="apart"))
    sold = await ann.SellItem(service.SellItemRequest(id=units[2].id, request_id="apart"))
    assert [held.id, other.id, sold.id] == [item.id for item in units]


async def test_every_single_change_repeats_safely(hub: InventoryHub) -> None:
    unit = await hub.unit(location="A")
    changes = [
        ("MoveItem", service.MoveItemRequest(id=unit.id, location="B", request_id="m")),
        ("UpdateItem", service.UpdateItemRequest(item=item_pb2.Item(id=unit.id, notes="n"), request_id="u")),
        ("DeleteItem", service.DeleteItemRequest(id=unit.id, request_id="d")),
    ]
    for method, request in changes:
        first = await getattr(hub.admin, method)(request)
        assert await getattr(hub.admin, method)(request) == first
    assert await hub.actions(unit.id) == ["RECEIVE", "MOVE", "EDIT", "DELETE"]


async def test_late_repeat_does_nothing_to_a_unit_that_is_in_reach_again(hub: InventoryHub) -> None:
    unit = await hub.unit()
    reserve = service.ReserveItemRequest(id=unit.id, request_id="late-reserve")
    release = service.ReleaseItemRequest(id=unit.id, request_id="late-release")
    held = await hub.admin.ReserveItem(reserve)
    freed = await hub.admin.ReleaseItem(release)
    assert await hub.admin.ReserveItem(reserve) == held
    assert await hub.status(unit.id) == "AVAILABLE"
    await hub.reserve(unit.id)
    assert await hub.admin.ReleaseItem(release) == freed
    assert await hub.status(unit.id) == "RESERVED"


async def test_one_id_for_many_units_at_once_changes_one_of_them(hub: InventoryHub) -> None:
    units = await hub.receive(count=20)
    requests = [service.SellItemRequest(id=unit.id, request_id="greedy") for unit in units for _ in range(2)]
    outcomes = await asyncio.gather(*(hub.admin.SellItem(request) for request in requests), return_exceptions=True)
    sold = [outcome for outcome in outcomes if isinstance(outcome, item_pb2.Item)]
    assert len({item.id for item in sold}) == 1
    assert [await hub.status(unit.id) for unit in units].count("SOLD") == 1


async def test_two_replicas_given_the_same_requests_carry_each_out_once(hub: InventoryHub) -> None:
    other = await InventoryHub.start(hub.admin_url)
    try:
        units = await hub.receive(count=30)
        reserves = [service.ReserveItemRequest(id=unit.id, request_id=f"twice-{unit.id}") for unit in units]
        sales = [service.SellItemRequest(id=unit.id, request_id=f"twice-{unit.id}") for unit in units]
        for method, requests in (("ReserveItem", reserves), ("SellItem", sales)):
            here, there = (
                asyncio.gather(*(getattr(each.admin, method)(request) for request in requests)) for each in (hub, other)
            )
            assert await here == await there
        assert all([await hub.actions(unit.id) == ["RECEIVE", "RESERVE", "SELL"] for unit in units])
    finally:
        await other.stop()


async def test_a_change_whose_answer_cannot_be_stored_does_not_happen(
    hub: InventoryHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise Unavailable("no room")

    unit = await hub.unit()
    request = service.ReserveItemRequest(id=unit.id, request_id="atomic")
    with monkeypatch.context() as broken:
        broken.setattr(StoredAnswers, "keep", fails)
        assert (await refusal(hub.admin.ReserveItem(request))).code == "UNAVAILABLE"
    assert await hub.actions(unit.id) == ["RECEIVE"]
    held = await hub.admin.ReserveItem(request)
    assert await hub.admin.ReserveItem(request) == held
