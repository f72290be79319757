"""Gives a held unit free again."""

from __future__ import annotations

from collections.abc import Sequence

from inventory_svc.domain.item import Item, check_release
from inventory_svc.domain.ledger import Cause
from inventory_svc.operations.changing import change_all, find_id
from inventory_svc.storage import unit_changes
from inventory_svc.storage.session import Session


async def release_item(session: Session, item_id: int, serial_number: str, cause: Cause) -> Item:
    """The unit, free. An order reference in the cause must be the hold's.

    Raises ItemNotFound, StatusForbids, HeldForAnother, UnitContended. A repeat without a request id is refused.
    """
    found = await find_id(session, item_id, serial_number)

    async def attempt(ids: Sequence[int]) -> list[Item]:
        return await unit_changes.release(session, ids, cause)

    done = await change_all(session, [found], cause, attempt, lambda item: check_release(item, cause.order_reference))
    return done[found]
