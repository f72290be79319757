"""Making, changing and removing locations, and seeing to it that units are put to known ones only."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from chassis.errors import InvalidArgument
from chassis.etags import check_etag
from inventory_svc.domain.errors import LocationInactive, LocationNotFound, OutsideWarehouses, UnitContended
from inventory_svc.domain.location import KnownPlace, Location, clean_code
from inventory_svc.domain.scope import Warehouses, admits, check_warehouse
from inventory_svc.storage import locations
from inventory_svc.storage.session import Session

_ATTEMPTS = 5


async def known_location(session: Session, asked: str, field: str = "location", bound: Warehouses = None) -> str:
    """The code of an active location as it is kept; in a transaction it stays one until the end. Empty stays empty.

    Raises LocationNotFound, LocationInactive; OutsideWarehouses, also for an empty one, when the caller is bound to others.
    """
    return (await known_locations(session, {asked: field}, bound))[asked]


async def known_locations(session: Session, asked: Mapping[str, str], bound: Warehouses = None) -> dict[str, str]:
    """The same for several codes, each given with the field that names it."""
    codes = {code for code in asked if code}
    if bound is not None and "" in asked:
        raise OutsideWarehouses.of("location", "", bound)
    if not codes:
        return {code: code for code in asked}
    found = await locations.lock_shared(session, _spellings(codes))
    return {code: _settled(code, field, found, bound) if code else code for code, field in asked.items()}


def _spellings(codes: Iterable[str]) -> set[str]:
    """As given, and in capitals: new codes are kept so."""
    return {spelling for code in codes for spelling in (code, code.upper())}


def _settled(code: str, field: str, found: Mapping[str, KnownPlace], bound: Warehouses) -> str:
    known = code if code in found else code.upper()
    if known not in found:
        raise LocationNotFound.by_code(code, field)
    if not admits(bound, found[known].warehouse):
        raise OutsideWarehouses.of("location", known, bound or ())
    if not found[known].is_active:
        raise LocationInactive.of(known, field)
    return known


async def create_location(
    session: Session, code: str, name: str, warehouse: str, active: bool, bound: Warehouses
) -> Location:
    """The new location. Raises InvalidArgument, OutsideWarehouses, LocationExists. A repeat without a request id is refused."""
    check_warehouse(bound, warehouse)
    cleaned = clean_code(code)
    if not cleaned:
        raise InvalidArgument.of("location.code", "must be set")
    return await locations.insert(session, cleaned, name, warehouse, active)


async def update_location(
    session: Session, location_id: int, changes: Mapping[str, Any], etag: str, bound: Warehouses
) -> Location:
    """The location with the new values of `changes` (name, warehouse, is_active). Safe to repeat.

    Raises LocationNotFound, OutsideWarehouses, EtagMismatch, UnitContended.
    """
    for _ in range(_ATTEMPTS):
        present = await locations.get(session, location_id)
        if present is None:
            raise LocationNotFound.by_id(location_id)
        check_warehouse(bound, present.warehouse)
        check_etag(etag, present.version)
        changed = dataclasses.replace(present, **changes)
        check_warehouse(bound, changed.warehouse)
        # The statement changes it only at the version that was looked at.
        for done in await locations.update(session, changed):
            return done
    raise UnitContended("Others are changing this location just now; read it and try again.", retry_after_s=0.05)


async def get_location(session: Session, location_id: int, code: str, bound: Warehouses) -> Location:
    """The location by id or else by code, with the units on hand there. Raises LocationNotFound, OutsideWarehouses."""
    found = await locations.get(session, location_id, code)
    if found is None:
        raise LocationNotFound.by_id(location_id) if location_id else LocationNotFound.by_code(code, "code")
    if not admits(bound, found.warehouse):
        raise OutsideWarehouses.of("location", found.code, bound or ())
    return found


async def delete_location(session: Session, location_id: int, bound: Warehouses) -> None:
    """Removes the location. A repeat without a request id is NOT_FOUND.

    Raises LocationNotFound, OutsideWarehouses, LocationInUse.
    """
    if not await locations.delete(session, location_id, bound):
        await get_location(session, location_id, "", bound)
        raise LocationNotFound.by_id(location_id)
