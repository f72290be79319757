"""Access tokens as auth would sign them, and as somebody else might."""

from __future__ import annotations

import base64
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from usav.auth.v1 import token_pb2

KEY = ec.generate_private_key(ec.SECP256R1())
KEY_ID = "the-hubs"
STRANGERS_KEY = ec.generate_private_key(ec.SECP256R1())


def access_token(key: Any = KEY, key_id: str = KEY_ID, algorithm: str = "ES256", **claims: object) -> str:
    """A token of user 7, an admin, good for 15 minutes; `claims` change it, None leaves one out."""
    now = int(time.time())
    usual = {
        "iss": "usav-hub",
        "aud": "usav-hub",
        "sub": "7",
        "iat": now,
        "exp": now + 900,
        "jti": "j",
        "role": "ADMIN",
    }
    chosen = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return jwt.encode(chosen, key, algorithm=algorithm, headers={"kid": key_id, "typ": "at+jwt"})


def published_keys() -> token_pb2.JwkSet:
    """What auth publishes of KEY."""
    numbers = KEY.public_key().public_numbers()
    keys = token_pb2.JwkSet()
    keys.keys.add(
        kty="EC", crv="P-256", kid=KEY_ID, alg="ES256", use="sig", x=_coordinate(numbers.x), y=_coordinate(numbers.y)
    )
    return keys


def _coordinate(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).decode().rstrip("=")
