"""Makes access tokens: genuine ones with any claims, signed with the hub's own key, and those that attackers make."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

import asyncpg
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from auth_svc.operations.key_material import KeySeal
from auth_svc.storage.repositories.signing_keys import StoredKey
from chassis.tokens import TOKEN_TYPE
from deploy.local.hub import Hub

_KEY = """SELECT key_id, public_x, public_y, sealed_private_key, created_at, coalesce(signs_from, created_at) AS signs_from
FROM auth.signing_keys WHERE retired_at IS NULL ORDER BY signs_from DESC LIMIT 1"""
_PEM, _PUBLIC = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo


class Forger:
    """Holds the hub's own key, for genuine signatures, and keys of its own, for forged ones."""

    def __init__(self, key_id: str, key: ec.EllipticCurvePrivateKey) -> None:
        self.key_id = key_id
        self._key = key
        self._own_key = ec.generate_private_key(ec.SECP256R1())
        self._rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._pem = key.public_key().public_bytes(_PEM, _PUBLIC)

    @classmethod
    async def of(cls, hub: Hub) -> Forger:
        """The forger that has broken into the database and knows the hub's secret."""
        connection = await asyncpg.connect(hub.database_url)
        try:
            row = await connection.fetchrow(_KEY)
        finally:
            await connection.close()
        assert row is not None
        opened = KeySeal(hub.environments.secrets.seal_key).open(StoredKey(**dict(row)))
        assert opened is not None
        return cls(opened.key_id, opened.private_key)

    def signed(self, typ: Any = TOKEN_TYPE, **changes: Any) -> str:
        """A token with a genuine signature; a claim that is None is left out."""
        return jwt.encode(claims(**changes), self._key, "ES256", headers={"kid": self.key_id, "typ": typ})

    def forged(self, **header: Any) -> str:
        """A token signed with the forger's own key; a header that is None is left out."""
        headers = {"alg": "ES256", "typ": TOKEN_TYPE, "kid": self.key_id, **header}
        signer = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
        return assemble(
            {k: v for k, v in headers.items() if v is not None}, lambda text: signer.sign(text, self._own_key)
        )

    def mixed_up(self, secret: bytes | None = None, **header: Any) -> str:
        """HS256 with something that everybody knows, by default the hub's public key, as the shared secret."""
        signer = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
        key = self._pem if secret is None else secret
        return assemble(
            {"alg": "HS256", "typ": TOKEN_TYPE, "kid": self.key_id, **header}, lambda text: signer.sign(text, key)
        )

    def of_another_algorithm(self) -> str:
        """RS256 with the forger's own key."""
        return jwt.encode(claims(), self._rsa_key, "RS256", headers={"kid": self.key_id, "typ": TOKEN_TYPE})

    @property
    def own_jwk(self) -> dict[str, Any]:
        """The forger's public key, to be smuggled in."""
        found: dict[str, Any] = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self._own_key.public_key()))
        return found

    @property
    def hub_jwk(self) -> bytes:
        """The hub's public key as the JWKS has it."""
        return str(jwt.algorithms.ECAlgorithm.to_jwk(self._key.public_key())).encode()


def claims(**changes: Any) -> dict[str, Any]:
    """What a good token of an admin says."""
    now = int(time.time())
    good = {
        "iss": "usav-hub",
        "aud": "usav-hub",
        "sub": "1",
        "name": "admin",
        "role": "ADMIN",
        "sid": "0f8e2c64-3b1d-4a57-9c20-7d5e61f0b893",
        "jti": "made-for-a-test",
        "iat": now,
        "nbf": now,
        "exp": now + 600,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def assemble(header: Mapping[str, Any], sign: Any, payload: Mapping[str, Any] | None = None) -> str:
    """A token from its parts; `sign` makes the signature of the first two."""
    text = f"{part(header)}.{part(payload or claims())}"
    return f"{text}.{_base64url(sign(text.encode()))}"


def part(values: Mapping[str, Any]) -> str:
    """One part of a token."""
    return _base64url(json.dumps(values).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
