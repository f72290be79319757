"""A service account: a program that signs in with a client id and a secret. Its secrets are long and random, so that a plain
SHA-256 of them tells nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field

from auth_svc.domain.user import Role

SHORTEST_SECRET = 24
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{3,50}")


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """An account with the hashes of its live secrets."""

    id: int
    client_id: str
    role: Role
    is_active: bool
    secret_hashes: tuple[bytes, ...] = field(repr=False)

    def accepts(self, secret: str) -> bool:
        """Whether the secret is one of the live ones of an active account."""
        shown = hash_secret(secret)
        # Every hash is compared, so that the time does not tell which one fits.
        matches = [hmac.compare_digest(shown, kept) for kept in self.secret_hashes]
        return self.is_active and any(matches)


@dataclass(frozen=True, slots=True)
class SeededAccount:
    """An account that the settings ask for."""

    client_id: str
    role: Role
    secret: str = field(repr=False)


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
