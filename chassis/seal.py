"""Sealed tokens: opaque to callers, tamper-evident, bound to what they were made for. AES-256-GCM under a key of the hub."""

from __future__ import annotations

import base64
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class Seal:
    """Seals short byte strings. All replicas of a service share the key, so any of them opens what another sealed."""

    def __init__(self, key: str) -> None:
        self._cipher = AESGCM(hashlib.sha256(b"usav-seal\0" + key.encode()).digest())

    def seal(self, payload: bytes, purpose: str) -> str:
        """An URL-safe token of `payload`, valid for `purpose` only."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, payload, purpose.encode())
        return base64.urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()

    def open(self, token: str, purpose: str) -> bytes | None:
        """The payload, or None when the token is altered, foreign or made for another purpose."""
        try:
            raw = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], purpose.encode())
        except (InvalidTag, ValueError):
            return None
