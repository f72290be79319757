"""Units for people to look at: one, a page by filters, and where the units of a SKU are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.domain.errors import ItemNotFound
from inventory_svc.domain.item import Item, Status
from inventory_svc.domain.scope import Warehouses, refuse_units
from inventory_svc.domain.serial_numbers import clean
from inventory_svc.domain.variant import clean_sku
from inventory_svc.queries import pages
from inventory_svc.queries.pages import BY_ID, Filters, Order
from inventory_svc.queries.stock import count_all_by_status, count_by_status, count_by_status_at
from inventory_svc.storage.item_rows import ITEM_COLUMNS, ITEM_SOURCE, get_many, ids_by_serial, to_item
from inventory_svc.storage.scope import ANY, CODES, as_array, units_outside
from inventory_svc.storage.session import Session

_FREE = ("status = 'AVAILABLE'", "(status = 'RESERVED' AND reserved_until <= now())")
_HELD = ("(status = 'RESERVED' AND reserved_until > now())",)
_OF_SKU = "variant_id = (SELECT variant_id FROM inventory.known_variant WHERE sku = CAST(:sku AS text))"
_SERIAL_NUMBER = "serial_number IS NOT NULL AND upper(serial_number) = CAST(:serial_key AS text)"
# The operators of the serial index: plain byte order, so a prefix is a range.
_SERIAL_PREFIX = (
    "serial_number IS NOT NULL AND upper(serial_number) ~>=~ CAST(:serial_from AS text)"
    " AND upper(serial_number) ~<~ CAST(:serial_to AS text)"
)

# A prefix by itself. Of two bounds the planner believes that next to nothing lies between them, reads all of it and counts then;
# a bound that compares rows is the same bound, and it walks from the lower one until it has counted enough.
_PREFIX_COUNTED = (
    "deleted_at IS NULL AND serial_number IS NOT NULL AND upper(serial_number) ~>=~ CAST(:serial_from AS text)"
    " AND (upper(serial_number), '') ~<~ (CAST(:serial_to AS text), '') ORDER BY upper(serial_number) USING ~<~"
)

# Each status alone: so the indexes by variant and by location give their units in the order of ids.
_ANY_STATUS = tuple(f"status = '{status.value}'" for status in Status)
_AT_ID = "(SELECT {column} FROM inventory.item WHERE id = CAST(:after AS bigint))"
_RECEIVED_AFTER = "CAST(:received_after AS timestamptz)"
# An index is entered at the lower bound that compares rows, so this has to be the higher one of both.
_BY_RECEIPT, _BY_RECEIPT_AFTER = (
    Order(
        "received_at",
        f"(received_at, id) > (coalesce({_AT_ID.format(column='received_at')}, {first}), CAST(:after AS bigint))",
        "key",
    )
    for first in ("'-infinity'", _RECEIVED_AFTER)
)
_BY_SERIAL_NUMBER = Order(
    "upper(serial_number)",
    f"upper(serial_number) ~>~ coalesce({_AT_ID.format(column='upper(serial_number)')}, '')",
    "key USING ~<~",
)

# All are counted out of the index alone; the few holds that have run out are moved over afterwards.
_PLACES = Statement(
    text(f"""
    SELECT location, status, CAST(sum(units) AS bigint) AS units FROM (
      SELECT location, status, count(*) AS units FROM inventory.item
      WHERE variant_id = :variant_id AND deleted_at IS NULL GROUP BY location, status
      UNION ALL
      SELECT item.location, moved.status, moved.units FROM inventory.item
      CROSS JOIN (VALUES ('RESERVED', -1), ('AVAILABLE', 1)) AS moved (status, units)
      WHERE item.status = 'RESERVED' AND item.reserved_until <= now() AND item.variant_id = :variant_id
        AND item.deleted_at IS NULL
    ) AS counted
    WHERE {ANY} OR location IN ({CODES})
    GROUP BY location, status HAVING sum(units) > 0 ORDER BY location, status
    """)
)
_KNOWN = Statement(text("SELECT variant_id FROM inventory.known_variant WHERE sku = :sku"))


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which units; what is empty does not count."""

    variant_id: int = 0
    sku: str = ""
    status: Status | None = None
    location: str = ""
    serial_number: str = ""
    serial_prefix: str = ""
    received_after: datetime | None = None
    received_before: datetime | None = None
    # What the caller is bound to.
    inside: Warehouses = None


@dataclass(frozen=True, slots=True)
class Place:
    """So many units of a status at a location."""

    location: str
    status: Status
    units: int


@dataclass(frozen=True, slots=True)
class Audited:
    """What a SKU or serial number stands for: the units to page through, and where they are."""

    filter: ItemFilter
    places: list[Place]


