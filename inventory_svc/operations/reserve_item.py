"""Holds a unit until an instant. Of any number of callers at once, exactly one gets it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from inventory_svc.domain.item import Action, Item, check
from inventory_svc.domain.ledger import Cause
from inventory_svc.operations.changing import change_all, find_id
from inventory_svc.storage import unit_changes
from inventory_svc.storage.session import Session
from inventory_svc.storage.unit_changes import Claim

DEFAULT_HOLD = timedelta(hours=24)


async def reserve_item(session: Session, item_id: int, serial_number: str, hold_for: timedelta, cause: Cause) -> Item:
    """The unit, held. Raises ItemNotFound, StatusForbids, UnitContended. A repeat without a request id is refused."""
    found = await find_id(session, item_id, serial_number)

    async def attempt(ids: Sequence[int]) -> list[Item]:
        return await unit_changes.reserve(session, [Claim(each, hold_for, cause) for each in ids])

    done = await change_all(session, [found], cause, attempt, lambda item: check(item, Action.RESERVE))
    return done[found]
