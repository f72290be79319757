"""What happens to a unit after its sale, and to one that is not fit to sell.

Each is one guarded statement; one that puts the unit somewhere belongs into a transaction, which keeps the location. None is
repeated by itself: without a request id a second call finds another status and is refused.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from inventory_svc.domain.errors import ItemNotFound, RegradeRefused
from inventory_svc.domain.item import Action, Item, check, check_return
from inventory_svc.domain.ledger import Cause
from inventory_svc.domain.variant import KnownVariant, is_other_condition
from inventory_svc.operations.changing import change_all, find_id
from inventory_svc.operations.locations import known_location
from inventory_svc.storage import after_sale
from inventory_svc.storage.after_sale import Looked
from inventory_svc.storage.item_rows import get_many
from inventory_svc.storage.session import Session

__all__ = [
    "Looked",
    "Named",
    "damage_item",
    "inspect_item",
    "repair_item",
    "restock_item",
    "return_item",
    "write_off_item",
]


@dataclass(frozen=True, slots=True)
class Named:
    """A unit as the caller names it: by id, or else by serial number."""

    id: int
    serial_number: str


async def return_item(session: Session, unit: Named, location: str, rma_number: str, cause: Cause) -> Item:
    """The sold unit, RMA. Raises ItemNotFound, StatusForbids, SoldUnderAnother, UnitContended."""
    location, cause = await known_location(session, location, bound=cause.warehouses), cause.unbound()
    found = await find_id(session, unit.id, unit.serial_number)

    async def attempt(ids: Sequence[int]) -> list[Item]:
        return await after_sale.take_back(session, ids, location, rma_number, cause)

    def explain(item: Item) -> None:
        check_return(item, cause.order_reference)

    return (await change_all(session, [found], cause, attempt, explain))[found]


Change = Callable[[Session, Sequence[int], Looked, Cause], Awaitable[list[Item]]]


async def _change(action: Action, change: Change, session: Session, unit: Named, looked: Looked, cause: Cause) -> Item:
    if looked.location:
        looked = dataclasses.replace(
            looked, location=await known_location(session, looked.location, bound=cause.warehouses)
        )
    found = await find_id(session, unit.id, unit.serial_number)

    async def attempt(ids: Sequence[int]) -> list[Item]:
        return await change(session, ids, looked, cause)

    return (await change_all(session, [found], cause, attempt, lambda item: check(item, action)))[found]


# Each answers the unit, and raises ItemNotFound, StatusForbids, UnitContended.
inspect_item = partial(_change, Action.INSPECT, after_sale.inspect)
damage_item = partial(_change, Action.DAMAGE, after_sale.damage)
repair_item = partial(_change, Action.REPAIR, after_sale.repair)


async def restock_item(
    session: Session, unit: Named, looked: Looked, variant: KnownVariant | None, cause: Cause
) -> Item:
    """The unit, AVAILABLE, as `variant` when one is given: the same thing in another condition.

    Raises ItemNotFound, RegradeRefused, StatusForbids, UnitContended.
    """
    found = await find_id(session, unit.id, unit.serial_number)
    if variant is not None:
        await _check_regrade(session, found, variant)
    return await _change(Action.RESTOCK, after_sale.restock, session, Named(found, ""), looked, cause)


async def _check_regrade(session: Session, item_id: int, variant: KnownVariant) -> None:
    """What a unit is apart from its condition never changes, so this may be looked at before the change."""
    item = (await get_many(session, [item_id])).get(item_id)
    if item is None:
        raise ItemNotFound.by_id(item_id)
    if not is_other_condition(item.sku, variant.sku):
        raise RegradeRefused.of(item_id, item.sku, variant.sku)


async def write_off_item(session: Session, unit: Named, cause: Cause) -> Item:
    """The unit, off the books. Raises ItemNotFound, StatusForbids, UnitContended."""
    found = await find_id(session, unit.id, unit.serial_number)

    async def attempt(ids: Sequence[int]) -> list[Item]:
        return await after_sale.write_off(session, ids, cause)

    return (await change_all(session, [found], cause, attempt, lambda item: check(item, Action.WRITE_OFF)))[found]
