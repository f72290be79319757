"""Creating, changing and deleting families."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy.ext.asyncio import AsyncConnection

from catalog_svc.domain.drafts import Edit, NewFamily
from catalog_svc.domain.errors import FamilyExists, required
from catalog_svc.domain.row import Row
from catalog_svc.operations.editing import created, delete, edit
from catalog_svc.storage import repositories
from catalog_svc.storage.nouns import FAMILY


async def create_family(conn: AsyncConnection, new: NewFamily) -> Row:
    """Creates a family. Raises FamilyExists, ProductIdsExhausted, CodeNotFound for an unknown brand."""
    if not new.name:
        raise required("family.name")
    key = await repositories.insert_new(conn, FAMILY, asdict(new))
    if key is None:
        raise FamilyExists(
            f"The number {new.product_id:05d} belongs to another family.", metadata={"product_id": str(new.product_id)}
        )
    return await created(conn, FAMILY, key)


async def update_family(conn: AsyncConnection, product_id: int, asked: Edit) -> Row:
    """Changes name, description or brand. Raises FamilyNotFound, EtagMismatch, CodeNotFound. Safe to repeat."""
    if "name" in asked.values and not asked.values["name"]:
        raise required("family.name")
    return await edit(conn, FAMILY, product_id, asked)


async def delete_family(conn: AsyncConnection, product_id: int, etag: str) -> None:
    """Deletes a family that is empty. Raises FamilyNotFound, EtagMismatch, FamilyNotEmpty."""
    await delete(conn, FAMILY, product_id, etag)
