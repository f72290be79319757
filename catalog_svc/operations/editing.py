"""What all edits have in common: the row is locked, the etag checked, fixed fields compared, and only real changes written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from catalog_svc.domain.changes import Action
from catalog_svc.domain.drafts import Edit
from catalog_svc.domain.row import Row
from catalog_svc.storage import changes, repositories
from catalog_svc.storage.nouns import Noun
from chassis.etags import check_etag

# Columns that one field of the contract is stored in.
_FIELD_OF = {"price_amount": "price", "price_currency": "price"}


async def edit(conn: AsyncConnection, noun: Noun, key: Any, asked: Edit) -> Row:
    """Applies an edit and answers the row. Safe to repeat: what is so already is no change.

    Raises the noun's NotFound, EtagMismatch, and the noun's error for a fixed field that would change.
    """
    present = await repositories.lock(conn, noun, key)
    check(noun, present, asked)
    return await write(conn, noun, key, present, asked.values)


def check(noun: Noun, present: Row, asked: Edit) -> None:
    """Raises EtagMismatch, or the noun's error for a fixed field that would change."""
    check_etag(asked.etag, present["version"])
    for name, value in asked.kept.items():
        if present[name] != value:
            raise noun.immutable(name)


async def write(conn: AsyncConnection, noun: Noun, key: Any, present: Row, values: Mapping[str, Any]) -> Row:
    """Writes what differs from the present row, and records it."""
    differing = {name: value for name, value in values.items() if present[name] != value}
    if differing:
        await repositories.change(conn, noun, key, differing)
        fields = {_FIELD_OF.get(name, name) for name in differing}
        await changes.record(conn, noun, [key], Action.UPDATED, fields)
    return await repositories.get(conn, noun, key)


async def created(conn: AsyncConnection, noun: Noun, key: Any) -> Row:
    """Records that a row is new, and answers it."""
    await changes.record(conn, noun, [key], Action.CREATED)
    return await repositories.get(conn, noun, key)


async def delete(conn: AsyncConnection, noun: Noun, key: Any, etag: str = "") -> None:
    """Deletes a row. Raises the noun's NotFound, EtagMismatch, and the error of whatever still refers to it."""
    present = await repositories.lock(conn, noun, key)
    check_etag(etag, present["version"])
    await changes.record(conn, noun, [key], Action.DELETED)
    await repositories.remove(conn, noun, key)
