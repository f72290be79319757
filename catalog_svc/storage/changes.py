"""Writes changes into the outbox, set-wise: one statement records as many rows of one noun as there are.

A payload is JSON: {"action", "id", "changed"} and, for variants, {"variant"} as the change left it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Insert, Text, bindparam, cast, func, insert, literal, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog_svc.domain.changes import Action
from catalog_svc.storage import tables
from catalog_svc.storage.nouns import VARIANT, Noun
from catalog_svc.storage.repositories import keys_in


async def record(
    conn: AsyncConnection, noun: Noun, keys: Sequence[Any], action: Action, changed: Collection[str] = ()
) -> None:
    """Records that rows of a noun, named by key, were changed. A deletion is recorded before it is done."""
    if keys:
        values = {"keys": list(keys), "action": action.value, "changed": json.dumps(sorted(changed))}
        await conn.execute(_statement(noun), values)


@cache
def _statement(noun: Noun) -> Insert:
    parts: list[Any] = ["id", noun.id, "action", bindparam("action", type_=Text)]
    parts += ["changed", cast(bindparam("changed", type_=Text), JSONB)]
    if noun is VARIANT:
        parts += ["variant", _variant_state()]
    payload = func.convert_to(cast(func.jsonb_build_object(*_labelled(parts)), Text), literal_column("'UTF8'"))
    rows = select(literal(noun.kind.value), noun.natural_key, payload).where(keys_in(noun)).order_by(noun.key)
    return insert(tables.outbox.outbox).from_select(["kind", "key", "payload"], rows)


def _variant_state() -> ColumnElement[Any]:
    parts: list[Any] = []
    for column in VARIANT.shape.selected_columns:
        parts += [column.name, column]
    return func.jsonb_build_object(*_labelled(parts))


def _labelled(parts: list[Any]) -> list[Any]:
    """jsonb_build_object takes any type, so its names need one of their own."""
    return [cast(literal(part), Text) if isinstance(part, str) else part for part in parts]
