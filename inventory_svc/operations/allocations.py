"""What may be done with an allocation that holds units: look at it, make its holds longer, sell all or some of its lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from inventory_svc.domain.allocation import LineState, StoredLine, check_held
from inventory_svc.domain.errors import AllocationNotFound, UnitContended
from inventory_svc.domain.ledger import Cause
from inventory_svc.domain.money import Money
from inventory_svc.domain.scope import Warehouses
from inventory_svc.operations.allocate_units import AllocatedLine, all_done, answer_lines
from inventory_svc.operations.scope import check_units
from inventory_svc.storage import allocations, unit_changes
from inventory_svc.storage.session import Session, TransactionSession
from inventory_svc.storage.unit_changes import Sale


async def get_allocation(session: Session, order_reference: str, bound: Warehouses) -> list[AllocatedLine]:
    """All lines of an order with the units they have now. Raises AllocationNotFound, OutsideWarehouses."""
    lines = await answer_lines(session, order_reference)
    if not lines:
        raise AllocationNotFound.of(order_reference)
    await check_units(session, [item.id for line in lines for item in line.items], bound)
    return lines


async def extend_allocation(
    session: TransactionSession, line_ids: Sequence[str], hold_for: timedelta, cause: Cause
) -> list[AllocatedLine]:
    """The lines named, or all that are held, with holds that end no sooner than after `hold_for` from now.

    Raises AllocationNotFound, OutsideWarehouses, AllocationNotHeld. Safe to repeat; never shortens a hold.
    """
    lines = await _held_lines(session, line_ids, cause)
    for line in lines:
        check_held(cause.order_reference, line)
    units = [unit for line in lines for unit in line.held]
    done = await unit_changes.extend(session, units, hold_for, cause)
    missing = set(units) - {item.id for item in done}
    if missing:
        raise UnitContended.of(min(missing))
    return await answer_lines(session, cause.order_reference, [line.line_id for line in lines])


async def commit_allocation(
    session: TransactionSession, prices: Mapping[str, Money | None], cause: Cause
) -> list[AllocatedLine]:
    """The lines with these ids, or all that are held, sold at the price told for each; the others stay as they are.

    Raises AllocationNotFound, OutsideWarehouses, AllocationNotHeld. Safe to repeat: a line sold before is left as it is.
    """
    order_reference = cause.order_reference
    lines = await _held_lines(session, list(prices), cause, sold_too=True)
    sales = []
    for line in lines:
        if line.state is not LineState.SOLD:
            check_held(order_reference, line)
        told = line.prices(prices.get(line.line_id), {})
        sales += [Sale(unit, told[unit], cause, line.id) for unit in line.held]
    if sales:
        all_done(sales, await unit_changes.sell(session, sales))
    await allocations.set_state(session, [line.id for line in lines], LineState.SOLD)
    return await answer_lines(session, order_reference, [line.line_id for line in lines])


async def _held_lines(
    session: TransactionSession, line_ids: Sequence[str], cause: Cause, *, sold_too: bool = False
) -> list[StoredLine]:
    order_reference = cause.order_reference
    stored = {line.line_id: line for line in await allocations.lock_lines(session, order_reference)}
    if not stored:
        raise AllocationNotFound.of(order_reference)
    for line_id in line_ids:
        if line_id not in stored:
            raise AllocationNotFound.of(order_reference, line_id)
    wanted = {LineState.HELD, LineState.SOLD} if sold_too else {LineState.HELD}
    lines = [stored[line_id] for line_id in dict.fromkeys(line_ids)]
    lines = lines or [line for line in stored.values() if line.state in wanted]
    await check_units(session, [unit for line in lines for unit in line.units], cause.warehouses)
    return lines
