"""Editing the recipes of bundles and kits. That none contains itself is the database's rule, also under concurrent edits."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy.ext.asyncio import AsyncConnection

from catalog_svc.domain.drafts import Edit, NewComponent
from catalog_svc.domain.errors import BundleComponentExists
from catalog_svc.domain.row import Row
from catalog_svc.operations.editing import created, delete, edit
from catalog_svc.storage import repositories
from catalog_svc.storage.nouns import COMPONENT


async def create_component(conn: AsyncConnection, new: NewComponent) -> Row:
    """Puts an identity into a bundle. Raises IdentityNotFound, BundleComponentExists, BundleParentWrong, BundleCycle."""
    key = await repositories.insert_new(conn, COMPONENT, asdict(new))
    if key is None:
        raise BundleComponentExists("The identity is in that bundle already; change the quantity of its line.")
    return await created(conn, COMPONENT, key)


async def update_component(conn: AsyncConnection, component_id: int, asked: Edit) -> Row:
    """Changes quantity or role. Raises BundleComponentNotFound, EtagMismatch. Safe to repeat."""
    return await edit(conn, COMPONENT, component_id, asked)


async def delete_component(conn: AsyncConnection, component_id: int, etag: str) -> None:
    """Takes an identity out of a bundle. Raises BundleComponentNotFound, EtagMismatch."""
    await delete(conn, COMPONENT, component_id, etag)
