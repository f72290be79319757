"""Creating identities and changing their texts. Nothing removes one."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog_svc.domain.drafts import Edit, NewIdentity
from catalog_svc.domain.errors import ComponentIndexMisplaced, IdentityExists, invalid
from catalog_svc.domain.identifiers import IdentityName, IdentityType
from catalog_svc.domain.row import Row
from catalog_svc.operations.editing import created, edit
from catalog_svc.storage import repositories
from catalog_svc.storage.nouns import FAMILY, IDENTITY


async def create_identity(conn: AsyncConnection, new: NewIdentity) -> Row:
    """Creates an identity. Raises FamilyNotFound, IdentityExists, ComponentIndexMisplaced, ComponentIndexesExhausted."""
    if new.component_index is not None and new.type is not IdentityType.PART:
        raise invalid(ComponentIndexMisplaced, "identity.component_index", "belongs to parts only")
    await _require_family(conn, new.product_id)
    key = await repositories.insert_new(conn, IDENTITY, asdict(new))
    if key is None:
        upis_h = IdentityName(new.product_id, new.type, new.component_index).upis_h
        raise IdentityExists(f"There is an identity {upis_h} already.", metadata={"upis_h": upis_h})
    return await created(conn, IDENTITY, key)


async def update_identity(conn: AsyncConnection, identity_id: int, asked: Edit) -> Row:
    """Changes physical class, name or description. Raises IdentityNotFound, EtagMismatch, IdentityImmutable. Safe to repeat."""
    return await edit(conn, IDENTITY, identity_id, asked)


async def _require_family(conn: AsyncConnection, product_id: int) -> None:
    if (await conn.execute(select(FAMILY.key).where(FAMILY.key == product_id))).first() is None:
        raise FAMILY.missing(product_id)
