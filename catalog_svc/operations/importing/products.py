"""The first stage: families, products and parts with their variants, a batch of whole families per transaction."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

from catalog_svc.domain.import_rows import CONDITION, SIZE, CatalogRow, Problem, RowKind, color_name, key_of
from catalog_svc.operations.importing.report import Report
from catalog_svc.operations.importing.writer import PartKey, VariantKey, Writer

_FULL = Problem("Component Type", "COMPONENT_INDEXES_EXHAUSTED", "the family has 99 parts already; no more fit")
_DELETED = Problem("sku", "VARIANT_DELETED", "the variant is deleted; undelete it and import again")
Numbers = Mapping[int, int]


async def write_products(writer: Writer, rows: Sequence[CatalogRow], numbers: Numbers, report: Report) -> None:
    """Finds or makes the families of `rows` and what they sell, bundles left out. Safe to repeat.

    `numbers` tells which family number a group would like, by the line its first row has.
    """
    await writer.lock()
    families = await writer.families(wanted_families(rows, numbers))
    await writer.colors(colors_of(rows))
    singles = [row for row in rows if row.kind is not RowKind.BUNDLE]
    identities = await _identities(writer, singles, families)
    for row in singles:
        if row.line not in identities:
            report.report([row], _FULL)
    taken = [row for row in singles if row.line in identities]
    await write_variants(writer, taken, identities, report)


def wanted_families(rows: Iterable[CatalogRow], numbers: Numbers) -> dict[str, tuple[str, int | None]]:
    """Name and liked number by name key; the first spelling in the file counts."""
    wanted: dict[str, tuple[str, int | None]] = {}
    for row in rows:
        wanted.setdefault(row.group_key, (row.group, numbers.get(row.line)))
    return wanted


def colors_of(rows: Iterable[CatalogRow]) -> dict[str, str]:
    """Names of the colours of rows, by code."""
    return {row.color: color_name(row.color, row.notes) for row in rows if row.color}


async def _identities(writer: Writer, rows: Iterable[CatalogRow], families: Mapping[str, int]) -> dict[int, int]:
    """The identity of each row, by line."""
    products: dict[int, tuple[int, str]] = {}
    parts: dict[int, PartKey] = {}
    names: dict[PartKey, str] = {}
    for row in rows:
        number = families[row.group_key]
        if row.kind is RowKind.PART:
            parts[row.line] = (number, key_of(row.component))
            names.setdefault(parts[row.line], row.component)
        else:
            products[row.line] = (number, row.kind.value)
    of_products = await writer.identities(products.values())
    of_parts = await writer.parts(names)
    found = {line: of_products[key] for line, key in products.items()}
    return found | {line: of_parts[key] for line, key in parts.items() if key in of_parts}


async def write_variants(
    writer: Writer, rows: Sequence[CatalogRow], identities: Mapping[int, int], report: Report
) -> None:
    """Finds or makes the variant of each row; `identities` is by line."""
    wanted: dict[VariantKey, str] = {}
    for row in rows:
        wanted.setdefault(_key(row, identities), row.name)
    unknown = await writer.unknown_codes(code for row in rows for code in (row.condition, row.size) if code)
    variants = await writer.variants({key: name for key, name in wanted.items() if unknown.isdisjoint(key[2:])})
    seen: set[VariantKey] = set()
    for row in rows:
        key = _key(row, identities)
        if key not in variants:
            report.report([row], _unregistered(row, unknown))
            continue
        variant_id, deleted, new = variants[key]
        if deleted:
            report.report([row], _DELETED)
            continue
        report.set_variant(row, variant_id, new=new and key not in seen)
        seen.add(key)


def _key(row: CatalogRow, identities: Mapping[int, int]) -> VariantKey:
    return identities[row.line], row.color, row.size, row.condition


def _unregistered(row: CatalogRow, unknown: Container[str]) -> Problem:
    column, code = (SIZE, row.size) if row.size in unknown else (CONDITION, row.condition)
    return Problem(column, "CODE_UNKNOWN", f"{code} is not in the registry; register it and import again")
