"""Gives back the units promised to an order, held or sold, for instance when it is cancelled."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from inventory_svc.domain.allocation import LineState, StoredLine
from inventory_svc.domain.errors import AllocationNotFound
from inventory_svc.domain.item import Item
from inventory_svc.domain.ledger import Cause
from inventory_svc.operations.allocate_units import AllocatedLine
from inventory_svc.operations.give_back import give_back
from inventory_svc.operations.scope import check_units
from inventory_svc.storage import allocations
from inventory_svc.storage.session import TransactionSession


async def release_allocation(session: TransactionSession, line_ids: Sequence[str], cause: Cause) -> list[AllocatedLine]:
    """The lines named, or all of the order, each with the units given back just now. One transaction.

    Raises AllocationNotFound, OutsideWarehouses. Safe to repeat: what was given back is left alone.
    """
    order_reference = cause.order_reference
    stored = await allocations.lock_lines(session, order_reference)
    lines = _named(stored, line_ids, order_reference)
    given = await give_back(session, lines, {unit for line in lines for unit in line.units}, cause)
    await allocations.set_state(session, [line.id for line in lines], LineState.RELEASED)
    # Last, when the units given back cannot be moved any more: one outside was left out, and takes all of it back.
    await check_units(session, [unit for line in lines for unit in line.units], cause.warehouses)
    by_id = {item.id: item for item in given}
    return [AllocatedLine(_released(line), _given(line, by_id)) for line in lines]


def _named(stored: Sequence[StoredLine], line_ids: Sequence[str], order_reference: str) -> list[StoredLine]:
    if not stored:
        raise AllocationNotFound.of(order_reference)
    by_id = {line.line_id: line for line in stored}
    for line_id in line_ids:
        if line_id not in by_id:
            raise AllocationNotFound.of(order_reference, line_id)
    return [by_id[line_id] for line_id in dict.fromkeys(line_ids)] or list(stored)


def _given(line: StoredLine, by_id: dict[int, Item]) -> list[Item]:
    return [by_id[unit] for unit in sorted((*line.held, *line.sold)) if unit in by_id]


def _released(line: StoredLine) -> StoredLine:
    return dataclasses.replace(line, state=LineState.RELEASED, held=(), sold=())
