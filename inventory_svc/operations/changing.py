"""Carries a guarded change through: tries, and where units were out of reach finds out why.

A hold that has run out is closed and the change tried again; a status that forbids it raises; a unit that other calls change
at this very moment is tried a few times more. Works on the hot pool for one unit and in a transaction for several.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence

from inventory_svc.domain.errors import ItemNotFound, UnitContended
from inventory_svc.domain.item import Item
from inventory_svc.domain.ledger import Cause
from inventory_svc.domain.serial_numbers import clean
from inventory_svc.operations.scope import check_units
from inventory_svc.storage import unit_changes
from inventory_svc.storage.item_rows import get_many, ids_by_serial
from inventory_svc.storage.session import Session

Attempt = Callable[[Sequence[int]], Awaitable[list[Item]]]
Explain = Callable[[Item], None]

_ATTEMPTS = 5
_HUB = ("0", "hub", "SYSTEM")


async def change_all(
    session: Session, ids: Sequence[int], cause: Cause, attempt: Attempt, explain: Explain
) -> dict[int, Item]:
    """The units as `attempt` left them, all of `ids`. `explain` raises when a unit's state forbids the change.

    In a transaction it is all or none; on the pool give it one unit. Raises ItemNotFound, OutsideWarehouses,
    UnitContended and what `explain` raises.
    """
    done: dict[int, Item] = {}
    missing = list(ids)
    for _ in range(_ATTEMPTS):
        done |= {item.id: item for item in await attempt(missing)}
        missing = [item_id for item_id in missing if item_id not in done]
        if not missing:
            return done
        await find_out(session, missing, cause, explain)
    raise UnitContended.of(missing[0])


async def find_out(session: Session, ids: Sequence[int], cause: Cause, explain: Explain) -> None:
    """Raises for the first unit that cannot be changed; closes the holds that ran out on the others. Raises ItemNotFound too."""
    items = await get_many(session, ids)
    await check_units(session, list(items), cause.warehouses)
    for item_id in ids:
        if item_id not in items:
            raise ItemNotFound.by_id(item_id)
        explain(items[item_id])
    await unit_changes.expire(session, ids, by_the_hub(cause))


def by_the_hub(cause: Cause) -> Cause:
    """The cause of a hold's running out: nobody's doing, noticed by this request."""
    actor_id, name, role = _HUB
    return dataclasses.replace(
        cause.unbound(), actor_id=actor_id, actor_name=name, actor_role=role, reason="", order_reference=""
    )


async def find_id(session: Session, item_id: int, serial_number: str) -> int:
    """The id of a unit named by id or else by serial number. Raises ItemNotFound for an unknown serial number."""
    if item_id:
        return item_id
    number = clean(serial_number)
    found = await ids_by_serial(session, [number])
    if number.upper() not in found:
        raise ItemNotFound.by_serial(number)
    return found[number.upper()]
