"""Corrects location, notes or cost of a unit; the ledger keeps what stood there before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chassis.etags import check_etag
from inventory_svc.domain.errors import ItemNotFound, UnitContended
from inventory_svc.domain.item import Item
from inventory_svc.domain.ledger import Cause
from inventory_svc.domain.money import STEP, Money
from inventory_svc.operations.locations import known_location
from inventory_svc.operations.scope import check_units
from inventory_svc.storage import unit_changes
from inventory_svc.storage.item_rows import get_many
from inventory_svc.storage.session import Session
from inventory_svc.storage.unit_changes import Edit

# Each attempt loses to one other change at most, so this bears so many callers at once.
_ATTEMPTS = 20


async def update_item(session: Session, item_id: int, changes: Mapping[str, Any], etag: str, cause: Cause) -> Item:
    """The unit with the new values of `changes` (location, notes, unit_cost). What is the same already is left alone.

    Raises LocationNotFound, LocationInactive, OutsideWarehouses, ItemNotFound, EtagMismatch, UnitContended. Safe to repeat.
    """
    if "location" in changes:
        location = await known_location(session, changes["location"], "item.location", cause.warehouses)
        changes = {**changes, "location": location}
    for _ in range(_ATTEMPTS):
        item = (await get_many(session, [item_id])).get(item_id)
        if item is None:
            raise ItemNotFound.by_id(item_id)
        await check_units(session, [item_id], cause.warehouses)
        check_etag(etag, item.version)
        edited = _edit(item, changes, cause)
        if edited is None:
            return item
        # The statement changes the unit only at the version that was read.
        for done in await unit_changes.edit(session, edited):
            return done
    raise UnitContended.of(item_id)


def _edit(item: Item, changes: Mapping[str, Any], cause: Cause) -> Edit | None:
    before = {"location": item.location, "notes": item.notes, "unit_cost": item.unit_cost}
    after = {name: changes.get(name, value) for name, value in before.items()}
    told = {
        name: {"before": _told(before[name]), "after": _told(after[name])}
        for name in before
        if before[name] != after[name]
    }
    if not told:
        return None
    return Edit(item.id, item.version, changes=json.dumps(told, ensure_ascii=False), cause=cause, **after)


def _told(value: Money | str | None) -> str | None:
    return f"{value.amount.quantize(STEP):f} {value.currency}" if isinstance(value, Money) else value
