"""Shipping units to another warehouse, and taking them in there. On the way they are nobody's to sell."""

from __future__ import annotations

from collections.abc import Sequence

from inventory_svc.domain.errors import TransferNotFound, WarehouseDiffers
from inventory_svc.domain.item import Action, Item, check
from inventory_svc.domain.ledger import Cause
from inventory_svc.domain.scope import Warehouses, check_warehouse
from inventory_svc.domain.transfer import Transfer, check_arrival
from inventory_svc.operations.batches import Units, change_batch
from inventory_svc.operations.locations import known_location
from inventory_svc.operations.scope import check_transfer
from inventory_svc.storage import transfers
from inventory_svc.storage.session import Session


async def ship_units(session: Session, units: Units, to_warehouse: str, note: str, cause: Cause) -> int:
    """The id of the new transfer. In a transaction: all or none.

    Raises WarehouseDiffers, BatchTooLarge, ItemNotFound, StatusForbids, OutsideWarehouses, UnitContended. A
    repeat without a request id is refused.
    """
    if not await transfers.is_in_warehouse(session, to_warehouse):
        raise WarehouseDiffers.of(to_warehouse, "to_warehouse")
    transfer_id = await transfers.insert(session, to_warehouse, note, cause.actor_name)

    async def attempt(ids: Sequence[int]) -> list[Item]:
        return await transfers.ship(session, ids, transfer_id, cause)

    shipped = await change_batch(session, units, cause, attempt, lambda item: check(item, Action.SHIP))
    await transfers.record_units(session, [result.item_id for result in shipped])
    return transfer_id


async def get_transfer(session: Session, transfer_id: int, bound: Warehouses) -> Transfer:
    """The transfer. Raises TransferNotFound, OutsideWarehouses."""
    found = await transfers.get(session, transfer_id)
    if found is None:
        raise TransferNotFound.of(transfer_id)
    await check_transfer(session, transfer_id, bound)
    return found


async def receive_transfer(session: Session, transfer_id: int, units: Units, asked: str, cause: Cause) -> None:
    """Takes in the units named, or all that are on their way still. In a transaction: all or none.

    Raises TransferNotFound, OutsideWarehouses, LocationNotFound, LocationInactive, WarehouseDiffers, ItemNotFound, StatusForbids,
    OnAnotherTransfer. Safe to repeat for all units.
    """
    transfer = await get_transfer(session, transfer_id, None)
    check_warehouse(cause.warehouses, transfer.to_warehouse)
    location, cause = await known_location(session, asked, bound=cause.warehouses), cause.unbound()
    if location and not await transfers.is_in_warehouse(session, transfer.to_warehouse, location):
        raise WarehouseDiffers.of(transfer.to_warehouse, "location")
    if not units.ids and not units.serial_numbers:
        waiting = [unit.item_id for unit in await transfers.list_units(session, transfer_id) if unit.is_in_transit]
        if not waiting:
            return
        units = Units(waiting, ())

    async def attempt(ids: Sequence[int]) -> list[Item]:
        return await transfers.arrive(session, ids, transfer_id, location, cause)

    await change_batch(session, units, cause, attempt, lambda item: check_arrival(item, transfer_id))
