"""Lines of an order that was edited get another quantity: what is too much is given back; what is missing is not picked here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inventory_svc.domain.allocation import AskedLine, StoredLine
from inventory_svc.domain.ledger import Cause
from inventory_svc.operations.give_back import give_back
from inventory_svc.storage import allocations
from inventory_svc.storage.session import TransactionSession


async def change_quantities(
    session: TransactionSession, asked: Sequence[AskedLine], stored: Mapping[str, StoredLine], cause: Cause
) -> Mapping[str, StoredLine]:
    """All lines of the order, by line id, with the quantities asked for. Safe to repeat.

    One transaction, in which the caller has locked them, and looks for units outside his warehouses: those are not given back.
    """
    changed = {
        line.line_id: quantity
        for line in asked
        if (quantity := line.quantity_over(before := stored[line.line_id].quantity)) != before
    }
    if not changed:
        return stored
    surplus = {line_id: stored[line_id].surplus(quantity) for line_id, quantity in changed.items()}
    given = {unit for units in surplus.values() for unit in units}
    await give_back(session, [stored[line_id] for line_id in changed], given, cause)
    await allocations.set_quantities(session, {stored[line_id].id: quantity for line_id, quantity in changed.items()})
    return {line.line_id: line for line in await allocations.list_lines(session, cause.order_reference)}
