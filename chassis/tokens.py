"""Checks access tokens: ES256 only, fixed type, issuer and audience (RFC 8725), keys from auth's JWKS, kept in memory.

An unknown key id fetches the keys again, at most once per pause whoever asks, so that a stranger cannot cause a stampede. A
new key of the hub is known before it signs, whatever strangers do: auth announces it (chassis.trust), and keys that have been
used for some minutes are fetched anew beside the calls.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import jwt

from chassis.context import Principal
from chassis.errors import HubError, Unauthenticated, Unavailable
from chassis.revocations import Revocations

log = logging.getLogger(__name__)

ALGORITHMS = ["ES256"]
# Says in the header that it is an access token (RFC 9068), so that nothing else that is ever signed with a key can pass for one.
TOKEN_TYPE = "at+jwt"
FetchKeys = Callable[[], Awaitable[Sequence[Mapping[str, str]]]]

_REFETCH_PAUSE_SECONDS = 5.0
# Far less than the ten minutes for which a new key is published before it signs.
_OLD_SECONDS = 240.0
_MAX_CACHED = 10_000
_LEEWAY_SECONDS = 5
_MAX_TOKEN_LENGTH = 4096
_REQUIRED = ["iss", "aud", "sub", "iat", "exp", "jti", "role"]


class TokenExpired(Unauthenticated):
    """The token was good once."""

    reason = "TOKEN_EXPIRED"


class TokenMissing(Unauthenticated):
    """No token at all."""

    reason = "TOKEN_MISSING"


class TokenVerifier:
    """`cached` answers at once for a token seen before; `verify` checks the signature, fetching keys when it has to."""

    def __init__(self, issuer: str, audience: str, fetch_keys: FetchKeys) -> None:
        self._issuer = issuer
        self._audience = audience
        self._fetch_keys = fetch_keys
        self._keys: dict[str, Any] = {}
        self._fetched_at = -_REFETCH_PAUSE_SECONDS
        self._fetching = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None
        self.revocations = Revocations()
        self._cache: dict[str, tuple[Principal, float]] = {}

    def cached(self, token: str) -> Principal | None:
        """The principal of a token that was checked before and has not expired since."""
        found = self._cache.get(token)
        if found is None or found[1] <= time.time():
            return None
        return found[0]

    async def verify(self, token: str) -> Principal:
        """The principal of the token. Raises Unauthenticated; Unavailable when the keys cannot be had."""
        key = await self._key(_key_id(token))
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=_LEEWAY_SECONDS,
                options={"require": _REQUIRED, "enforce_minimum_key_length": True},
            )
        except jwt.ExpiredSignatureError:
            raise TokenExpired("The access token has expired; refresh it or sign in again.") from None
        except (jwt.InvalidTokenError, ValueError, TypeError):
            raise _invalid() from None
        return self._remember(token, claims)

    def forget(self) -> None:
        """Empties the cache of checked tokens."""
        self._cache.clear()

    def _remember(self, token: str, claims: Mapping[str, Any]) -> Principal:
        principal = Principal(
            user_id=str(claims["sub"]),
            username=str(claims.get("name", "")),
            role=str(claims["role"]),
            session_id=str(claims.get("sid", "")),
            bounds=_bounds(claims.get("bounds")),
        )
        if len(self._cache) >= _MAX_CACHED:
            self._cache.clear()
        self._cache[token] = (principal, float(claims["exp"]))
        return principal

    async def _key(self, key_id: str) -> Any:
        key = self._keys.get(key_id)
        if key is not None:
            self._renew_when_old()
            return key
        async with self._fetching:
            if key_id not in self._keys and time.monotonic() - self._fetched_at >= _REFETCH_PAUSE_SECONDS:
                await self._fetch()
        key = self._keys.get(key_id)
        if key is None:
            raise _invalid()
        return key

    async def _fetch(self) -> None:
        try:
            fetched = await self._fetch_keys()
        except HubError as error:
            raise Unavailable("Tokens cannot be checked just now; try again.", metadata={"service": "auth"}) from error
        self.take_keys(fetched)
        log.info("fetched %d token keys", len(self._keys))

    def take_keys(self, published: Sequence[Mapping[str, str]]) -> None:
        """Replaces the keys. When one is withdrawn, tokens checked before are checked again."""
        keys = {key["kid"]: jwt.PyJWK(dict(key), algorithm="ES256").key for key in published}
        if self._keys.keys() - keys.keys():
            self.forget()
        self._keys = keys
        self._fetched_at = time.monotonic()

    def _renew_when_old(self) -> None:
        """Fetches keys beside the call that notices their age; when that fails, the present ones stay."""
        if time.monotonic() - self._fetched_at < _OLD_SECONDS or (self._renewal and not self._renewal.done()):
            return
        self._renewal = asyncio.get_running_loop().create_task(self._renew())

    async def _renew(self) -> None:
        async with self._fetching:
            try:
                await self._fetch()
            except HubError as error:
                # The next try comes after a pause, not with the next call.
                self._fetched_at = time.monotonic() - _OLD_SECONDS + _REFETCH_PAUSE_SECONDS
                log.warning("token keys could not be renewed: %s", error.message)


def _bounds(claim: Any) -> Mapping[str, frozenset[str]]:
    """What the claim binds the caller to. Raises Unauthenticated for one that is not understood: it must not open anything."""
    if claim is None:
        return {}
    if not isinstance(claim, dict) or not all(isinstance(values, list) for values in claim.values()):
        raise _invalid()
    return {kind: frozenset(map(str, values)) for kind, values in claim.items()}


def _key_id(token: str) -> str:
    if len(token) > _MAX_TOKEN_LENGTH:
        raise _invalid()
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError):
        raise _invalid() from None
    if header.get("alg") not in ALGORITHMS or not isinstance(header.get("kid"), str):
        raise _invalid()
    if str(header.get("typ", "")).lower() != TOKEN_TYPE:
        raise _invalid()
    return str(header["kid"])


def _invalid() -> Unauthenticated:
    return Unauthenticated("The access token is not valid; sign in again.")
