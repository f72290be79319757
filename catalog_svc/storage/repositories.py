"""Reads, locks and writes inside a transaction, for every noun alike. Times and versions are kept by the database's triggers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import any_, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from catalog_svc.domain.row import Row
from catalog_svc.storage.nouns import Noun

Values = Mapping[str, Any]


async def get(conn: AsyncConnection, noun: Noun, key: Any) -> Row:
    """One row in the noun's shape. Raises the noun's NotFound."""
    return await find_by(conn, noun, noun.key, key) or _missing(noun, key)


async def find_by(conn: AsyncConnection, noun: Noun, column: ColumnElement[Any], value: Any) -> Row | None:
    """One row in the noun's shape, by any unique column."""
    found = await conn.execute(noun.shape.where(column == value))
    return found.mappings().first()


async def lock(conn: AsyncConnection, noun: Noun, key: Any) -> Row:
    """One row of the table, locked until the end of the transaction. Raises the noun's NotFound."""
    found = await conn.execute(select(noun.table).where(noun.key == key).with_for_update(key_share=True))
    return found.mappings().first() or _missing(noun, key)


async def insert_new(conn: AsyncConnection, noun: Noun, values: Values) -> Any | None:
    """Inserts one row and answers its key; None when a unique value is taken."""
    statement = insert_or(noun.table).values(values).on_conflict_do_nothing().returning(noun.key)
    return (await conn.execute(statement)).scalar_one_or_none()


async def insert_many(conn: AsyncConnection, noun: Noun, rows: Sequence[Values]) -> list[Any]:
    """Inserts what is not there yet, and answers the keys of the new rows in no certain order."""
    if not rows:
        return []
    statement = insert_or(noun.table).on_conflict_do_nothing().returning(noun.key)
    return list((await conn.execute(statement, list(rows))).scalars())


async def change(conn: AsyncConnection, noun: Noun, key: Any, values: Values) -> None:
    """Sets columns of one row."""
    await conn.execute(update(noun.table).where(noun.key == key).values(values))


async def remove(conn: AsyncConnection, noun: Noun, key: Any) -> None:
    """Deletes one row."""
    await conn.execute(delete(noun.table).where(noun.key == key))


def keys_in(noun: Noun, name: str = "keys") -> ColumnElement[bool]:
    """The condition that the key is one of a list parameter."""
    return noun.key == any_(bindparam(name, type_=ARRAY(noun.key.type)))


def _missing(noun: Noun, key: Any) -> Row:
    raise noun.missing(key)
