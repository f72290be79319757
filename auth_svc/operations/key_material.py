"""P-256 keys: making one, its id, its public part as a JWK, its private part sealed and opened."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from auth_svc.storage.repositories.signing_keys import StoredKey
from chassis.seal import Seal

_COORDINATE_BYTES = 32


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, the id that tokens name it by, and when it starts to sign."""

    key_id: str
    signs_from: datetime
    private_key: ec.EllipticCurvePrivateKey = field(repr=False)


class KeySeal:
    """Seals private keys for the database; a key is sealed for its own id."""

    def __init__(self, secret: str) -> None:
        self._seal = Seal(f"auth.signing_keys\0{secret}")

    def make(self, at: datetime, signs_from: datetime) -> StoredKey:
        """A new key, ready to be stored."""
        private_key = ec.generate_private_key(ec.SECP256R1())
        numbers = private_key.public_key().public_numbers()
        x, y = _coordinate(numbers.x), _coordinate(numbers.y)
        key_id = thumbprint(x, y)
        der = private_key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return StoredKey(key_id, x, y, self._seal.seal(der, key_id), at, signs_from)

    def open(self, key: StoredKey) -> SigningKey | None:
        """The key to sign with; None when it was sealed under another secret."""
        der = self._seal.open(key.sealed_private_key, key.key_id)
        if der is None:
            return None
        private_key = serialization.load_der_private_key(der, None)
        assert isinstance(private_key, ec.EllipticCurvePrivateKey)
        return SigningKey(key.key_id, key.signs_from, private_key)


def thumbprint(x: str, y: str) -> str:
    """The id of a P-256 key: its RFC 7638 thumbprint."""
    members = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    return _base64url(hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest())


def as_jwk(key: StoredKey) -> dict[str, str]:
    """The public part as RFC 7517 writes it."""
    fixed = {"kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256"}
    return {**fixed, "kid": key.key_id, "x": key.public_x, "y": key.public_y}


def _coordinate(number: int) -> str:
    return _base64url(number.to_bytes(_COORDINATE_BYTES, "big"))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
