"""Cycle counts: opened for locations, scanned blind, closed into differences, approved into corrections."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from chassis.errors import InvalidArgument
from inventory_svc.domain.counting import (
    CountState,
    Difference,
    DifferenceOutcome,
    ScanOutcome,
    StockCount,
    check_state,
    correction,
    unit_id_of,
)
from inventory_svc.domain.errors import CountNotFound, LocationNotFound
from inventory_svc.domain.item import Action, Item
from inventory_svc.domain.ledger import Cause
from inventory_svc.domain.scope import Warehouses
from inventory_svc.operations.changing import by_the_hub
from inventory_svc.operations.locations import known_location
from inventory_svc.operations.scope import check_count, check_locations
from inventory_svc.storage import after_sale, counts, unit_changes
from inventory_svc.storage.session import Session


@dataclasses.dataclass(frozen=True, slots=True)
class Scan:
    """What a device read, and where it says that it is."""

    code: str
    location: str
    device: str


async def open_count(session: Session, codes: Sequence[str], note: str, cause: Cause) -> int:
    """The id of the new count, once every movement to its locations is over. In a transaction.

    Raises LocationNotFound, OutsideWarehouses, LocationBeingCounted. A repeat without a request id is refused.
    """
    asked = [code.strip() for code in codes]
    there = await counts.lock_locations(session, [spelling for code in asked for spelling in (code, code.upper())])
    kept = [code if code in there else code.upper() for code in asked]
    for place, code in enumerate(kept):
        if code not in there:
            raise LocationNotFound.by_code(code, f"locations[{place}]")
    await check_locations(session, kept, cause.warehouses)
    return await counts.insert(session, list(dict.fromkeys(kept)), note, cause.actor_name)


async def get_count(session: Session, count_id: int, bound: Warehouses) -> StockCount:
    """The count. Raises CountNotFound, OutsideWarehouses."""
    found = await counts.get(session, count_id)
    if found is None:
        raise CountNotFound.of(count_id)
    await check_count(session, count_id, bound)
    return found


async def scan_count(session: Session, count_id: int, scan: Scan, cause: Cause) -> ScanOutcome:
    """Records a code; each counts once, at the place where it was scanned last. Safe to repeat.

    Raises CountNotFound, OutsideWarehouses, CountStateForbids, InvalidArgument for a location that is not counted.
    """
    count = await get_count(session, count_id, cause.warehouses)
    check_state(count, "scanning", CountState.OPEN)
    code = scan.code.strip()
    is_open, is_known, is_new = await counts.scan(
        session, count_id, unit_id_of(code), code, _location_of(count, scan.location), scan.device, cause.actor_name
    )
    if not is_open:
        check_state(await get_count(session, count_id, None), "scanning", CountState.OPEN)
    if not is_known:
        return ScanOutcome.UNKNOWN_CODE
    if is_new is None:
        return ScanOutcome.REPEATED
    return ScanOutcome.RECORDED if is_new else ScanOutcome.RELOCATED


def _location_of(count: StockCount, asked: str) -> str:
    code = asked.strip()
    if not code and len(count.locations) == 1:
        return count.locations[0]
    for spelling in (code, code.upper()):
        if spelling in count.locations:
            return spelling
    raise InvalidArgument.of("location", f"must be one of those counted: {', '.join(count.locations)}")


async def _locked(session: Session, count_id: int, cause: Cause) -> StockCount:
    found = await counts.lock(session, count_id)
    if found is None:
        raise CountNotFound.of(count_id)
    await check_count(session, count_id, cause.warehouses)
    return found


async def close_count(session: Session, count_id: int, cause: Cause) -> None:
    """Works out the differences. In a transaction.

    Raises CountNotFound, OutsideWarehouses, CountStateForbids. A repeat without a request id is refused.
    """
    count = await _locked(session, count_id, cause)
    check_state(count, "closing", CountState.OPEN)
    await counts.lock_locations(session, count.locations)
    matched, unjudged = await counts.find_differences(session, count_id)
    await counts.close(session, count_id, matched, unjudged, cause.actor_name)


async def cancel_count(session: Session, count_id: int, cause: Cause) -> None:
    """Gives the count up. In a transaction. Raises CountNotFound, OutsideWarehouses, CountStateForbids."""
    check_state(await _locked(session, count_id, cause), "cancelling", CountState.OPEN, CountState.CLOSED)
    await counts.decide(session, count_id, CountState.CANCELLED, cause.actor_name)


async def approve_count(session: Session, count_id: int, cause: Cause) -> None:
    """Corrects the stock by the differences. In a transaction.

    Units that changed since the count was closed are left alone. Raises CountNotFound, OutsideWarehouses, CountStateForbids,
    LocationNotFound, LocationInactive. A repeat without a request id is refused.
    """
    check_state(await _locked(session, count_id, cause), "approving", CountState.CLOSED)
    found = await counts.list_differences(session, count_id)
    places = {one.found_location for one in found if correction(one) in (Action.MOVE, Action.FIND)}
    for place in sorted(places):
        await known_location(session, place)
    outcomes = await _correct(session, count_id, found, cause)
    await counts.set_outcomes(session, outcomes)
    await counts.decide(session, count_id, CountState.APPROVED, cause.actor_name)


async def _correct(
    session: Session, count_id: int, found: Sequence[Difference], cause: Cause
) -> dict[int, DifferenceOutcome]:
    versions = await counts.lock_units(session, [one.item_id for one in found if one.item_id])
    same = [one for one in found if one.item_id and versions.get(one.item_id) == one.item_version]
    await unit_changes.expire(session, [one.item_id for one in same], by_the_hub(cause))
    done: set[int] = set()
    for (action, place), group in _grouped(same).items():
        why = dataclasses.replace(cause, reason=f"count {count_id}: {group[0].kind.value.lower()}", order_reference="")
        items = await _change(session, action, [one.item_id for one in group], place, why)
        done |= {item.id for item in items}
    unchanged = {one.id for one in same}
    return {one.id: _outcome(one, one.id in unchanged, done) for one in found}


def _grouped(found: Sequence[Difference]) -> dict[tuple[Action, str], list[Difference]]:
    """Those that can be corrected, by what puts them right and where."""
    groups: dict[tuple[Action, str], list[Difference]] = {}
    for one in found:
        action = correction(one)
        if action is not None:
            groups.setdefault((action, one.found_location), []).append(one)
    return groups


async def _change(session: Session, action: Action, ids: Sequence[int], place: str, cause: Cause) -> list[Item]:
    if action is Action.MOVE:
        return await unit_changes.move(session, ids, place, cause)
    if action is Action.FIND:
        return await after_sale.find_again(session, ids, place, cause)
    return await after_sale.write_off(session, ids, cause)


def _outcome(one: Difference, is_unchanged: bool, done: set[int]) -> DifferenceOutcome:
    if one.item_id in done:
        return DifferenceOutcome.CORRECTED
    if correction(one) is not None and not is_unchanged:
        return DifferenceOutcome.CHANGED_SINCE
    return DifferenceOutcome.NEEDS_A_PERSON
