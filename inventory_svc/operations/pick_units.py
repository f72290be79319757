"""Picks and locks free units for the lines of an order, all or none, oldest first.

Units that another transaction has locked are passed over first. Only when that leaves too few does it wait for them: holding
none itself, and in the order of their ids, so that no two picks ever wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inventory_svc.domain.errors import OutOfStock, UnitContended
from inventory_svc.domain.ledger import Cause
from inventory_svc.domain.picking import Want, component_demand, own_demand, share_out, whole_demand
from inventory_svc.domain.scope import Warehouses
from inventory_svc.operations.changing import by_the_hub
from inventory_svc.storage import allocations, unit_changes
from inventory_svc.storage.allocations import Found
from inventory_svc.storage.session import TransactionSession

# Free units that a waiting pick looks at beyond what is asked, in case others take some while it waits.
_SPARE = 64
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Picked:
    """The units of each line, locked, and the variant of each unit."""

    units: dict[int, list[int]]
    variant_of: dict[int, int]

    def of_line(self, line_key: int) -> dict[int, int]:
        """The units picked for a line, with their variants."""
        return {unit: self.variant_of[unit] for unit in self.units.get(line_key, ())}


async def pick_units(session: TransactionSession, wants: Sequence[Want], cause: Cause) -> Picked:
    """Locked free units for all lines, of the warehouses that the caller is bound to.

    Raises OutOfStock with what each line lacks, UnitContended.
    """
    wants = [want for want in wants if not want.is_empty]
    if not wants:
        return Picked({}, {})
    await _tidy(session, list(whole_demand(wants)) + [want.variant_id for want in wants if want.named], cause)
    async with session.connection.begin_nested() as savepoint:
        found = await _take(session, wants, cause.warehouses)
        picked = _shared(wants, found)
        if picked:
            return picked
        await savepoint.rollback()
    return await _wait(session, wants, cause.warehouses)


async def _take(session: TransactionSession, wants: Sequence[Want], inside: Warehouses) -> Found:
    named, found = [unit for want in wants for unit in want.named], Found()
    if named:
        found = await allocations.take_these(session, named)
    for demand in (own_demand, lambda wants: component_demand(wants, found)):
        lacking = demand(wants)
        if lacking:
            taken = [unit for units in found.values() for unit in units]
            for variant_id, units in (await allocations.take_free(session, lacking, inside, taken)).items():
                found.setdefault(variant_id, []).extend(units)
    return found


def _shared(wants: Sequence[Want], found: Found) -> Picked | None:
    shares = share_out(wants, found)
    if shares.short:
        return None
    return Picked(shares.units, {unit: variant_id for variant_id, units in found.items() for unit in units})


async def _wait(session: TransactionSession, wants: Sequence[Want], inside: Warehouses) -> Picked:
    named = [unit for want in wants for unit in want.named]
    for _ in range(_ATTEMPTS):
        seen = await allocations.see_free(session, whole_demand(wants), inside, named, _SPARE)
        short = share_out(wants, seen).short
        if short:
            raise OutOfStock.of(short)
        picked = _shared(
            wants, await allocations.wait_for(session, [unit for units in seen.values() for unit in units])
        )
        if picked:
            return picked
    raise UnitContended("Other calls are taking the same units just now; try again.", retry_after_s=0.1)


async def _tidy(session: TransactionSession, variant_ids: Sequence[int], cause: Cause) -> None:
    due = await unit_changes.list_due_of_variants(session, variant_ids)
    if due:
        await unit_changes.expire(session, due, by_the_hub(cause))
