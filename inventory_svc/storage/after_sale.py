"""The changes of units after their sale, and of those not fit to sell: one guarded statement each, as in unit_changes.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inventory_svc.domain.item import Action, Item
from inventory_svc.domain.ledger import Cause
from inventory_svc.storage.change_sql import Change, change
from inventory_svc.storage.session import Session
from inventory_svc.storage.unit_changes import NO_SALE, run

_STAYS = "coalesce(asked.location, item.location)"
_GRADE = "coalesce(nullif(asked.grade, ''), item.grade)"
_NOTES = "coalesce(nullif(asked.notes, ''), item.notes)"
_REMEMBERED = ("variant_id", "grade", "notes")


def _told(name: str, before: str, after: str) -> str:
    pair = f"jsonb_build_object('before', {before}, 'after', {after})"
    return f"'{name}', CASE WHEN {before} IS DISTINCT FROM {after} THEN {pair} END"


def _sku(column: str) -> str:
    return f"(SELECT sku FROM inventory.known_variant WHERE variant_id = changed.{column})"


_CHANGES = f"""coalesce(nullif(jsonb_strip_nulls(jsonb_build_object(
      {_told("sku", _sku("before_variant_id"), _sku("variant_id"))},
      {_told("grade", "changed.before_grade", "changed.grade")},
      {_told("notes", "changed.before_notes", "changed.notes")}))::text, '{{}}'), '')"""

_RETURN = change(
    Action.RETURN,
    f"status = 'RMA', {NO_SALE}, location = asked.location,"
    " rma_number = coalesce(nullif(asked.rma_number, ''), 'RMA-' || item.id || '-' || (item.version + 1))",
    extra={"location": "text", "rma_number": "text"},
    guard="asked.order_reference IN ('', item.order_reference)",
)
_INSPECT = change(
    Action.INSPECT,
    f"grade = {_GRADE}, notes = {_NOTES}",
    extra={"grade": "text", "notes": "text"},
    before=_REMEMBERED,
    changes=_CHANGES,
)
_RESTOCK = change(
    Action.RESTOCK,
    f"status = 'AVAILABLE', variant_id = coalesce(asked.variant_id, item.variant_id), grade = {_GRADE},"
    f" location = {_STAYS}",
    extra={"variant_id": "bigint", "grade": "text", "location": "text"},
    before=_REMEMBERED,
    changes=_CHANGES,
)
_DAMAGE = change(Action.DAMAGE, f"status = 'DAMAGED', location = {_STAYS}", extra={"location": "text"})
_REPAIR = change(
    Action.REPAIR,
    f"status = 'RMA', location = {_STAYS}, notes = {_NOTES}",
    extra={"location": "text", "notes": "text"},
    before=_REMEMBERED,
    changes=_CHANGES,
)
_WRITE_OFF = change(Action.WRITE_OFF, "status = 'WRITTEN_OFF', transfer_id = NULL")
_FIND = change(Action.FIND, "status = 'RMA', location = asked.location", extra={"location": "text"})


@dataclass(frozen=True, slots=True)
class Looked:
    """What somebody found who looked at a unit. Empty texts, and None, leave things as they are."""

    grade: str = ""
    notes: str = ""
    location: str | None = None
    variant_id: int | None = None


async def _all(session: Session, changed: Change, ids: Sequence[int], cause: Cause, **values: object) -> list[Item]:
    arrays = {name: [value] * len(ids) for name, value in values.items()}
    return await run(session, changed, [cause] * len(ids), item_id=list(ids), **arrays)


async def take_back(session: Session, ids: Sequence[int], location: str, rma_number: str, cause: Cause) -> list[Item]:
    """Takes back sold units; an order reference in the cause must be that of the sale."""
    return await _all(session, _RETURN, ids, cause, location=location, rma_number=rma_number)


async def inspect(session: Session, ids: Sequence[int], looked: Looked, cause: Cause) -> list[Item]:
    """Keeps grade and notes."""
    return await _all(session, _INSPECT, ids, cause, grade=looked.grade, notes=looked.notes)


async def restock(session: Session, ids: Sequence[int], looked: Looked, cause: Cause) -> list[Item]:
    """Makes units free to sell, as the variant given."""
    return await _all(
        session,
        _RESTOCK,
        ids,
        cause,
        variant_id=looked.variant_id,
        grade=looked.grade,
        location=looked.location,
    )


async def damage(session: Session, ids: Sequence[int], looked: Looked, cause: Cause) -> list[Item]:
    """Takes units out of what may be sold."""
    return await _all(session, _DAMAGE, ids, cause, location=looked.location)


async def repair(session: Session, ids: Sequence[int], looked: Looked, cause: Cause) -> list[Item]:
    """Makes damaged units ready for inspection."""
    return await _all(session, _REPAIR, ids, cause, location=looked.location, notes=looked.notes)


async def write_off(session: Session, ids: Sequence[int], cause: Cause) -> list[Item]:
    """Takes units off the books."""
    return await _all(session, _WRITE_OFF, ids, cause)


async def find_again(session: Session, ids: Sequence[int], location: str, cause: Cause) -> list[Item]:
    """Puts written-off units that were found back on the books, to be inspected."""
    return await _all(session, _FIND, ids, cause, location=location)
