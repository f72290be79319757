"""Service accounts and the hashes of their secrets as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Executable, Text, all_, any_, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.service_account import AccountSecret, ServiceAccount
from auth_svc.domain.user import Role
from auth_svc.storage.tables import service_account_secrets, service_accounts

_a, _s = service_accounts.c, service_account_secrets.c
_ACCOUNT = select(_a.id, _a.client_id, _a.role, _a.is_active, _a.created_at, _a.last_used_at)
_FIND = _ACCOUNT.where(func.lower(_a.client_id) == func.lower(bindparam("name")))
_LOCK = _ACCOUNT.where(_a.id == bindparam("the_id")).with_for_update()
_SECRETS = (
    select(_s.id, _s.secret_hash, _s.is_from_settings, _s.created_at, _s.expires_at, _s.last_used_at)
    .where(_s.account_id == bindparam("the_account_id"))
    .order_by(_s.id.desc())
)
_INSERT = insert(service_accounts).returning(_a.id)
_INSERTED = upsert(service_accounts).values(
    client_id=bindparam("client_id"), role=bindparam("role"), is_active=True, created_at=bindparam("at")
)
_SEED = _INSERTED.on_conflict_do_update(
    index_elements=[func.lower(_a.client_id)], set_={"role": _INSERTED.excluded.role}
).returning(_a.id)
_ADD_SECRET = insert(service_account_secrets)
_REMOVE_SECRETS = delete(service_account_secrets).where(_s.id == any_(bindparam("ids", type_=ARRAY(BIGINT))))
_END_SECRETS = (
    update(service_account_secrets)
    .where(_s.account_id == bindparam("the_account_id"))
    .values(expires_at=func.least(_s.expires_at, bindparam("ends_at", type_=_s.expires_at.type)))
)
_RELEASE = (
    update(service_account_secrets)
    .where(
        _s.is_from_settings,
        _s.account_id == _a.id,
        func.lower(_a.client_id) != all_(bindparam("named", type_=ARRAY(Text))),
    )
    .values(is_from_settings=False)
)
_REMOVE = delete(service_accounts).where(_a.id == bindparam("the_id"))
_USED = update(service_accounts).where(_a.id == bindparam("the_id")).values(last_used_at=bindparam("at"))
_SECRET_USED = update(service_account_secrets).where(_s.id == bindparam("the_id")).values(last_used_at=bindparam("at"))
_REMOVE_OLD = delete(service_account_secrets).where(_s.expires_at < bindparam("before"))


async def find(conn: AsyncConnection, client_id: str) -> ServiceAccount | None:
    """The account of that name in any case, not locked."""
    return await _one(conn, _FIND, name=client_id)


async def lock(conn: AsyncConnection, account_id: int) -> ServiceAccount | None:
    """The account, locked until the transaction ends."""
    return await _one(conn, _LOCK, the_id=account_id)


async def add(conn: AsyncConnection, client_id: str, role: Role, at: datetime) -> int:
    """Inserts an account without a secret; a taken name is the unique index's to refuse. Its id."""
    values = {"client_id": client_id, "role": role.value, "is_active": True, "created_at": at}
    return int((await conn.execute(_INSERT, values)).scalar_one())


async def seed(conn: AsyncConnection, client_id: str, role: Role, at: datetime) -> int:
    """Makes the account be there with this role; its id. Safe to repeat."""
    values = {"client_id": client_id, "role": role.value, "at": at}
    return int((await conn.execute(_SEED, values)).scalar_one())


async def release_others(conn: AsyncConnection, client_ids: Sequence[str]) -> int:
    """Gives the secrets of accounts that the settings name no more into the care of admins; how many."""
    return (await conn.execute(_RELEASE, {"named": [name.lower() for name in client_ids]})).rowcount


async def add_secret(
    conn: AsyncConnection, account_id: int, secret_hash: bytes, at: datetime, *, is_from_settings: bool = False
) -> None:
    """Inserts a secret that works until it is removed."""
    secret = {"account_id": account_id, "secret_hash": secret_hash, "is_from_settings": is_from_settings}
    await conn.execute(_ADD_SECRET, {**secret, "created_at": at})


async def end_secrets(conn: AsyncConnection, account_id: int, at: datetime) -> None:
    """Lets the present secrets of an account work until then at the longest."""
    await conn.execute(_END_SECRETS, {"the_account_id": account_id, "ends_at": at})


async def remove_secrets(conn: AsyncConnection, secrets: Sequence[AccountSecret]) -> None:
    """Deletes these secrets."""
    await conn.execute(_REMOVE_SECRETS, {"ids": [secret.id for secret in secrets]})


async def remove(conn: AsyncConnection, account_id: int) -> None:
    """Deletes the account and, by cascade, its secrets."""
    await conn.execute(_REMOVE, {"the_id": account_id})


async def mark_used(conn: AsyncConnection, account_id: int, secret_id: int, at: datetime) -> None:
    """Notes that the account has signed in with that secret."""
    await conn.execute(_USED, {"the_id": account_id, "at": at})
    await conn.execute(_SECRET_USED, {"the_id": secret_id, "at": at})


async def remove_old_secrets(conn: AsyncConnection, before: datetime) -> int:
    """Deletes secrets that stopped working before that time; how many."""
    return (await conn.execute(_REMOVE_OLD, {"before": before})).rowcount


async def _one(conn: AsyncConnection, statement: Executable, **values: object) -> ServiceAccount | None:
    row = (await conn.execute(statement, values)).first()
    if row is None:
        return None
    secrets = await conn.execute(_SECRETS, {"the_account_id": row.id})
    kept = tuple(AccountSecret(**{**secret._mapping, "secret_hash": bytes(secret.secret_hash)}) for secret in secrets)
    return ServiceAccount(**{**row._mapping, "role": Role(row.role), "secrets": kept})
