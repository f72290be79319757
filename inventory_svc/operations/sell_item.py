"""Sells a unit: a free one at once, a held one to its holder or under the order it is held for."""

from __future__ import annotations

from collections.abc import Sequence

from inventory_svc.domain.item import Item, check_sell
from inventory_svc.domain.ledger import Cause
from inventory_svc.domain.money import Money
from inventory_svc.operations.changing import change_all, find_id
from inventory_svc.storage import unit_changes
from inventory_svc.storage.session import Session
from inventory_svc.storage.unit_changes import Sale


async def sell_item(session: Session, item_id: int, serial_number: str, price: Money | None, cause: Cause) -> Item:
    """The unit, sold. Raises ItemNotFound, StatusForbids, HeldForAnother, UnitContended.

    A repeat without a request id is refused.
    """
    found = await find_id(session, item_id, serial_number)

    async def attempt(ids: Sequence[int]) -> list[Item]:
        return await unit_changes.sell(session, [Sale(each, price, cause) for each in ids])

    def explain(item: Item) -> None:
        check_sell(item, cause.order_reference, cause.actor_id)

    return (await change_all(session, [found], cause, attempt, explain))[found]
