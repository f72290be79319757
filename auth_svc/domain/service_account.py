"""A service account: a program that signs in with a client id and a secret. Its secrets are long and random, so that a plain
SHA-256 of them tells nothing. It may have several at a time, so that they can be changed without a pause.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from auth_svc.domain.errors import AccountFromSettings, TooManySecrets
from auth_svc.domain.user import Role

SHORTEST_SECRET = 24
KEPT_BESIDE_NEW = timedelta(hours=24)
MOST_SECRETS = 10
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{3,50}")
# Tells service accounts from users wherever an actor or a session is named.
_SUBJECT, _SESSION = "client:", "client-"


@dataclass(frozen=True, slots=True)
class AccountSecret:
    """What is kept of one secret."""

    id: int
    secret_hash: bytes = field(repr=False)
    is_from_settings: bool
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None

    @property
    def session_id(self) -> str:
        """What access tokens got with this secret carry as `sid`: they end when it is removed."""
        return f"{_SESSION}{self.id}"

    def is_live(self, at: datetime) -> bool:
        """Whether it still works."""
        return self.expires_at is None or self.expires_at > at


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """An account with its secrets, newest first."""

    id: int
    client_id: str
    role: Role
    is_active: bool
    created_at: datetime
    last_used_at: datetime | None
    secrets: tuple[AccountSecret, ...] = field(repr=False)

    @property
    def subject(self) -> str:
        """How access tokens and records name it."""
        return f"{_SUBJECT}{self.client_id}"

    def accepted(self, secret: str, at: datetime) -> AccountSecret | None:
        """The live secret that was shown; None when none fits or the account is not active."""
        shown = hash_secret(secret)
        # Every hash is compared, so that the time does not tell which one fits.
        fitting = [kept for kept in self.secrets if hmac.compare_digest(shown, kept.secret_hash)]
        return next((kept for kept in fitting if self.is_active and kept.is_live(at)), None)

    def check_not_from_settings(self) -> None:
        """Raises AccountFromSettings when the settings name the account: what is done to it here would not last."""
        if any(kept.is_from_settings for kept in self.secrets):
            raise AccountFromSettings(self.client_id)

    def check_room(self, at: datetime) -> None:
        """Raises TooManySecrets when no further secret fits."""
        if sum(kept.is_live(at) for kept in self.secrets) >= MOST_SECRETS:
            raise TooManySecrets(MOST_SECRETS)


@dataclass(frozen=True, slots=True)
class SeededAccount:
    """An account that the settings ask for."""

    client_id: str
    role: Role
    secret: str = field(repr=False)


def subject_of(client_id: str) -> str:
    """How access tokens and records name the account of that name."""
    return f"{_SUBJECT}{client_id}"


def hash_secret(secret: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def read_seeded_accounts(text: str) -> tuple[SeededAccount, ...]:
    """Reads `client_id:secret:ROLE,...`. Raises ValueError without repeating a secret."""
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    return tuple(_read_entry(entry) for entry in entries)


def _read_entry(entry: str) -> SeededAccount:
    client_id, _, rest = entry.partition(":")
    secret, _, role = rest.rpartition(":")
    if not _CLIENT_ID.fullmatch(client_id):
        raise ValueError("each account is client_id:secret:ROLE, the id of 3 to 50 letters, digits, _ and -")
    if len(secret) < SHORTEST_SECRET:
        raise ValueError(f"the secret of {client_id} has less than {SHORTEST_SECRET} characters")
    if role not in Role.__members__:
        raise ValueError(f"the role of {client_id} is not one of {', '.join(Role.__members__)}")
    return SeededAccount(client_id, Role(role), secret)
