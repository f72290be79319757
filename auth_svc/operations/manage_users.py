"""Creating, changing and deleting users. Each runs in the transaction of its caller, so that it can be repeated safely
under a request id.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.errors import UserNotFound
from auth_svc.domain.event import EventKind
from auth_svc.domain.scope import check_scope
from auth_svc.domain.user import NewUser, User, changes_of, check_deletable, ends_sessions, public_view
from auth_svc.operations.audit import record
from auth_svc.operations.end_sessions import end_sessions_of
from auth_svc.storage.repositories import users
from chassis.context import current_call
from chassis.etags import check_etag

_NOTHING: Mapping[str, Any] = MappingProxyType({})


async def create_user(conn: AsyncConnection, new: NewUser, at: datetime) -> User:
    """Adds a user. Raises UsernameTaken, AdminIsUnbound."""
    check_scope(new.role, new.scope)
    user = await users.add(conn, new, at)
    shown = {"username": user.username, "full_name": user.full_name, "role": user.role, "is_active": user.is_active}
    if not user.scope.is_empty:
        shown["scope"] = user.scope
    await _record(conn, EventKind.USER_CREATED, user, at, after=public_view(shown))
    return user


async def update_user(conn: AsyncConnection, user_id: int, etag: str, wanted: Mapping[str, Any], at: datetime) -> User:
    """Changes what differs; a change that takes rights away ends the user's sessions. Safe to repeat.

    Raises UserNotFound, EtagMismatch, OwnAccount, LastAdmin, UsernameTaken, AdminIsUnbound.
    """
    user = await _lock(conn, user_id)
    check_etag(etag, user.version)
    changes = changes_of(user, wanted, current_call().principal.user_id)
    if not changes:
        return user
    changed = await users.change(conn, user, changes, at)
    if ends_sessions(changes):
        await end_sessions_of(conn, user, EventKind.USER_CHANGED, at)
    before = {name: getattr(user, name) for name in changes}
    await _record(conn, EventKind.USER_CHANGED, changed, at, before=public_view(before), after=public_view(changes))
    return changed


async def set_active(conn: AsyncConnection, user_id: int, is_active: bool, at: datetime) -> User:
    """Activates or deactivates. Raises as update_user does. Safe to repeat."""
    return await update_user(conn, user_id, "", {"is_active": is_active}, at)


async def delete_user(conn: AsyncConnection, user_id: int, etag: str, at: datetime) -> None:
    """Deletes the user and the user's sessions. Raises UserNotFound, EtagMismatch, OwnAccount, LastAdmin."""
    user = await _lock(conn, user_id)
    check_etag(etag, user.version)
    check_deletable(user, current_call().principal.user_id)
    await end_sessions_of(conn, user, EventKind.USER_DELETED, at)
    await users.remove(conn, user_id)
    shown = {"full_name": user.full_name, "role": user.role, "is_active": user.is_active}
    await _record(conn, EventKind.USER_DELETED, user, at, before=public_view(shown))


async def _lock(conn: AsyncConnection, user_id: int) -> User:
    user = await users.lock(conn, user_id)
    if user is None:
        raise UserNotFound(user_id)
    return user


async def _record(
    conn: AsyncConnection,
    kind: EventKind,
    user: User,
    at: datetime,
    *,
    before: Mapping[str, Any] = _NOTHING,
    after: Mapping[str, Any] = _NOTHING,
) -> None:
    await record(conn, kind, at, subject_id=str(user.id), subject_name=user.username, before=before, after=after)
