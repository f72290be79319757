"""Removes a unit that was entered by mistake. Its row and its history stay; it is no longer stock."""

from __future__ import annotations

from collections.abc import Sequence

from inventory_svc.domain.errors import ItemHasHistory
from inventory_svc.domain.item import Action, Item, check
from inventory_svc.domain.ledger import Cause
from inventory_svc.operations.changing import change_all
from inventory_svc.storage import unit_changes
from inventory_svc.storage.ledger_rows import was_ever_taken
from inventory_svc.storage.session import Session


async def delete_item(session: Session, item_id: int, cause: Cause) -> Item:
    """The unit as it was. Raises ItemNotFound, StatusForbids, ItemHasHistory, UnitContended.

    A repeat without a request id is NOT_FOUND.
    """

    async def attempt(ids: Sequence[int]) -> list[Item]:
        if await was_ever_taken(session, item_id):
            raise ItemHasHistory.of(item_id)
        return await unit_changes.delete(session, ids[0], cause)

    return (await change_all(session, [item_id], cause, attempt, lambda item: check(item, Action.DELETE)))[item_id]
