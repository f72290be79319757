"""Stock in numbers: counts by status, and what may be promised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.domain.availability import Reading
from inventory_svc.domain.item import Status
from inventory_svc.domain.recipe import Recipe, buildable
from inventory_svc.domain.scope import Warehouses
from inventory_svc.storage.availability import free_units
from inventory_svc.storage.scope import CODES, as_array
from inventory_svc.storage.session import Row, Session
from inventory_svc.storage.stock_levels import LEVELS, LEVELS_AT, LEVELS_OF_ALL

# The few holds that have run out are moved over afterwards.
_COUNTS = """
    SELECT status, CAST(sum(units) AS bigint) AS units FROM ({levels}) AS level GROUP BY status
    UNION ALL
    SELECT 'EXPIRED', count(*) FROM inventory.item
    WHERE status = 'RESERVED' AND reserved_until <= now() AND {which}
"""
_BY_STATUS = Statement(
    text(_COUNTS.format(levels=LEVELS.format(variant=":variant_id"), which="variant_id = :variant_id"))
)
_HERE, _INSIDE = "location = CAST(:location AS text)", f"location IN ({CODES})"
_AT_BY_STATUS, _INSIDE_BY_STATUS, _AT_INSIDE_BY_STATUS = (
    Statement(text(_COUNTS.format(levels=LEVELS_AT.format(where=where), which=where)))
    for where in (_HERE, _INSIDE, f"{_HERE} AND {_INSIDE}")
)
_ALL_BY_STATUS = Statement(text(_COUNTS.format(levels=LEVELS_OF_ALL, which="TRUE")))


async def availability(
    session: Session, variant_ids: Sequence[int], recipes: Mapping[int, Recipe]
) -> dict[int, Reading]:
    """A reading per variant, all of one moment: its own free units and, by its recipe, those that can be built."""
    components = {key for recipe in recipes.values() for each in recipe for key in each.variant_ids}
    readings = await free_units(session, [*variant_ids, *components])
    free = {key: reading.free_units for key, reading in readings.items()}
    return {key: _with_bundles(readings[key], buildable(recipes.get(key, ()), free)) for key in variant_ids}


def _with_bundles(own: Reading, built: int) -> Reading:
    return replace(own, free_units=own.free_units + built, buildable_units=built) if built else own


async def count_by_status(session: Session, variant_id: int) -> dict[Status, int]:
    """The units of a variant in each status; a hold that has run out counts as AVAILABLE."""
    return _counts(await session.rows(_BY_STATUS, variant_id=variant_id))


async def count_all_by_status(session: Session) -> dict[Status, int]:
    """The same of all units."""
    return _counts(await session.rows(_ALL_BY_STATUS))


async def count_by_status_at(session: Session, location: str, inside: Warehouses) -> dict[Status, int]:
    """The same of the units at a location, or in all locations of some warehouses; one of both has to be given."""
    if inside is None:
        return _counts(await session.rows(_AT_BY_STATUS, location=location))
    if not location:
        return _counts(await session.rows(_INSIDE_BY_STATUS, warehouses=as_array(inside)))
    return _counts(await session.rows(_AT_INSIDE_BY_STATUS, location=location, warehouses=as_array(inside)))


def _counts(rows: Iterable[Row]) -> dict[Status, int]:
    stored = {row["status"]: row["units"] for row in rows}
    expired = stored.pop("EXPIRED", 0)
    counts = {status: int(stored.get(status.value, 0)) for status in Status}
    counts[Status.RESERVED] -= expired
    counts[Status.AVAILABLE] += expired
    return counts
