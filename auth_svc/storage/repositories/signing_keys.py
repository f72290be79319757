"""Signing keys as rows; the private part is sealed before it comes here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Text, any_, bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.storage.tables import signing_keys

_k = signing_keys.c
# A key of the former code has no time of its own; it signs from its making on.
_SIGNS_FROM = func.coalesce(_k.signs_from, _k.created_at)
_LIVE = (
    select(_k.key_id, _k.public_x, _k.public_y, _k.sealed_private_key, _k.created_at, _SIGNS_FROM.label("signs_from"))
    .where(_k.retired_at.is_(None))
    .order_by(_SIGNS_FROM.desc(), _k.key_id)
)
_INSERT = insert(signing_keys)
_WITHDRAW = (
    update(signing_keys)
    .where(_k.key_id == any_(bindparam("key_ids", type_=ARRAY(Text))), _k.retired_at.is_(None))
    .values(retired_at=bindparam("at"))
)
# Replicas that start or rotate together agree on one key.
_LOCK = select(func.pg_advisory_xact_lock(func.hashtext("auth.signing_keys")))


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One key as it is kept."""

    key_id: str
    public_x: str
    public_y: str
    sealed_private_key: str = field(repr=False)
    created_at: datetime
    signs_from: datetime


async def lock(conn: AsyncConnection) -> None:
    """Makes other replicas wait until the transaction ends before they look for keys to make."""
    await conn.execute(_LOCK)


async def list_live(conn: AsyncConnection) -> list[StoredKey]:
    """The keys that are not withdrawn, the one that signs last first."""
    return [StoredKey(**row._mapping) for row in await conn.execute(_LIVE)]


async def add(conn: AsyncConnection, key: StoredKey) -> None:
    """Inserts a key."""
    values = {name: getattr(key, name) for name in StoredKey.__dataclass_fields__}
    await conn.execute(_INSERT, values)


async def withdraw(conn: AsyncConnection, key_ids: Sequence[str], at: datetime) -> None:
    """Takes the keys out of the JWKS for good."""
    await conn.execute(_WITHDRAW, {"key_ids": list(key_ids), "at": at})
