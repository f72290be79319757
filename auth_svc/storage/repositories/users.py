"""Users as rows. Names are looked up without regard to case."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.user import NewUser, Role, Scope, User
from auth_svc.storage.tables import users

_COLUMNS = list(users.c)
_BY_ID = select(*_COLUMNS).where(users.c.id == bindparam("user_id"))
_LOCK = _BY_ID.with_for_update()
_BY_NAME = select(*_COLUMNS).where(func.lower(users.c.username) == func.lower(bindparam("name")))
_ANY = select(users.c.id).limit(1)
_INSERT = insert(users).returning(*_COLUMNS)
_DELETE = delete(users).where(users.c.id == bindparam("user_id"))
# The guard is what a sign-in was checked against: a user who was deactivated or got another password meanwhile stays out.
_SIGNED_IN = (
    update(users)
    .where(
        users.c.id == bindparam("user_id"),
        users.c.is_active,
        users.c.password_hash == bindparam("checked_password_hash"),
    )
    .values(last_sign_in_at=bindparam("at"))
    .returning(*_COLUMNS)
)

_RENEW_HASH = (
    update(users)
    .where(users.c.id == bindparam("user_id"), users.c.password_hash == bindparam("checked_password_hash"))
    .values(password_hash=bindparam("renewed"))
)


def user_of(row: Row[Any] | Mapping[str, Any]) -> User:
    """A user from a row of the table."""
    values = dict(row) if isinstance(row, Mapping) else dict(row._mapping)
    scope = Scope(tuple(values.pop("warehouses")), tuple(values.pop("channel_ids")))
    return User(**{**values, "role": Role(values["role"]), "scope": scope})


async def get(conn: AsyncConnection, user_id: int) -> User | None:
    """The user, not locked."""
    row = (await conn.execute(_BY_ID, {"user_id": user_id})).first()
    return user_of(row) if row else None


async def lock(conn: AsyncConnection, user_id: int) -> User | None:
    """The user, locked until the transaction ends."""
    row = (await conn.execute(_LOCK, {"user_id": user_id})).first()
    return user_of(row) if row else None


async def find_by_username(conn: AsyncConnection, username: str) -> User | None:
    """The user of that name in any case, not locked."""
    row = (await conn.execute(_BY_NAME, {"name": username})).first()
    return user_of(row) if row else None


async def is_any(conn: AsyncConnection) -> bool:
    """Whether there is a user at all."""
    return (await conn.execute(_ANY)).first() is not None


async def add(conn: AsyncConnection, user: NewUser, at: datetime) -> User:
    """Inserts the user; a taken name is the unique index's to refuse."""
    values = {
        "username": user.username,
        "full_name": user.full_name,
        "role": user.role.value,
        "is_active": user.is_active,
        "password_hash": user.password_hash,
        **_columns_of(user.scope),
        "created_at": at,
        "updated_at": at,
    }
    return user_of((await conn.execute(_INSERT, values)).one())


async def change(conn: AsyncConnection, user: User, changes: Mapping[str, Any], at: datetime) -> User:
    """Writes the changes as the next version. The user has to be locked."""
    plain: dict[str, Any] = {name: value.value if isinstance(value, Role) else value for name, value in changes.items()}
    if "scope" in plain:
        plain |= _columns_of(plain.pop("scope"))
    statement = (
        update(users)
        .where(users.c.id == user.id)
        .values(**plain, updated_at=at, version=user.version + 1)
        .returning(*_COLUMNS)
    )
    return user_of((await conn.execute(statement)).one())


def _columns_of(scope: Scope) -> dict[str, Any]:
    return {"warehouses": list(scope.warehouses), "channel_ids": list(scope.channel_ids)}


async def mark_signed_in(conn: AsyncConnection, user: User, at: datetime) -> User | None:
    """Notes the sign-in and locks the user; None when the user has changed so that it does not hold any more."""
    values = {"user_id": user.id, "checked_password_hash": user.password_hash, "at": at}
    row = (await conn.execute(_SIGNED_IN, values)).first()
    return user_of(row) if row else None


async def renew_hash(conn: AsyncConnection, user: User, renewed: str) -> bool:
    """Replaces the hash of the same password; False when the user has got another one meanwhile. No new version."""
    values = {"user_id": user.id, "checked_password_hash": user.password_hash, "renewed": renewed}
    return (await conn.execute(_RENEW_HASH, values)).rowcount > 0


async def remove(conn: AsyncConnection, user_id: int) -> None:
    """Deletes the user and, by cascade, the user's sessions."""
    await conn.execute(_DELETE, {"user_id": user_id})
