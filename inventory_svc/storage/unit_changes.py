"""Every change of units, one guarded statement each. Each answers the units it could change; the others are as they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.domain.item import Action, Item
from inventory_svc.domain.ledger import Cause
from inventory_svc.domain.money import Money
from inventory_svc.storage.change_sql import Change, change
from inventory_svc.storage.item_rows import to_item
from inventory_svc.storage.session import Session

_HOLD_FOR = {"line_id": "bigint", "hold_for": "interval"}
_NO_HOLD = "reservation_id = NULL, reserved_until = NULL"
_SALE = {"sale_price": "numeric", "sale_currency": "text", "line_id": "bigint"}
NO_SALE = "sale_price = NULL, sale_currency = NULL, sold_at = NULL, order_reference = ''"
_EDIT = {"location": "text", "notes": "text", "unit_cost": "numeric", "cost_currency": "text", "changes": "text"}

_HOLD = (
    "status = 'RESERVED', reservation_id = nextval('inventory.reservation_id_seq'),"
    " reserved_until = clock_timestamp() + asked.hold_for"
)
_RESERVE = change(Action.RESERVE, _HOLD, extra=_HOLD_FOR, opens=True)
_RESERVE_UNLOCKED = change(Action.RESERVE, _HOLD, extra=_HOLD_FOR, opens=True, waits=False)
_RELEASE, _RELEASE_UNLOCKED = (
    change(
        Action.RELEASE,
        f"status = 'AVAILABLE', {_NO_HOLD}",
        guard="item.reserved_until > now() AND (asked.order_reference IN ('', hold.order_reference))",
        closes="RELEASED",
        waits=waits,
    )
    for waits in (True, False)
)
_EXTEND = change(
    Action.EXTEND,
    "reserved_until = greatest(item.reserved_until, clock_timestamp() + asked.hold_for)",
    extra={"hold_for": "interval"},
    guard="item.reserved_until > now()",
    extends=True,
)
_EXPIRE = change(
    Action.EXPIRE, f"status = 'AVAILABLE', {_NO_HOLD}", guard="item.reserved_until <= now()", closes="EXPIRED"
)
_SELL, _SELL_UNLOCKED = (
    change(
        Action.SELL,
        f"status = 'SOLD', {_NO_HOLD}, sold_at = clock_timestamp(), sale_price = asked.sale_price,"
        " sale_currency = asked.sale_currency,"
        " order_reference = coalesce(nullif(asked.order_reference, ''), locked.held_for)",
        extra=_SALE,
        guard="item.status = 'AVAILABLE' OR (item.reserved_until > now() AND (hold.holder_id = asked.actor_id"
        " OR (asked.order_reference <> '' AND hold.order_reference = asked.order_reference)))",
        closes="SOLD",
        waits=waits,
    )
    for waits in (True, False)
)
_CANCEL_SALE = change(
    Action.CANCEL_SALE,
    f"status = 'AVAILABLE', {NO_SALE}",
    guard="item.order_reference = asked.order_reference",
)
_MOVE = change(Action.MOVE, "location = asked.location", extra={"location": "text"})
_EDITED = change(
    Action.EDIT,
    "location = asked.location, notes = asked.notes, unit_cost = asked.unit_cost, cost_currency = asked.cost_currency",
    extra={**_EDIT, "version": "integer"},
    guard="item.version = asked.version",
    changes="asked.changes",
)
_DELETE = change(
    Action.DELETE,
    "deleted_at = clock_timestamp()",
    guard="""NOT EXISTS (
      SELECT 1 FROM inventory.movement WHERE movement.item_id = item.id AND movement.after_status <> 'AVAILABLE')""",
)
_DUE = Statement(
    text("""
    SELECT id FROM inventory.item WHERE status = 'RESERVED' AND reserved_until <= now()
    ORDER BY reserved_until LIMIT CAST(:most AS integer)
    """)
)
_DUE_OF_VARIANTS = Statement(
    text("""
    SELECT id FROM inventory.item WHERE status = 'RESERVED' AND reserved_until <= now()
      AND variant_id = ANY(CAST(:variant_ids AS bigint[]))
    """)
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One unit to hold: for how long, why, and for which line of an order's allocation."""

    item_id: int
    hold_for: timedelta
    cause: Cause
    line_id: int | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """One unit whose hold to give up."""

    item_id: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class Sale:
    """One unit to sell."""

    item_id: int
    price: Money | None
    cause: Cause
    line_id: int | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """The corrected texts and cost of a unit, if it is still at `version`. `changes` is what the ledger tells of it."""

    item_id: int
    version: int
    location: str
    notes: str
    unit_cost: Money | None
    changes: str
    cause: Cause


