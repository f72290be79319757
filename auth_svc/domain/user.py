"""A user, and what may be changed of it by whom. The rule about the last active admin is the database's (migration 0001),
because only there it holds against two admins acting at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from auth_svc.domain.errors import OwnAccount
from auth_svc.domain.role import Role
from auth_svc.domain.scope import NO_SCOPE, Scope, check_scope

__all__ = [
    "NO_SCOPE",
    "NewUser",
    "Role",
    "Scope",
    "User",
    "changes_of",
    "check_deletable",
    "ends_sessions",
    "public_view",
]


CHANGEABLE = frozenset({"username", "full_name", "role", "is_active", "password_hash", "scope"})
_ENDING_SESSIONS = frozenset({"role", "password_hash", "scope"})


@dataclass(frozen=True, slots=True)
class User:
    """A person who signs in."""

    id: int
    username: str
    full_name: str
    role: Role
    is_active: bool
    password_hash: str = dataclasses.field(repr=False)
    created_at: datetime
    updated_at: datetime
    last_sign_in_at: datetime | None
    version: int
    scope: Scope = NO_SCOPE


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to be; the password is hashed already."""

    username: str
    full_name: str
    role: Role
    is_active: bool
    password_hash: str = dataclasses.field(repr=False)
    scope: Scope = NO_SCOPE


def changes_of(user: User, wanted: Mapping[str, Any], actor_id: str) -> dict[str, Any]:
    """What of `wanted` differs from the user as it is.

    Raises OwnAccount for what nobody may do to himself, AdminIsUnbound.
    """
    changes = {name: value for name, value in wanted.items() if name in CHANGEABLE and getattr(user, name) != value}
    if str(user.id) == actor_id:
        _check_own(user, changes)
    check_scope(changes.get("role", user.role), changes.get("scope", user.scope))
    return changes


def _check_own(user: User, changes: Mapping[str, Any]) -> None:
    if changes.get("is_active") is False:
        raise OwnAccount(user.id, "deactivate")
    if "role" in changes:
        raise OwnAccount(user.id, "change the role of")
    if "password_hash" in changes:
        raise OwnAccount(user.id, "set a password without the present one for")


def check_deletable(user: User, actor_id: str) -> None:
    """Raises OwnAccount when the actor is the user."""
    if str(user.id) == actor_id:
        raise OwnAccount(user.id, "delete")


def ends_sessions(changes: Mapping[str, Any]) -> bool:
    """Whether after these changes the user has to sign in again."""
    return changes.get("is_active") is False or not _ENDING_SESSIONS.isdisjoint(changes)


def public_view(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as the audit trail keeps them: never a secret, only that it changed."""
    return {name: "(changed)" if name == "password_hash" else _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    return value.bounds() if isinstance(value, Scope) else value.value if isinstance(value, Role) else value
