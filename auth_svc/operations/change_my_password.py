"""A user changes the own password."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.errors import CredentialsWrong, NotAUser, PasswordWrong, UserNotFound
from auth_svc.domain.event import EventKind
from auth_svc.domain.password import check_new_password
from auth_svc.domain.throttle import throttle_keys
from auth_svc.domain.user import User
from auth_svc.operations.audit import record
from auth_svc.operations.end_sessions import end_sessions_of
from auth_svc.operations.runtime import Runtime
from auth_svc.operations.sign_in import check_password
from auth_svc.storage.repositories import users
from chassis.context import current_call


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """A change that was checked, or the refusal to raise if it turns out not to be a repeat."""

    user_id: int
    checked_hash: str = field(default="", repr=False)
    new_hash: str = field(default="", repr=False)
    refusal: PasswordWrong | None = None


async def check_password_change(runtime: Runtime, current: str, new: str, address: str) -> PasswordChange:
    """Checks both passwords and hashes the new one, before any transaction: hashing takes long.

    A wrong current password is not raised here, because a repeat under the same request id has to get its first answer.
    Raises NotAUser, UserNotFound, PasswordRefused, SignInThrottled.
    """
    user = await _present_user(runtime)
    check_new_password(new, user.username, "new_password")
    keys = throttle_keys(user.username, address)
    try:
        checked = await check_password(runtime, keys, user.username, current, address)
    except CredentialsWrong:
        return PasswordChange(user.id, refusal=PasswordWrong())
    return PasswordChange(user.id, checked.password_hash, await runtime.hasher.hash(new))


async def change_my_password(conn: AsyncConnection, change: PasswordChange, at: datetime) -> None:
    """Stores the new password and ends the user's other sessions. Raises PasswordWrong."""
    if change.refusal is not None:
        raise change.refusal
    user = await users.lock(conn, change.user_id)
    if user is None or user.password_hash != change.checked_hash:
        raise PasswordWrong
    changed = await users.change(conn, user, {"password_hash": change.new_hash}, at)
    kept = current_call().principal.session_id or None
    await end_sessions_of(conn, user, EventKind.PASSWORD_CHANGED, at, kept)
    await record(conn, EventKind.PASSWORD_CHANGED, at, subject_id=str(changed.id), subject_name=changed.username)


async def _present_user(runtime: Runtime) -> User:
    user_id = current_call().principal.user_id
    if not user_id.isdecimal():
        raise NotAUser
    async with runtime.db.translated(), runtime.db.read.connect() as conn:
        user = await users.get(conn, int(user_id))
    if user is None:
        raise UserNotFound(int(user_id))
    return user