def cause_arrays(causes: Sequence[Cause]) -> dict[str, list[str]]:
    return {
        "actor_id": [cause.actor_id for cause in causes],
        "actor_name": [cause.actor_name for cause in causes],
        "actor_role": [cause.actor_role for cause in causes],
        "reason": [cause.reason for cause in causes],
        "order_reference": [cause.order_reference for cause in causes],
        "request_id": [cause.request_id for cause in causes],
    }


async def run(session: Session, change: Change, causes: Sequence[Cause], **arrays: Any) -> list[Item]:
    """The units that the change could be made to, one cause for each asked. Causes of a bound caller are all of one call."""
    values = {**cause_arrays(causes), **arrays}
    warehouses = causes[0].warehouses if causes else None
    if warehouses is None:
        rows = await session.rows(change.free, **values)
    else:
        rows = await session.rows(change.bound, **values, warehouses=list(warehouses))
    return [to_item(row) for row in rows]


async def reserve(session: Session, claims: Sequence[Claim], *, waits: bool = True) -> list[Item]:
    """Holds the units that are AVAILABLE; without `waits`, only those that nobody has locked. No unit may stand twice."""
    return await run(
        session,
        _RESERVE if waits else _RESERVE_UNLOCKED,
        [claim.cause for claim in claims],
        item_id=[claim.item_id for claim in claims],
        hold_for=[claim.hold_for for claim in claims],
        line_id=[claim.line_id for claim in claims],
    )


async def release(session: Session, ids: Sequence[int], cause: Cause) -> list[Item]:
    """Gives up the holds that last; an order reference in the cause must be the hold's."""
    return await release_each(session, [Release(item_id, cause) for item_id in ids])


async def release_each(session: Session, releases: Sequence[Release], *, waits: bool = True) -> list[Item]:
    """As `release`, each with its own cause; without `waits`, only units that nobody has locked. No unit may stand twice."""
    return await run(
        session,
        _RELEASE if waits else _RELEASE_UNLOCKED,
        [each.cause for each in releases],
        item_id=[each.item_id for each in releases],
    )


async def extend(session: Session, ids: Sequence[int], hold_for: timedelta, cause: Cause) -> list[Item]:
    """Lets holds that last end no sooner than after `hold_for` from now."""
    count = len(ids)
    return await run(session, _EXTEND, [cause] * count, item_id=list(ids), hold_for=[hold_for] * count)


async def sell(session: Session, sales: Sequence[Sale], *, waits: bool = True) -> list[Item]:
    """Sells the units that are AVAILABLE, or held by the seller or under the sale's order.

    Without `waits`, only those that nobody has locked. No unit may stand twice.
    """
    return await run(
        session,
        _SELL if waits else _SELL_UNLOCKED,
        [sale.cause for sale in sales],
        item_id=[sale.item_id for sale in sales],
        sale_price=[sale.price.amount if sale.price else None for sale in sales],
        sale_currency=[sale.price.currency if sale.price else None for sale in sales],
        line_id=[sale.line_id for sale in sales],
    )


async def cancel_sales(session: Session, ids: Sequence[int], cause: Cause) -> list[Item]:
    """Takes back sales under the cause's order reference."""
    return await run(session, _CANCEL_SALE, [cause] * len(ids), item_id=list(ids))


async def move(session: Session, ids: Sequence[int], location: str, cause: Cause) -> list[Item]:
    """Puts units in the house somewhere else."""
    count = len(ids)
    return await run(session, _MOVE, [cause] * count, item_id=list(ids), location=[location] * count)


async def edit(session: Session, edited: Edit) -> list[Item]:
    """Corrects a unit that is still at the version that was read."""
    cost = edited.unit_cost
    return await run(
        session,
        _EDITED,
        [edited.cause],
        item_id=[edited.item_id],
        version=[edited.version],
        location=[edited.location],
        notes=[edited.notes],
        unit_cost=[cost.amount if cost else None],
        cost_currency=[cost.currency if cost else None],
        changes=[edited.changes],
    )


async def delete(session: Session, item_id: int, cause: Cause) -> list[Item]:
    """Removes a unit that never was anything but AVAILABLE."""
    return await run(session, _DELETE, [cause], item_id=[item_id])


async def expire(session: Session, ids: Sequence[int], cause: Cause) -> list[Item]:
    """Tidies away holds of these units that have run out."""
    return await run(session, _EXPIRE, [cause] * len(ids), item_id=list(ids))


async def list_due(session: Session, most: int) -> list[int]:
    """Units whose hold has run out, longest ago first. Does not lock."""
    return [row["id"] for row in await session.rows(_DUE, most=most)]


async def list_due_of_variants(session: Session, variant_ids: Sequence[int]) -> list[int]:
    """Units of these variants whose hold has run out. Does not lock."""
    return [row["id"] for row in await session.rows(_DUE_OF_VARIANTS, variant_ids=list(variant_ids))]
