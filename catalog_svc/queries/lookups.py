"""Reads of single things by key, and of what belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import asyncpg
from sqlalchemy import any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import ColumnElement

from catalog_svc.domain.changes import Kind
from catalog_svc.domain.errors import IdentityNotFound, VariantNotFound
from catalog_svc.domain.identifiers import IdentityName
from catalog_svc.domain.sku import normalize_sku
from catalog_svc.storage import tables
from catalog_svc.storage.nouns import IDENTITY, NOUNS, VARIANT, Noun
from chassis.coalesce import Coalescer
from chassis.database import Database, Statement

# A family has 103 identities at most; an identity as many variants as there are codes.
MOST_CHILDREN = 1000


@cache
def _by_key(noun: Noun) -> Statement:
    return Statement(noun.shape.where(noun.key == bindparam("the_key", type_=noun.key.type)))


def _all_of(noun: Noun, column: ColumnElement[Any]) -> Statement:
    wanted = column == any_(bindparam("wanted", type_=ARRAY(column.type)))
    return Statement(noun.shape.where(wanted).order_by(noun.key))


_IDENTITY_BY_NAME = Statement(IDENTITY.shape.where(tables.identity.c.upis_h == bindparam("upis_h")))
_IDENTITIES_OF_FAMILY = Statement(
    IDENTITY.shape.where(tables.identity.c.product_id == bindparam("product_id"))
    .order_by(tables.identity.c.upis_h)
    .limit(MOST_CHILDREN)
)
_LIVE_VARIANTS_OF_IDENTITY = Statement(
    VARIANT.shape.where(tables.variant.c.identity_id == bindparam("identity_id"), tables.variant.c.deleted_at.is_(None))
    .order_by(tables.variant.c.full_sku)
    .limit(MOST_CHILDREN)
)
_VARIANTS_BY_SKU = _all_of(VARIANT, tables.variant.c.full_sku)
_VARIANTS_BY_ID = _all_of(VARIANT, tables.variant.c.id)


class Lookups:
    """Reads by key. SKU lookups that arrive together share one statement."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._variants_by_sku: Coalescer[str, asyncpg.Record] = Coalescer(self._fetch_by_sku)

    async def get(self, kind: Kind, key: Any) -> asyncpg.Record:
        """One row of any kind. Raises the kind's NotFound."""
        noun = NOUNS[kind]
        found = await self._db.fetchrow(_by_key(noun), the_key=key)
        if found is None:
            raise noun.missing(key)
        return found

    async def identity_by_name(self, name: IdentityName, asked: str, value: str) -> asyncpg.Record:
        """The identity of that name. Raises IdentityNotFound, in the words it was asked for."""
        found = await self._db.fetchrow(_IDENTITY_BY_NAME, upis_h=name.upis_h)
        if found is None:
            raise IdentityNotFound.of(asked, value)
        return found

    async def identities_of(self, product_id: int) -> list[asyncpg.Record]:
        """The identities of a family by UPIS-H."""
        return await self._db.fetch(_IDENTITIES_OF_FAMILY, product_id=product_id)

    async def variants_of(self, identity_id: int) -> list[asyncpg.Record]:
        """The variants of an identity that are not deleted, by SKU."""
        return await self._db.fetch(_LIVE_VARIANTS_OF_IDENTITY, identity_id=identity_id)

    async def variant_by_sku(self, full_sku: str) -> asyncpg.Record:
        """The variant with a SKU, in any case. Raises VariantNotFound."""
        sku = normalize_sku(full_sku)
        found = await self._variants_by_sku.get(sku)
        if found is None:
            raise VariantNotFound.of("full_sku", sku)
        return found

    async def variants_by(self, ids: Sequence[int], skus: Sequence[str]) -> list[asyncpg.Record]:
        """The variants among those ids and SKUs, each once, by id."""
        by_id = await self._db.fetch(_VARIANTS_BY_ID, wanted=list(ids)) if ids else []
        by_sku = await self._db.fetch(_VARIANTS_BY_SKU, wanted=[normalize_sku(sku) for sku in skus]) if skus else []
        found = {row["id"]: row for row in (*by_id, *by_sku)}
        return [found[key] for key in sorted(found)]

    async def _fetch_by_sku(self, skus: list[str]) -> dict[str, asyncpg.Record]:
        rows = await self._db.fetch(_VARIANTS_BY_SKU, wanted=skus)
        return {row["full_sku"]: row for row in rows}
