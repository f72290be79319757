"""A session is one sign-in and the line of refresh tokens that grows from it, each used once.

A used token shown again is either a retry whose answer was lost, within the grace, or a theft, which ends the session.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from auth_svc.domain.role import Role
from auth_svc.domain.scope import NO_SCOPE, Scope

RETRY_GRACE = timedelta(seconds=10)


@dataclass(frozen=True)
class Lifetimes:
    """How long tokens and sessions live."""

    access: timedelta = timedelta(minutes=15)
    refresh: timedelta = timedelta(days=14)
    session: timedelta = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in of one user, with the user as it is now."""

    id: str
    user_id: int
    username: str
    role: Role
    user_is_active: bool
    expires_at: datetime
    ended_at: datetime | None
    scope: Scope = NO_SCOPE


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What is kept of a refresh token beside its hash."""

    expires_at: datetime
    used_at: datetime | None


class RefreshVerdict(Enum):
    """What a refresh token that was shown is worth."""

    ROTATE = "rotate"
    REPEAT = "repeat"
    REFUSE = "refuse"
    STOLEN = "stolen"


def judge_refresh(
    session: Session, token: RefreshToken, successor: RefreshToken | None, at: datetime
) -> RefreshVerdict:
    """Decides about a token shown at `at`; `successor` is the token that it was exchanged for, if it was."""
    if session.ended_at is not None or session.expires_at <= at or not session.user_is_active:
        return RefreshVerdict.REFUSE
    if token.used_at is None:
        return RefreshVerdict.ROTATE if token.expires_at > at else RefreshVerdict.REFUSE
    is_retry = at - token.used_at <= RETRY_GRACE and successor is not None and successor.used_at is None
    return RefreshVerdict.REPEAT if is_retry else RefreshVerdict.STOLEN
