"""Takes units into stock, one or a hundred thousand, all or none."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inventory_svc.domain.errors import SerialNumberTaken, VariantNotFound
from inventory_svc.domain.item import Item
from inventory_svc.domain.ledger import Cause
from inventory_svc.domain.receipt import MAX_UNITS, NewUnit, ReceiptLine, check_size, units
from inventory_svc.domain.serial_numbers import refuse_repeats
from inventory_svc.operations.locations import known_locations
from inventory_svc.operations.variants import Variants
from inventory_svc.storage import receipts
from inventory_svc.storage.item_rows import get_many
from inventory_svc.storage.session import Session


@dataclass(frozen=True, slots=True)
class FieldNames:
    """How errors name the fields of a line: what stands before its `sku`, and its serial number; `{}` is its place."""

    line: str
    serial_number: str


async def prepare_receipt(
    variants: Variants, lines: Sequence[ReceiptLine], names: FieldNames, *, limit: int = MAX_UNITS
) -> list[NewUnit]:
    """The single units of the lines, their variants found. Belongs before the transaction: it may ask the catalog.

    Raises BatchTooLarge, SerialNumberRepeated, VariantNotFound, Unavailable.
    """
    check_size(lines, limit)
    refuse_repeats([line.serial_number for line in lines], names.serial_number)
    by_sku = await variants.by_skus({line.sku for line in lines if line.sku})
    by_id = await variants.by_ids({line.variant_id for line in lines if not line.sku})
    found: list[int] = []
    for position, line in enumerate(lines):
        known = by_sku.get(line.sku) if line.sku else by_id.get(line.variant_id)
        if known is None:
            raise _unknown(line, names.line.format(position))
        found.append(known.variant_id)
    return list(units(lines, found))


def _unknown(line: ReceiptLine, prefix: str) -> VariantNotFound:
    if line.sku:
        return VariantNotFound.by_sku(line.sku, f"{prefix}sku")
    return VariantNotFound.by_id(line.variant_id, f"{prefix}variant_id")


def location_fields(lines: Sequence[ReceiptLine], names: FieldNames) -> dict[str, str]:
    """The locations of a receipt, each with the field that names it first."""
    fields: dict[str, str] = {}
    for position, line in enumerate(lines):
        if line.location not in fields:
            fields[line.location] = f"{names.line.format(position)}location"
    return fields


async def receive_units(
    session: Session, new_units: Sequence[NewUnit], fields: Mapping[str, str], cause: Cause
) -> list[int]:
    """Takes the units into stock and answers their ids in order. In a transaction: all or none.

    `fields` are those of `location_fields`. Raises LocationNotFound, LocationInactive, OutsideWarehouses, SerialNumberTaken. A
    repeat without a request id receives again, where serial numbers do not forbid it.
    """
    places = await known_locations(session, fields, cause.warehouses)
    if any(asked != kept for asked, kept in places.items()):
        new_units = [dataclasses.replace(unit, location=places[unit.location]) for unit in new_units]
    serial_numbers = [unit.serial_number for unit in new_units if unit.serial_number]
    if serial_numbers:
        taken = await receipts.list_taken(session, serial_numbers)
        if taken:
            raise SerialNumberTaken.of(taken)
    return await receipts.insert_units(session, new_units, cause)


async def receive_items(
    session: Session, new_units: Sequence[NewUnit], fields: Mapping[str, str], cause: Cause
) -> list[Item]:
    """As `receive_units`, and answers the units themselves."""
    ids = await receive_units(session, new_units, fields, cause)
    items = await get_many(session, ids)
    return [items[item_id] for item_id in ids]
