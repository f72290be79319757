"""Tidies away holds that have run out, so that channels hear of the free units. Nothing else depends on it: such a hold
holds nothing already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chassis.context import new_request_id
from inventory_svc.domain.ledger import Cause
from inventory_svc.operations.changing import by_the_hub
from inventory_svc.storage import unit_changes
from inventory_svc.storage.session import Session

_EVERY_SECONDS = 1.0
_AT_ONCE = 500


async def expire_holds(session: Session) -> int:
    """Closes up to 500 holds that have run out and answers how many. Safe to repeat, and on several replicas."""
    due = await unit_changes.list_due(session, _AT_ONCE)
    if not due:
        return 0
    cause = by_the_hub(Cause("", "", "", new_request_id()))
    return len(await unit_changes.expire(session, due, cause))


async def keep_expiring(session: Session, after_change: Callable[[], None]) -> None:
    """Does so every second, for as long as the service runs."""
    while True:
        closed = await expire_holds(session)
        if closed:
            after_change()
        if closed < _AT_ONCE:
            await asyncio.sleep(_EVERY_SECONDS)
