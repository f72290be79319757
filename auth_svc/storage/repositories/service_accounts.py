"""Service accounts and the hashes of their secrets as rows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.service_account import ServiceAccount
from auth_svc.domain.user import Role
from auth_svc.storage.tables import service_account_secrets, service_accounts

_a, _s = service_accounts.c, service_account_secrets.c
_FIND = (
    select(_a.id, _a.client_id, _a.role, _a.is_active, func.array_agg(_s.secret_hash).label("secret_hashes"))
    .join(service_account_secrets, _s.account_id == _a.id)
    .where(func.lower(_a.client_id) == func.lower(bindparam("name")))
    .group_by(_a.id)
)
_INSERTED = upsert(service_accounts).values(
    client_id=bindparam("client_id"), role=bindparam("role"), is_active=True, created_at=bindparam("at")
)
_SEED = _INSERTED.on_conflict_do_update(
    index_elements=[func.lower(_a.client_id)], set_={"role": _INSERTED.excluded.role}
).returning(_a.id)
_DROP_SEEDED = delete(service_account_secrets).where(_s.account_id == bindparam("the_account_id"), _s.is_from_settings)
_ADD_SECRET = insert(service_account_secrets)
_USED = update(service_accounts).where(_a.id == bindparam("the_id")).values(last_used_at=bindparam("at"))


async def find(conn: AsyncConnection, client_id: str) -> ServiceAccount | None:
    """The account of that name in any case, with the hashes of its live secrets; None also when it has no secret."""
    row = (await conn.execute(_FIND, {"name": client_id})).first()
    if row is None:
        return None
    hashes = tuple(bytes(value) for value in row.secret_hashes)
    return ServiceAccount(row.id, row.client_id, Role(row.role), row.is_active, hashes)


async def seed(conn: AsyncConnection, client_id: str, role: Role, secret_hash: bytes, at: datetime) -> int:
    """Makes the account be there with this role and this one secret from the settings; its id. Safe to repeat."""
    values = {"client_id": client_id, "role": role.value, "at": at}
    account_id = int((await conn.execute(_SEED, values)).scalar_one())
    await conn.execute(_DROP_SEEDED, {"the_account_id": account_id})
    secret = {"account_id": account_id, "secret_hash": secret_hash, "is_from_settings": True, "created_at": at}
    await conn.execute(_ADD_SECRET, secret)
    return account_id


async def mark_used(conn: AsyncConnection, account_id: int, at: datetime) -> None:
    """Notes that the account has signed in."""
    await conn.execute(_USED, {"the_id": account_id, "at": at})
