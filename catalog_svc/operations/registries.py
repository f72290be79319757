"""Editing the registries: brands, colours, conditions, sizes and component definitions, all by the same three operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from catalog_svc.domain.changes import Action, Kind
from catalog_svc.domain.drafts import Edit
from catalog_svc.domain.errors import CodeExists
from catalog_svc.domain.row import Row
from catalog_svc.operations.editing import created, delete, edit
from catalog_svc.storage import changes, repositories
from catalog_svc.storage.nouns import COLOR, NOUNS


async def create_entry(conn: AsyncConnection, registry: Kind, values: Mapping[str, Any]) -> Row:
    """Registers an entry. Raises CodeExists, FamilyNotFound for a component definition of no family."""
    noun = NOUNS[registry]
    key = await repositories.insert_new(conn, noun, values)
    if key is None:
        shown = str(values.get("code") or values["name"])
        name = noun.table.name
        raise CodeExists(f"{shown} is registered already.", metadata={"registry": name, "code": shown})
    return await created(conn, noun, key)


async def update_entry(conn: AsyncConnection, registry: Kind, key: Any, asked: Edit) -> Row:
    """Changes the name of an entry. Raises CodeNotFound, CodeExists, EtagMismatch. Safe to repeat."""
    return await edit(conn, NOUNS[registry], key, asked)


async def delete_entry(conn: AsyncConnection, registry: Kind, key: Any, etag: str) -> None:
    """Removes an entry that nothing uses. Raises CodeNotFound, CodeInUse, EtagMismatch."""
    await delete(conn, NOUNS[registry], key, etag)


async def ensure_colors(conn: AsyncConnection, names: Mapping[str, str]) -> list[str]:
    """Registers those of the colours (name by code) that are not there yet, and answers their codes. Safe to repeat."""
    rows = [{"code": code, "name": name} for code, name in sorted(names.items())]
    codes = await repositories.insert_many(conn, COLOR, rows)
    await changes.record(conn, COLOR, codes, Action.CREATED)
    return codes
