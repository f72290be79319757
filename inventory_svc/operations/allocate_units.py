"""Promises units to the lines of an order, all or none, oldest first.

Level-triggered: the call says what the lines shall have, and only what they lack is taken. So any repeat is safe, a held
order is sold by asking again with `sell`, and a hold that ran out is filled up again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from inventory_svc.domain.allocation import AskedLine, LineState, StoredLine, check_repeat, demand
from inventory_svc.domain.errors import OutOfStock, Shortage, UnitContended
from inventory_svc.domain.item import Item
from inventory_svc.domain.ledger import Cause
from inventory_svc.operations.changing import by_the_hub
from inventory_svc.storage import allocations, unit_changes
from inventory_svc.storage.availability import free_units
from inventory_svc.storage.item_rows import get_many
from inventory_svc.storage.session import TransactionSession
from inventory_svc.storage.unit_changes import Claim, Sale

# Free units that a waiting pick looks at beyond what is asked, in case others take some while it waits.
_SPARE = 64
_ATTEMPTS = 3


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

    Raises OutOfStock, AllocationDiffers, AllocationReleased, UnitContended. Safe to repeat.
    """
    await allocations.add_lines(session, asked.order_reference, asked.lines)
    stored = {line.line_id: line for line in await allocations.lock_lines(session, asked.order_reference)}
    for line in asked.lines:
        check_repeat(asked.order_reference, line, stored[line.line_id])
    lines = [stored[line.line_id] for line in asked.lines]
    picked = await _pick(session, asked, lines)
    if asked.sell:
        await _sell(session, asked, lines, picked)
    else:
        await _hold(session, asked, picked)
    return await _answer(session, asked)


async def _pick(session: TransactionSession, asked: AllocateUnits, lines: Sequence[StoredLine]) -> dict[int, list[int]]:
    """Locked free units per stored line, as many as each lacks."""
    lacking = demand(lines)
    if not lacking:
        return {}
    await _tidy(session, list(lacking), asked.cause)
    async with session.connection.begin_nested() as savepoint:
        found = await allocations.take_free(session, lacking)
        if _enough(found, lacking):
            return _share_out(lines, found)
        await savepoint.rollback()
    return _share_out(lines, await _wait(session, lines, lacking))


async def _wait(
    session: TransactionSession, lines: Sequence[StoredLine], lacking: dict[int, int]
) -> dict[int, list[int]]:
    """Units that others have locked may become free yet: holding none ourselves, waits for them in a fixed order."""
    for _ in range(_ATTEMPTS):
        found = await allocations.wait_for_free(session, lacking, _SPARE)
        if _enough(found, lacking):
            return found
        short = await _shortages(session, lines)
        if short:
            raise OutOfStock.of(short)
    raise UnitContended("Other calls are taking the same units just now; try again.", retry_after_s=0.1)


def _enough(found: Mapping[int, Sequence[int]], lacking: Mapping[int, int]) -> bool:
    return all(len(found.get(variant_id, ())) >= count for variant_id, count in lacking.items())


async def _tidy(session: TransactionSession, variant_ids: Sequence[int], cause: Cause) -> None:
    due = await unit_changes.list_due_of_variants(session, variant_ids)
    if due:
        await unit_changes.expire(session, due, by_the_hub(cause))


async def _shortages(session: TransactionSession, lines: Sequence[StoredLine]) -> list[Shortage]:
    """The lines that cannot be met, each with what the lines before it leave free."""
    free = await free_units(session, [line.variant_id for line in lines])
    left = {variant_id: reading.free_units for variant_id, reading in free.items()}
    short = []
    for line in lines:
        here = left.get(line.variant_id, 0)
        if line.missing > here:
            short.append(Shortage(line.line_id, line.sku, line.missing, here))
        left[line.variant_id] = max(0, here - line.missing)
    return short


def _share_out(lines: Sequence[StoredLine], found: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
    left = {variant_id: list(ids) for variant_id, ids in found.items()}
    shares: dict[int, list[int]] = {}
    for line in lines:
        pile = left.get(line.variant_id, [])
        shares[line.id], left[line.variant_id] = pile[: line.missing], pile[line.missing :]
    return shares


async def _hold(session: TransactionSession, asked: AllocateUnits, picked: Mapping[int, Sequence[int]]) -> None:
    claims = [Claim(unit, asked.hold_for, asked.cause, line) for line, units in picked.items() for unit in units]
    if claims:
        _all_done(claims, await unit_changes.reserve(session, claims))


async def _sell(
    session: TransactionSession,
    asked: AllocateUnits,
    lines: Sequence[StoredLine],
    picked: Mapping[int, Sequence[int]],
) -> None:
    prices = {line.line_id: line.sale_price for line in asked.lines}
    sales = [
        Sale(unit, prices[line.line_id], asked.cause, line.id)
        for line in lines
        for unit in (*line.held, *picked.get(line.id, ()))
    ]
    if sales:
        _all_done(sales, await unit_changes.sell(session, sales))
    await allocations.set_state(session, [line.id for line in lines], LineState.SOLD)


def _all_done(wanted: Sequence[Claim | Sale], done: Sequence[Item]) -> None:
    missing = {each.item_id for each in wanted} - {item.id for item in done}
    if missing:
        raise UnitContended.of(min(missing))


async def _answer(session: TransactionSession, asked: AllocateUnits) -> list[AllocatedLine]:
    lines = {line.line_id: line for line in await allocations.list_lines(session, asked.order_reference)}
    items = await get_many(session, [unit for line in lines.values() for unit in (*line.held, *line.sold)])
    return [_with_units(lines[line.line_id], items) for line in asked.lines]


def _with_units(line: StoredLine, items: Mapping[int, Item]) -> AllocatedLine:
    return AllocatedLine(line, [items[unit] for unit in sorted((*line.held, *line.sold))])
