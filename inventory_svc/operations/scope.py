"""Refuses what lies outside the warehouses that the caller is bound to. Whoever is not bound costs no statement.

Changes of units are guarded by their own statement (storage/change_sql.py); this says why it left a unit out, and guards reads
and everything that is no unit.
"""

from __future__ import annotations

from collections.abc import Sequence

from inventory_svc.domain.errors import OutsideWarehouses
from inventory_svc.domain.scope import Warehouses, refuse_units
from inventory_svc.storage import scope
from inventory_svc.storage.session import Session


async def check_units(session: Session, ids: Sequence[int], bound: Warehouses) -> None:
    """Raises OutsideWarehouses when one of the units lies outside; unknown ones do not."""
    if bound is not None and ids:
        refuse_units(bound, await scope.units_outside(session, ids, bound))


async def refusals(session: Session, ids: Sequence[int], bound: Warehouses) -> dict[int, OutsideWarehouses]:
    """The error of each unit that lies outside."""
    if bound is None or not ids:
        return {}
    outside = await scope.units_outside(session, ids, bound)
    return {item_id: OutsideWarehouses.of("item_id", str(item_id), bound) for item_id in outside}


async def check_locations(session: Session, codes: Sequence[str], bound: Warehouses) -> None:
    """Raises OutsideWarehouses when one of the locations lies outside."""
    if bound is not None:
        for code in sorted(set(codes) - await scope.codes_inside(session, bound)):
            raise OutsideWarehouses.of("location", code, bound)


async def check_count(session: Session, count_id: int, bound: Warehouses) -> None:
    """Raises OutsideWarehouses unless all locations of the count, which has to be there, lie inside."""
    if bound is not None and not await scope.is_count_inside(session, count_id, bound):
        raise OutsideWarehouses.of("count_id", str(count_id), bound)


async def check_transfer(session: Session, transfer_id: int, bound: Warehouses) -> None:
    """Raises OutsideWarehouses unless the transfer, which has to be there, goes to or came from inside."""
    if bound is not None and not await scope.is_transfer_inside(session, transfer_id, bound):
        raise OutsideWarehouses.of("transfer_id", str(transfer_id), bound)
