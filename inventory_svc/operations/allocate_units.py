"""Promises units to the lines of an order, all or none, oldest first.

Level-triggered: the call says what the lines shall have, and only what they lack is taken. So any repeat is safe, a held
order is sold by asking again with `sell`, and a hold that ran out is filled up again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from chassis.errors import InvalidArgument
from inventory_svc.domain.allocation import AskedLine, LineState, StoredLine, check_repeat
from inventory_svc.domain.errors import ItemNotFound, UnitContended
from inventory_svc.domain.item import Item
from inventory_svc.domain.ledger import Cause
from inventory_svc.domain.scope import Warehouses
from inventory_svc.domain.serial_numbers import clean
from inventory_svc.operations.change_quantities import change_quantities
from inventory_svc.operations.pick_units import Picked, pick_units
from inventory_svc.operations.scope import check_units
from inventory_svc.storage import allocations, unit_changes
from inventory_svc.storage.item_rows import get_many, ids_by_serial
from inventory_svc.storage.session import Session, TransactionSession
from inventory_svc.storage.unit_changes import Claim, Sale


@dataclass(frozen=True, slots=True)
class AllocatedLine:
    """A line with its units."""

    line: StoredLine
    items: list[Item]


@dataclass(frozen=True, slots=True)
class AllocateUnits:
    """What is asked: the cause carries the order reference."""

    lines: Sequence[AskedLine]
    sell: bool
    hold_for: timedelta
    cause: Cause

    @property
    def order_reference(self) -> str:
        """The order."""
        return self.cause.order_reference


async def allocate_units(session: TransactionSession, asked: AllocateUnits) -> list[AllocatedLine]:
    """The lines with their units. One transaction.

    Raises OutOfStock, AllocationDiffers, AllocationReleased, UnitContended, OutsideWarehouses,
    ItemNotFound for a serial number. Safe to repeat.
    """
    named = await _named_units(session, asked.lines, asked.cause.warehouses)
    await allocations.add_lines(session, asked.order_reference, asked.lines)
    stored = {line.line_id: line for line in await allocations.lock_lines(session, asked.order_reference)}
    for line in asked.lines:
        check_repeat(asked.order_reference, line, stored[line.line_id], named.get(line.line_id, ()))
    lines = await _as_many_as_asked(session, asked, stored)
    await check_units(session, [unit for line in lines for unit in line.units], asked.cause.warehouses)
    picked = await pick_units(session, [line.want(named.get(line.line_id, ())) for line in lines], asked.cause)
    if asked.sell:
        await _sell(session, asked, lines, picked)
    else:
        await _hold(session, asked, picked)
    return await answer_lines(session, asked.order_reference, [line.line_id for line in asked.lines])


async def _as_many_as_asked(
    session: TransactionSession, asked: AllocateUnits, stored: Mapping[str, StoredLine]
) -> list[StoredLine]:
    changed = await change_quantities(session, asked.lines, stored, asked.cause)
    return [changed[line.line_id] for line in asked.lines]


async def _named_units(
    session: TransactionSession, lines: Sequence[AskedLine], bound: Warehouses
) -> dict[str, list[int]]:
    """The units of the lines that name some, by line id. Raises ItemNotFound, OutsideWarehouses, InvalidArgument."""
    serials = [clean(number) for line in lines for number in line.serial_numbers]
    if not serials:
        return {}
    ids = await ids_by_serial(session, serials)
    await check_units(session, list(ids.values()), bound)
    items = await get_many(session, list(ids.values()))
    named: dict[str, list[int]] = {}
    for place, line in enumerate(lines):
        for number in map(clean, line.serial_numbers):
            item = items.get(ids.get(number.upper(), 0))
            if item is None:
                raise ItemNotFound.by_serial(number)
            if item.variant_id != line.variant_id:
                text = f"the unit {number!r} is {item.sku}, not {line.sku}"
                raise InvalidArgument.of(f"lines[{place}].serial_numbers", text)
            named.setdefault(line.line_id, []).append(item.id)
    return named


async def _hold(session: TransactionSession, asked: AllocateUnits, picked: Picked) -> None:
    claims = [Claim(unit, asked.hold_for, asked.cause, line) for line, units in picked.units.items() for unit in units]
    if claims:
        all_done(claims, await unit_changes.reserve(session, claims))


async def _sell(session: TransactionSession, asked: AllocateUnits, lines: Sequence[StoredLine], picked: Picked) -> None:
    asked_prices = {line.line_id: line.sale_price for line in asked.lines}
    sales = []
    for line in lines:
        more = picked.of_line(line.id)
        prices = line.prices(asked_prices[line.line_id], more)
        sales += [Sale(unit, prices[unit], asked.cause, line.id) for unit in (*line.held, *more)]
    if sales:
        all_done(sales, await unit_changes.sell(session, sales))
    await allocations.set_state(session, [line.id for line in lines], LineState.SOLD)


def all_done(wanted: Sequence[Claim | Sale], done: Sequence[Item]) -> None:
    """Passes when every unit was changed. Raises UnitContended."""
    missing = {each.item_id for each in wanted} - {item.id for item in done}
    if missing:
        raise UnitContended.of(min(missing))


async def answer_lines(session: Session, order_reference: str, line_ids: Sequence[str] = ()) -> list[AllocatedLine]:
    """These lines of an order, or all of them, with their units as they are now."""
    lines = {line.line_id: line for line in await allocations.list_lines(session, order_reference)}
    items = await get_many(session, [unit for line in lines.values() for unit in line.units])
    return [
        AllocatedLine(lines[line_id], [items[unit] for unit in lines[line_id].units if unit in items])
        for line_id in line_ids or lines
    ]
