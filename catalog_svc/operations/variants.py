"""Creating, changing, deleting and undeleting variants. A deleted one keeps its row and its SKU."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog_svc.domain.changes import Action
from catalog_svc.domain.drafts import Edit, NewVariant
from catalog_svc.domain.errors import VariantDeleted, VariantExists
from catalog_svc.domain.price import price_columns
from catalog_svc.domain.row import Row
from catalog_svc.operations.editing import check, created, write
from catalog_svc.storage import changes, repositories
from catalog_svc.storage.nouns import VARIANT
from chassis.etags import check_etag


async def create_variant(conn: AsyncConnection, new: NewVariant) -> Row:
    """Creates a variant. Raises IdentityNotFound, CodeNotFound, VariantExists (also beside a deleted one)."""
    key = await repositories.insert_new(conn, VARIANT, _values(new))
    if key is None:
        raise await _exists(conn, new)
    return await created(conn, VARIANT, key)


async def create_variants(conn: AsyncConnection, new: list[NewVariant]) -> list[int]:
    """Creates those variants of a list that are not there yet, and answers their ids. Safe to repeat.

    Raises IdentityNotFound and CodeNotFound, and then creates none.
    """
    keys = await repositories.insert_many(conn, VARIANT, [_values(item) for item in new])
    await changes.record(conn, VARIANT, keys, Action.CREATED)
    return keys


async def update_variant(conn: AsyncConnection, variant_id: int, asked: Edit) -> Row:
    """Changes name, description or price, which makes listings pending. Safe to repeat.

    Raises VariantNotFound, VariantDeleted, VariantImmutable, EtagMismatch.
    """
    present = await repositories.lock(conn, VARIANT, variant_id)
    check(VARIANT, present, asked)
    if present["deleted_at"] is not None:
        sku = present["full_sku"]
        raise VariantDeleted(f"The variant {sku} is deleted; undelete it first.", metadata={"id": str(variant_id)})
    return await write(conn, VARIANT, variant_id, present, asked.values)


async def delete_variant(conn: AsyncConnection, variant_id: int, etag: str) -> Row:
    """Marks a variant as deleted. Raises VariantNotFound, EtagMismatch. Safe to repeat."""
    present = await repositories.lock(conn, VARIANT, variant_id)
    check_etag(etag, present["version"])
    if present["deleted_at"] is None:
        await repositories.change(conn, VARIANT, variant_id, {"deleted_at": func.now()})
        await changes.record(conn, VARIANT, [variant_id], Action.DELETED)
    return await repositories.get(conn, VARIANT, variant_id)


async def undelete_variant(conn: AsyncConnection, variant_id: int) -> Row:
    """Takes the mark away. Raises VariantNotFound. Safe to repeat."""
    present = await repositories.lock(conn, VARIANT, variant_id)
    if present["deleted_at"] is not None:
        await repositories.change(conn, VARIANT, variant_id, {"deleted_at": None})
        await changes.record(conn, VARIANT, [variant_id], Action.UPDATED, ["delete_time"])
    return await repositories.get(conn, VARIANT, variant_id)


def _values(new: NewVariant) -> dict[str, Any]:
    return {**new.combination, "name": new.name, "description": new.description, **price_columns(new.price)}


async def _exists(conn: AsyncConnection, new: NewVariant) -> VariantExists:
    table = VARIANT.table
    same = [table.c[name].is_not_distinct_from(value) for name, value in new.combination.items()]
    row = (await conn.execute(VARIANT.shape.where(*same))).mappings().one()
    what = "is deleted; undelete it" if row["deleted_at"] is not None else "has that color, size and condition"
    return VariantExists(
        f"The variant {row['full_sku']} {what}.", metadata={"full_sku": row["full_sku"], "id": str(row["id"])}
    )
