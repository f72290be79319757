"""Signing keys as rows; the private part is sealed before it comes here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.storage.tables import signing_keys

_k = signing_keys.c
_LIVE = (
    select(_k.key_id, _k.public_x, _k.public_y, _k.sealed_private_key, _k.created_at)
    .where(_k.retired_at.is_(None))
    .order_by(_k.created_at.desc(), _k.key_id)
)
_INSERT = insert(signing_keys)
# Replicas that start together agree on one first key.
_LOCK = select(func.pg_advisory_xact_lock(func.hashtext("auth.signing_keys")))


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One key as it is kept."""

    key_id: str
    public_x: str
    public_y: str
    sealed_private_key: str = field(repr=False)
    created_at: datetime


async def lock(conn: AsyncConnection) -> None:
    """Makes other replicas wait until the transaction ends before they look for keys to make."""
    await conn.execute(_LOCK)


async def list_live(conn: AsyncConnection) -> list[StoredKey]:
    """The keys that are not retired, newest first."""
    return [StoredKey(**row._mapping) for row in await conn.execute(_LIVE)]


async def add(conn: AsyncConnection, key: StoredKey) -> None:
    """Inserts a key."""
    values = {name: getattr(key, name) for name in StoredKey.__dataclass_fields__}
    await conn.execute(_INSERT, values)
