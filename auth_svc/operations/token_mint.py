"""Makes access tokens (signed) and refresh tokens (random, then derived).

The successor of a refresh token is derived from it under a key of the hub. So a retry whose first answer was lost gets the
very same successor, on any replica, although only hashes are stored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import jwt

from auth_svc.domain.session import Lifetimes
from auth_svc.domain.user import NO_SCOPE, Role, Scope
from auth_svc.operations.key_ring import KeyRing
from chassis.tokens import TOKEN_TYPE

_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom an access token is for, and what ends it: the session, or the secret of a service account."""

    subject: str
    name: str
    role: Role
    session_id: str
    scope: Scope = NO_SCOPE


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """What a grant was exchanged for."""

    access_token: str = field(repr=False)
    expires_in_s: int
    refresh_token: str | None = field(default=None, repr=False)


class TokenMint:
    """Makes tokens; stores nothing."""

    def __init__(self, keys: KeyRing, issuer: str, audience: str, lifetimes: Lifetimes, secret: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._successor_key = hashlib.sha256(f"auth.refresh_tokens\0{secret}".encode()).digest()
        self.lifetimes = lifetimes

    def issue(self, holder: Holder, at: datetime, refresh_token: str | None = None) -> IssuedTokens:
        """An access token for the holder, together with the refresh token given. Raises Unavailable."""
        key = self._keys.signing
        issued_at = int(at.timestamp())
        seconds = int(self.lifetimes.access.total_seconds())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": holder.subject,
            "iat": issued_at,
            "nbf": issued_at,
            "exp": issued_at + seconds,
            "jti": secrets.token_urlsafe(16),
            "name": holder.name,
            "role": holder.role.value,
            "sid": holder.session_id,
        }
        if not holder.scope.is_empty:
            claims["bounds"] = holder.scope.bounds()
        token = jwt.encode(claims, key.private_key, algorithm="ES256", headers={"kid": key.key_id, "typ": TOKEN_TYPE})
        return IssuedTokens(token, seconds, refresh_token)

    def new_refresh_token(self) -> str:
        """The first refresh token of a session."""
        return _text(secrets.token_bytes(_TOKEN_BYTES))

    def successor(self, refresh_token: str) -> str:
        """The token that this one is exchanged for."""
        return _text(hmac.digest(self._successor_key, refresh_token.encode(), "sha256"))


def hash_token(token: str) -> bytes:
    """What is stored of a refresh token."""
    return hashlib.sha256(token.encode()).digest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