def _filters(asked: ItemFilter) -> Filters:
    prefix = clean(asked.serial_prefix).upper()
    given: list[tuple[str, dict[str, Any]]] = [
        ("variant_id = CAST(:variant_id AS bigint)", {"variant_id": asked.variant_id}),
        (_OF_SKU, {"sku": clean_sku(asked.sku)}),
        ("location = CAST(:location AS text)", {"location": asked.location}),
        (_SERIAL_NUMBER, {"serial_key": asked.serial_number.upper()}),
        (_SERIAL_PREFIX, {"serial_from": prefix, "serial_to": f"{prefix}\x7f"} if prefix else {"serial_from": ""}),
        (f"received_at >= {_RECEIVED_AFTER}", {"received_after": asked.received_after}),
        ("received_at < CAST(:received_before AS timestamptz)", {"received_before": asked.received_before}),
    ]
    active = [(condition, values) for condition, values in given if next(iter(values.values()))]
    if asked.inside is not None:
        active.append((f"location IN ({CODES})", {"warehouses": as_array(asked.inside)}))
    either, status = _of_status(asked.status, bool(asked.variant_id or asked.sku or asked.location))
    return Filters(
        "inventory.item",
        ("deleted_at IS NULL", *(condition for condition, _ in active)),
        either,
        {key: value for _, values in active for key, value in values.items()} | status,
        _order(asked),
        any_way=asked.status is None,
        counted=_PREFIX_COUNTED if asked == ItemFilter(serial_prefix=asked.serial_prefix) and prefix else "",
    )


def _order(asked: ItemFilter) -> Order:
    if asked.serial_prefix:
        return _BY_SERIAL_NUMBER
    if asked.received_after:
        return _BY_RECEIPT_AFTER
    return _BY_RECEIPT if asked.received_before else BY_ID


def _of_status(status: Status | None, apart: bool) -> tuple[tuple[str, ...], dict[str, Any]]:
    if status is None:
        return _ANY_STATUS if apart else ("TRUE",), {}
    if status is Status.AVAILABLE:
        return _FREE, {}
    if status is Status.RESERVED:
        return _HELD, {}
    return ("status = CAST(:status AS text)",), {"status": status.value}


async def list_items(
    session: Session, asked: ItemFilter, after: int, most: int, total: int | None = None
) -> list[Item]:
    """Up to `most` units behind that of the id `after`. `total` is how many match, where it is known.

    By id; by serial number where it begins with something; else by the time of receipt where that is filtered.
    """
    rows = await pages.read_page(
        session,
        _filters(asked),
        columns=ITEM_COLUMNS,
        source=ITEM_SOURCE,
        name="item",
        after=after,
        most=most,
        total=total,
    )
    return [to_item(row) for row in rows]


async def count_items(session: Session, asked: ItemFilter) -> int:
    """How many units match: exact up to 2,000, and always where only a variant, a SKU or a place, and a status, are asked for."""
    if (asked.location or asked.inside is not None) and asked == ItemFilter(
        location=asked.location, status=asked.status, inside=asked.inside
    ):
        counts = await count_by_status_at(session, asked.location, asked.inside)
        return sum(counts.values()) if asked.status is None else counts[asked.status]
    if asked != ItemFilter(variant_id=asked.variant_id, sku=asked.sku, status=asked.status):
        return await pages.count(session, _filters(asked))
    variants = {asked.variant_id} - {0}
    if asked.sku:
        variants |= {row["variant_id"] for row in await session.rows(_KNOWN, sku=clean_sku(asked.sku))} or {0}
    if len(variants) > 1 or variants == {0}:
        return 0
    counts = await count_by_status(session, *variants) if variants else await count_all_by_status(session)
    return sum(counts.values()) if asked.status is None else counts[asked.status]


async def get_item(session: Session, item_id: int, serial_number: str, bound: Warehouses) -> Item:
    """One unit by id or else by serial number. Raises ItemNotFound, OutsideWarehouses."""
    number = clean(serial_number)
    found = item_id or (await ids_by_serial(session, [number])).get(number.upper(), 0)
    items = await get_many(session, [found]) if found else {}
    if found not in items:
        raise ItemNotFound.by_id(item_id) if item_id else ItemNotFound.by_serial(number)
    if bound is not None:
        refuse_units(bound, await units_outside(session, [found], bound))
    return items[found]


async def audit(session: Session, sku_or_serial: str, bound: Warehouses) -> Audited:
    """The units of a SKU, or the one of a serial number. Raises ItemNotFound when it is neither, OutsideWarehouses."""
    sku = clean_sku(sku_or_serial)
    known = await session.rows(_KNOWN, sku=sku)
    if known:
        variant_id = known[0]["variant_id"]
        rows = await session.rows(_PLACES, variant_id=variant_id, warehouses=as_array(bound))
        places = [Place(row["location"], Status(row["status"]), row["units"]) for row in rows]
        return Audited(ItemFilter(variant_id=variant_id, inside=bound), places)
    item = await get_item(session, 0, sku_or_serial, bound)
    return Audited(ItemFilter(serial_number=item.serial_number), [Place(item.location, item.status, 1)])
