"""The explosion of a recipe: one statement fetches every line below a bundle, the domain counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
from sqlalchemy import any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from catalog_svc.domain.recipes import ExplodedLine, RecipeLine, explode
from catalog_svc.storage import tables
from catalog_svc.storage.nouns import IDENTITY
from chassis.database import Database, Statement

_LINE = tables.bundle_component
_top = select(_LINE.c.parent_identity_id, _LINE.c.child_identity_id, _LINE.c.quantity).where(
    _LINE.c.parent_identity_id == bindparam("parent_identity_id", type_=_LINE.c.id.type)
)
_below = _top.cte("below", recursive=True)
_next = select(_LINE.c.parent_identity_id, _LINE.c.child_identity_id, _LINE.c.quantity).join(
    _below, _LINE.c.parent_identity_id == _below.c.child_identity_id
)
_LINES_BELOW = Statement(select(_below.union(_next)))
_BELOW_FAMILY = tables.identity.join(
    tables.family, tables.family.c.product_id == tables.identity.c.product_id
).outerjoin(
    tables.lci_definition,
    (tables.lci_definition.c.product_id == tables.identity.c.product_id)
    & (tables.lci_definition.c.component_index == tables.identity.c.component_index),
)
_NAMES = Statement(
    select(
        tables.identity.c.id,
        tables.identity.c.upis_h,
        func.coalesce(tables.identity.c.name, tables.lci_definition.c.name, tables.family.c.name).label("name"),
    )
    .select_from(_BELOW_FAMILY)
    .where(tables.identity.c.id == any_(bindparam("ids", type_=ARRAY(tables.identity.c.id.type))))
)
_PARENT = Statement(IDENTITY.shape.where(IDENTITY.key == bindparam("identity_id", type_=IDENTITY.key.type)))


@dataclass(frozen=True, slots=True)
class NamedLine:
    """A line of the explosion with what people call it."""

    line: ExplodedLine
    upis_h: str
    name: str


@dataclass(frozen=True, slots=True)
class Explosion:
    """What is in one bundle, by level and UPIS-H."""

    parent: asyncpg.Record
    lines: Sequence[NamedLine]


async def bill_of_materials(db: Database, parent_identity_id: int) -> Explosion:
    """Explodes a bundle; empty for what has no recipe. Raises IdentityNotFound, BillOfMaterialsTooLarge."""
    parent = await db.fetchrow(_PARENT, identity_id=parent_identity_id)
    if parent is None:
        raise IDENTITY.missing(parent_identity_id)
    rows = await db.fetch(_LINES_BELOW, parent_identity_id=parent_identity_id)
    lines = [RecipeLine(row["parent_identity_id"], row["child_identity_id"], row["quantity"]) for row in rows]
    exploded = explode(parent_identity_id, lines)
    names = {row["id"]: row for row in await db.fetch(_NAMES, ids=[line.identity_id for line in exploded])}
    named = [NamedLine(line, names[line.identity_id]["upis_h"], names[line.identity_id]["name"]) for line in exploded]
    return Explosion(parent, sorted(named, key=lambda item: (item.line.level, item.upis_h)))
