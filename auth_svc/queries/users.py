"""Reads of users that need no rule: SQL straight to a page."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Boolean, Text, bindparam, func, select
from sqlalchemy.sql.expression import ColumnElement

from auth_svc.domain.errors import UserNotFound
from auth_svc.domain.user import Role, User
from auth_svc.storage.repositories.users import user_of
from auth_svc.storage.tables import users
from chassis.database import Database, Statement


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Which users; None lets every value through."""

    role: Role | None = None
    is_active: bool | None = None
    username_prefix: str = ""


@dataclass(frozen=True, slots=True)
class UserPage:
    """One page, whether more follow, and how many there are over all pages."""

    items: list[User]
    is_last: bool
    total: int


def _matches() -> ColumnElement[bool]:
    role, is_active = bindparam("role", type_=Text), bindparam("is_active", type_=Boolean)
    prefix = bindparam("prefix", type_=Text)
    return (
        (role.is_(None) | (users.c.role == role))
        & (is_active.is_(None) | (users.c.is_active == is_active))
        & func.starts_with(func.lower(users.c.username), func.lower(prefix))
    )


_BY_ID = Statement(select(*users.c).where(users.c.id == bindparam("user_id")))
_PAGE = Statement(
    select(*users.c).where(_matches(), users.c.id > bindparam("after_id")).order_by(users.c.id).limit(bindparam("most"))
)
_COUNT = Statement(select(func.count()).select_from(users).where(_matches()))


async def get_user(db: Database, user_id: int) -> User:
    """Raises UserNotFound."""
    row = await db.fetchrow(_BY_ID, user_id=user_id)
    if row is None:
        raise UserNotFound(user_id)
    return user_of(dict(row))


async def list_users(db: Database, wanted: UserFilter, after_id: int, most: int) -> UserPage:
    """At most `most` users behind `after_id`, by id."""
    matching = {
        "role": wanted.role.value if wanted.role else None,
        "is_active": wanted.is_active,
        "prefix": wanted.username_prefix,
    }
    rows = await db.fetch(_PAGE, **matching, after_id=after_id, most=most + 1)
    total = await db.fetchval(_COUNT, **matching)
    return UserPage([user_of(dict(row)) for row in rows[:most]], len(rows) <= most, int(total))
