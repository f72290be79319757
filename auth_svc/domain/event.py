"""One line of the audit trail: who did what to whom, from where, and what it was before. Never a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    """What happened."""

    SIGNED_IN = "SIGNED_IN"
    SIGN_IN_FAILED = "SIGN_IN_FAILED"
    CLIENT_SIGNED_IN = "CLIENT_SIGNED_IN"
    CLIENT_SIGN_IN_FAILED = "CLIENT_SIGN_IN_FAILED"
    SESSION_ENDED = "SESSION_ENDED"
    REFRESH_TOKEN_REUSED = "REFRESH_TOKEN_REUSED"
    PASSWORD_CHANGED = "PASSWORD_CHANGED"
    PASSWORD_REHASHED = "PASSWORD_REHASHED"
    USER_CREATED = "USER_CREATED"
    USER_CHANGED = "USER_CHANGED"
    USER_DELETED = "USER_DELETED"
    SIGNING_KEY_CREATED = "SIGNING_KEY_CREATED"
    SIGNING_KEY_WITHDRAWN = "SIGNING_KEY_WITHDRAWN"
    SERVICE_ACCOUNT_SEEDED = "SERVICE_ACCOUNT_SEEDED"
    SERVICE_ACCOUNT_CREATED = "SERVICE_ACCOUNT_CREATED"
    SERVICE_ACCOUNT_ROTATED = "SERVICE_ACCOUNT_ROTATED"
    SERVICE_ACCOUNT_DELETED = "SERVICE_ACCOUNT_DELETED"


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, to whom (`subject`) and by whom (`actor`); ids and names are empty where there is none."""

    happened_at: datetime
    kind: EventKind
    subject_id: str = ""
    subject_name: str = ""
    actor_id: str = ""
    actor_name: str = ""
    address: str = ""
    request_id: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
