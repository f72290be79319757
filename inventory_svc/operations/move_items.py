"""Puts units somewhere else."""

from __future__ import annotations

from collections.abc import Sequence

from inventory_svc.domain.errors import BatchTooLarge, ItemNotFound
from inventory_svc.domain.item import Action, Item, check
from inventory_svc.domain.ledger import Cause
from inventory_svc.domain.serial_numbers import clean
from inventory_svc.operations.changing import change_all
from inventory_svc.operations.locations import known_location
from inventory_svc.storage import unit_changes
from inventory_svc.storage.item_rows import ids_by_serial
from inventory_svc.storage.session import Session

MAX_UNITS = 1_000


async def move_items(
    session: Session, ids: Sequence[int], serial_numbers: Sequence[str], location: str, cause: Cause
) -> list[Item]:
    """The units at their new place: those named by id first, a unit named twice once. In a transaction: all or none.

    Raises BatchTooLarge, LocationNotFound, LocationInactive, ItemNotFound, StatusForbids, UnitContended. Safe to repeat, though
    each repeat is a ledger row.
    """
    if len(ids) + len(serial_numbers) > MAX_UNITS:
        raise BatchTooLarge.over("ids", MAX_UNITS)
    location = await known_location(session, location, bound=cause.warehouses)
    wanted = list(dict.fromkeys([*ids, *await _ids_of(session, serial_numbers)]))

    async def attempt(missing: Sequence[int]) -> list[Item]:
        return await unit_changes.move(session, missing, location, cause)

    moved = await change_all(session, wanted, cause, attempt, lambda item: check(item, Action.MOVE))
    return [moved[item_id] for item_id in wanted]


async def _ids_of(session: Session, serial_numbers: Sequence[str]) -> list[int]:
    numbers = [clean(number) for number in serial_numbers]
    if not numbers:
        return []
    found = await ids_by_serial(session, numbers)
    for number in numbers:
        if number.upper() not in found:
            raise ItemNotFound.by_serial(number)
    return [found[number.upper()] for number in numbers]
