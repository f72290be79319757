"""Units promised to the lines of an order, held or sold, become free again."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from inventory_svc.domain.allocation import StoredLine
from inventory_svc.domain.item import Item
from inventory_svc.domain.ledger import Cause
from inventory_svc.storage import allocations, unit_changes
from inventory_svc.storage.session import TransactionSession


async def give_back(
    session: TransactionSession, lines: Sequence[StoredLine], units: Collection[int], cause: Cause
) -> list[Item]:
    """Those of the units of these lines, held or sold, that are free again. Those that others have changed meanwhile are not."""
    held = [unit for line in lines for unit in line.held if unit in units]
    sold = [unit for line in lines for unit in line.sold if unit in units]
    given = await unit_changes.release(session, held, cause) if held else []
    if sold:
        given += await unit_changes.cancel_sales(session, sold, cause)
        await allocations.forget_sales(session, [line.id for line in lines], sold)
    return given
