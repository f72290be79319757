"""Holds a unit until an instant. Of any number of callers at once, exactly one gets it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from inventory_svc.domain.item import Action, Item, check
from inventory_svc.domain.ledger import Cause
from inventory_svc.operations.changing import change_all, find_id
from inventory_svc.operations.reserve_together import ReserveTogether
from inventory_svc.storage import unit_changes
from inventory_svc.storage.session import Session
from inventory_svc.storage.unit_changes import Claim

DEFAULT_HOLD = timedelta(hours=24)


async def reserve_item(
    session: Session,
    item_id: int,
    serial_number: str,
    hold_for: timedelta,
    cause: Cause,
    together: ReserveTogether | None = None,
) -> Item:
    """The unit, held; with `together` the first attempt shares its statement with other callers, outside of `session`.

    Raises ItemNotFound, StatusForbids, UnitContended. A repeat without a request id is refused.
    """
    found = await find_id(session, item_id, serial_number)
    claim = Claim(found, hold_for, cause)
    if together is not None:
        item = await together.reserve(claim)
        if item is not None:
            return item

    async def attempt(_: Sequence[int]) -> list[Item]:
        return await unit_changes.reserve(session, [claim])

    done = await change_all(session, [found], cause, attempt, lambda item: check(item, Action.RESERVE))
    return done[found]
