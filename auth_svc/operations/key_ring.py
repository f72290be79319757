"""The signing keys: made at the first start, kept sealed in the database, published as JWKs.

Every replica signs with the newest key that it can open. Replicas that start together agree on one key by a lock.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import time
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.event import EventKind
from auth_svc.operations.audit import record
from auth_svc.storage.repositories import signing_keys
from auth_svc.storage.repositories.signing_keys import StoredKey
from chassis import clock
from chassis.database import Database
from chassis.errors import Unavailable
from chassis.seal import Seal

log = logging.getLogger(__name__)

_FRESH_SECONDS = 5.0
_COORDINATE_BYTES = 32


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the id that tokens name it by."""

    key_id: str
    private_key: ec.EllipticCurvePrivateKey = field(repr=False)


class KeyRing:
    """Gives the key to sign with and the public keys; rereads them from the database every few seconds when asked."""

    def __init__(self, db: Database, secret: str) -> None:
        self._db = db
        self._seal = Seal(f"auth.signing_keys\0{secret}")
        self._signing: SigningKey | None = None
        self._published: list[dict[str, str]] = []
        self._read_at = float("-inf")

    @property
    def signing(self) -> SigningKey:
        """The key to sign with. Raises Unavailable before `ensure`."""
        if self._signing is None:
            raise Unavailable("The signing key is not there yet; try again.", retry_after_s=0.5)
        return self._signing

    async def ensure(self) -> None:
        """Makes the first key if none can be used, and loads the keys. Safe to repeat and to run on replicas at once."""

        async def work(conn: AsyncConnection) -> list[StoredKey]:
            await signing_keys.lock(conn)
            keys = await signing_keys.list_live(conn)
            if any(self._open(key) for key in keys):
                return keys
            return [await self._make(conn, clock.now()), *keys]

        self._keep(await self._db.run(work))

    async def published(self) -> list[dict[str, str]]:
        """The public keys as JWKs (RFC 7517), newest first."""
        if time.monotonic() - self._read_at > _FRESH_SECONDS:
            return await self.reload()
        return self._published

    async def reload(self) -> list[dict[str, str]]:
        """The public keys as they are in the database now; what this replica signs with follows them."""
        async with self._db.translated(), self._db.read.connect() as conn:
            self._keep(await signing_keys.list_live(conn))
        return self._published

    def _keep(self, keys: list[StoredKey]) -> None:
        opened = [found for found in map(self._open, keys) if found is not None]
        if len(opened) < len(keys):
            log.warning(
                "%d signing keys cannot be opened with this key; they are published only", len(keys) - len(opened)
            )
        self._signing = opened[0] if opened else None
        self._published = [_jwk(key) for key in keys]
        self._read_at = time.monotonic()

    async def _make(self, conn: AsyncConnection, at: datetime) -> StoredKey:
        private_key = ec.generate_private_key(ec.SECP256R1())
        numbers = private_key.public_key().public_numbers()
        x, y = _coordinate(numbers.x), _coordinate(numbers.y)
        key_id = thumbprint(x, y)
        der = private_key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        stored = StoredKey(key_id, x, y, self._seal.seal(der, key_id), at)
        await signing_keys.add(conn, stored)
        await record(conn, EventKind.SIGNING_KEY_CREATED, at, subject_id=key_id)
        return stored

    def _open(self, key: StoredKey) -> SigningKey | None:
        der = self._seal.open(key.sealed_private_key, key.key_id)
        if der is None:
            return None
        private_key = serialization.load_der_private_key(der, None)
        assert isinstance(private_key, ec.EllipticCurvePrivateKey)
        return SigningKey(key.key_id, private_key)


def thumbprint(x: str, y: str) -> str:
    """The id of a P-256 key: its RFC 7638 thumbprint."""
    members = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    return _base64url(hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest())


def _jwk(key: StoredKey) -> dict[str, str]:
    fixed = {"kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256"}
    return {**fixed, "kid": key.key_id, "x": key.public_x, "y": key.public_y}


def _coordinate(number: int) -> str:
    return _base64url(number.to_bytes(_COORDINATE_BYTES, "big"))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
