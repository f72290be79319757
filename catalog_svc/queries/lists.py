"""Lists by keyset: a page starts behind the key the last one ended with, whatever was inserted since.

The total is counted for the first page only and travels in the page token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import asyncpg
from sqlalchemy import BigInteger, Integer, Text, bindparam, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from catalog_svc.storage import tables
from catalog_svc.storage.nouns import (
    BRAND,
    COLOR,
    COMPONENT,
    CONDITION,
    FAMILY,
    IDENTITY,
    LCI_DEFINITION,
    SIZE,
    VARIANT,
    Noun,
)
from chassis.database import Database, Statement

Condition = ColumnElement[bool]
Filters = Mapping[str, Callable[[], Condition]]


@dataclass(frozen=True)
class Listing:
    """A noun's list: its filters by name, each a condition on a parameter of that name."""

    noun: Noun
    filters: Filters

    def __hash__(self) -> int:
        return id(self)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one page, the total, and the key to go on behind (None on the last page)."""

    rows: list[asyncpg.Record]
    total: int
    next_key: Any | None


def equals(column: ColumnElement[Any], name: str) -> Callable[[], Condition]:
    """A filter on one value."""
    return lambda: column == bindparam(name, type_=column.type)


def _name_contains(*columns: ColumnElement[Any]) -> Callable[[], Condition]:
    pattern = bindparam("q", type_=Text)
    return lambda: or_(*(func.lower(column).like(pattern) for column in columns))


def _sku_prefix() -> Condition:
    sku = tables.variant.c.full_sku
    return (sku >= bindparam("sku_prefix", type_=sku.type)) & (sku < bindparam("sku_prefix_end", type_=sku.type))


_FAMILY_BRAND = tables.brand.c.name

FAMILIES = Listing(
    FAMILY,
    {
        "q": _name_contains(tables.family.c.name, _FAMILY_BRAND),
        "brand_id": equals(tables.family.c.brand_id, "brand_id"),
        "brand": lambda: func.lower(_FAMILY_BRAND) == bindparam("brand", type_=Text),
    },
)
IDENTITIES = Listing(
    IDENTITY,
    {name: equals(tables.identity.c[name], name) for name in ("product_id", "type", "physical_class")},
)
VARIANTS = Listing(
    VARIANT,
    {
        **{
            name: equals(tables.variant.c[name], name)
            for name in ("product_id", "identity_id", "color_code", "size_code", "condition_code")
        },
        "sku_prefix": _sku_prefix,
        "alive": lambda: tables.variant.c.deleted_at.is_(None),
    },
)
_PARENT_FAMILY = select(tables.identity.c.id).where(
    tables.identity.c.product_id == bindparam("product_id", type_=Integer)
)
COMPONENTS = Listing(
    COMPONENT,
    {
        "product_id": lambda: tables.bundle_component.c.parent_identity_id.in_(_PARENT_FAMILY),
        "parent_identity_id": equals(tables.bundle_component.c.parent_identity_id, "parent_identity_id"),
        "child_identity_id": equals(tables.bundle_component.c.child_identity_id, "child_identity_id"),
    },
)
REGISTRIES = {
    BRAND.kind: Listing(BRAND, {"q": _name_contains(tables.brand.c.name)}),
    COLOR.kind: Listing(COLOR, {}),
    CONDITION.kind: Listing(CONDITION, {}),
    SIZE.kind: Listing(SIZE, {}),
    LCI_DEFINITION.kind: Listing(
        LCI_DEFINITION, {"product_id": equals(tables.lci_definition.c.product_id, "product_id")}
    ),
}


def contains_pattern(text: str) -> str:
    """The LIKE pattern of a text somewhere inside, its own wildcards taken literally."""
    escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def prefix_range(prefix: str) -> dict[str, str]:
    """The parameters of a SKU prefix. No code has a character behind "~", so that is where its longer codes end."""
    return {"sku_prefix": prefix, "sku_prefix_end": prefix + "~"}


async def page(
    db: Database, listing: Listing, given: Mapping[str, Any], after: Any | None, total: int | None, size: int
) -> Page:
    """One page of a list. `given` holds the parameters of the filters that apply; None as total counts them."""
    names = frozenset(name for name in listing.filters if name in given)
    parameters = {name: value for name, value in given.items() if name != "alive"}
    if total is None:
        total = await db.fetchval(_count(listing, names), **parameters)
    start = _before_all(listing.noun) if after is None else after
    rows = await db.fetch(_page(listing, names), **parameters, after=start, page_limit=size + 1)
    more = len(rows) > size
    rows = rows[:size]
    return Page(rows, total, rows[-1][str(listing.noun.key.key)] if more else None)


@cache
def _page(listing: Listing, names: frozenset[str]) -> Statement:
    key = listing.noun.key
    statement = listing.noun.shape.where(*(listing.filters[name]() for name in sorted(names)))
    statement = statement.where(key > bindparam("after", type_=key.type)).order_by(key)
    return Statement(statement.limit(bindparam("page_limit", type_=BigInteger)))


@cache
def _count(listing: Listing, names: frozenset[str]) -> Statement:
    chosen = [listing.filters[name]() for name in sorted(names)]
    if listing.noun is FAMILY:
        source = tables.family.outerjoin(tables.brand, tables.brand.c.id == tables.family.c.brand_id)
        return Statement(select(func.count()).select_from(source).where(*chosen))
    return Statement(select(func.count()).select_from(listing.noun.table).where(*chosen))


def _before_all(noun: Noun) -> Any:
    return "" if isinstance(noun.key.type, Text) else -1
