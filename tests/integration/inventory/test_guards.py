"""The guarded statements by themselves: whatever a caller read before, a unit that is not so any more is left alone."""

from __future__ import annotations

from datetime import timedelta

from usav.inventory.v1 import inventory_service_pb2 as service

from inventory_svc.domain.ledger import Cause
from inventory_svc.storage import unit_changes
from inventory_svc.storage.item_rows import get_many
from inventory_svc.storage.session import PoolSession
from tests.integration.inventory.harness import InventoryHub


def cause(order_reference: str = "") -> Cause:
    return Cause("1", "maria", "ADMIN", "a-request", order_reference=order_reference)


def session_of(hub: InventoryHub) -> PoolSession:
    return PoolSession(hub.running.service.db)


async def test_hold_that_lasts_is_not_tidied_away(hub: InventoryHub) -> None:
    unit = await hub.unit()
    await hub.reserve(unit.id)
    assert await unit_changes.expire(session_of(hub), [unit.id], cause()) == []
    assert await hub.status(unit.id) == "RESERVED"


async def test_hold_that_ran_out_cannot_be_extended_or_released(hub: InventoryHub) -> None:
    unit = await hub.unit()
    await hub.reserve(unit.id)
    await hub.pass_time(unit.id)
    session = session_of(hub)
    assert await unit_changes.extend(session, [unit.id], timedelta(hours=1), cause()) == []
    assert await unit_changes.release(session, [unit.id], cause()) == []


async def test_sale_under_another_order_is_not_cancelled(hub: InventoryHub) -> None:
    unit = await hub.unit()
    await hub.admin.SellItem(service.SellItemRequest(id=unit.id, order_reference="ITS-OWN"))
    assert await unit_changes.cancel_sales(session_of(hub), [unit.id], cause("ANOTHER")) == []
    assert await hub.status(unit.id) == "SOLD"
    assert await unit_changes.cancel_sales(session_of(hub), [unit.id], cause("ITS-OWN")) != []


async def test_edit_of_a_unit_that_changed_meanwhile_does_nothing(hub: InventoryHub) -> None:
    unit = await hub.unit()
    read = (await get_many(session_of(hub), [unit.id]))[unit.id]
    await hub.admin.MoveItem(service.MoveItemRequest(id=unit.id, location="A"))
    edit = unit_changes.Edit(unit.id, read.version, "", "late", None, "", cause())
    assert await unit_changes.edit(session_of(hub), edit) == []
    assert (await hub.get(unit.id)).location == "A"
