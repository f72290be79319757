"""The catalogue as CSV with the columns that the import reads: a line per listing, and one per variant without any."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import BigInteger, bindparam, text

from catalog_svc.domain.import_rows import COLUMNS, OPTIONAL_COLUMNS
from catalog_svc.domain.import_text import as_cell
from chassis.database import Database, Statement

OUR_COLUMNS = ("product_id", "upis_h", "full_sku", "price", "currency")
_BATCH = 1000
_MAIN_ACCOUNT = "MAIN"

_BY_IDS = "v.id = ANY(CAST(:ids AS bigint[]))"
_BEHIND = "v.id > CAST(:after AS bigint)"
_TEMPLATE = """
SELECT v.id, f.name AS family_name, i.type, v.color_code, v.size_code, v.condition_code, coalesce(d.name, '') AS component_name,
  coalesce((
    SELECT string_agg(coalesce(cd.name, cf.name), ', ' ORDER BY (b.role = 'PRIMARY') DESC, b.id)
    FROM catalog.bundle_component b CROSS JOIN LATERAL generate_series(1, b.quantity)
    JOIN catalog.identity ci ON ci.id = b.child_identity_id JOIN catalog.family cf ON cf.product_id = ci.product_id
    LEFT JOIN catalog.lci_definition cd ON cd.product_id = ci.product_id AND cd.component_index = ci.component_index
    WHERE b.parent_identity_id = i.id), '') AS included,
  coalesce(v.name, '') AS name, f.product_id, v.upis_h, v.full_sku, v.price_amount, v.price_currency
FROM catalog.variant v JOIN catalog.identity i ON i.id = v.identity_id JOIN catalog.family f ON f.product_id = v.product_id
LEFT JOIN catalog.lci_definition d ON d.product_id = i.product_id AND d.component_index = i.component_index
WHERE {which} AND v.deleted_at IS NULL AND (CAST(:product_id AS integer) IS NULL OR v.product_id = :product_id)
ORDER BY v.id LIMIT {limit}"""

_VARIANTS = Statement(text(_TEMPLATE.format(which=_BY_IDS, limit=_BATCH)).bindparams(bindparam("ids")))
_NEXT = Statement(text(_TEMPLATE.format(which=_BEHIND, limit=_BATCH)).bindparams(bindparam("after", type_=BigInteger)))
_TYPES = {"PRODUCT": "Product", "PART": "Parts", "BUNDLE": "Bundle", "KIT": "Bundle", "SERVICE": "Service"}
_PLATFORM_NAMES = {"EBAY": "eBay", "AMAZON": "Amazon", "ECWID": "Ecwid", "ZOHO": "Zoho"}


@dataclass(frozen=True, slots=True)
class ExportedListing:
    """What a line tells of a listing."""

    variant_id: int
    platform: str
    account: str
    platform_sku: str
    asin: str
    name: str


class ListingSource(Protocol):
    """Where listings are read from."""

    def pages(self) -> AsyncIterator[list[ExportedListing]]:
        """All listings, a page at a time. Raises Unavailable."""


async def export_lines(db: Database, listings: ListingSource, product_id: int | None) -> AsyncIterator[str]:
    """The header, then the lines. Raises Unavailable."""
    yield _line((*COLUMNS, *OPTIONAL_COLUMNS, *OUR_COLUMNS))
    listed: set[int] = set()
    async for page in listings.pages():
        ids = sorted({listing.variant_id for listing in page})
        found = {row["id"]: row for row in await db.fetch(_VARIANTS, ids=ids, product_id=product_id)}
        for listing in page:
            if listing.variant_id in found:
                yield _listing_line(found[listing.variant_id], listing)
        listed.update(ids)
    after = 0
    while rows := await db.fetch(_NEXT, after=after, product_id=product_id):
        for row in rows:
            if row["id"] not in listed:
                yield _variant_line(row)
        after = rows[-1]["id"]


def _listing_line(row: Any, listing: ExportedListing) -> str:
    return _cells(row, (listing.platform_sku, _channel(listing), listing.asin, listing.name))


def _channel(listing: ExportedListing) -> str:
    """As the import reads it; a platform alone means its main account there, so every other is named."""
    platform = _PLATFORM_NAMES.get(listing.platform, listing.platform)
    return platform if listing.account == _MAIN_ACCOUNT else f"{listing.account}_{platform}"


def _variant_line(row: Any) -> str:
    return _cells(row, ("", "", "", row["name"]))


def _cells(row: Any, listing: Sequence[str]) -> str:
    head = (
        row["family_name"],
        _TYPES[row["type"]],
        row["color_code"],
        row["condition_code"],
        row["component_name"],
        row["included"],
    )
    ours = (row["product_id"], row["upis_h"], row["full_sku"], row["price_amount"], row["price_currency"])
    return _line((*head, *listing, row["size_code"], *ours))


def _line(cells: Iterable[object]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow("" if cell is None else as_cell(str(cell)) for cell in cells)
    return out.getvalue()
