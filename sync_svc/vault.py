"""Channel secrets at rest: AES-256-GCM under the credential key, bound to their channel and use.

What is stored for one channel cannot be opened as another's, and is read only to build a connector. Former keys open what they
sealed, and seal nothing more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class SecretsUnreadable(Exception):
    """The secrets were stored under another key, or altered."""


class Vault:
    """Seals and opens a channel's secrets."""

    def __init__(self, key: bytes, former: Sequence[bytes] = ()) -> None:
        self._cipher = AESGCM(key)
        self._former = [AESGCM(one) for one in former]

    def seal(self, secrets: Mapping[str, str], *, platform: str, account: str, use: str) -> bytes:
        """The secrets as they may be stored."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(
            nonce, json.dumps(dict(secrets)).encode(), _bound_to(platform, account, use)
        )

    def open(self, sealed: bytes | None, *, platform: str, account: str, use: str) -> dict[str, str]:
        """The secrets; none when nothing is stored. Raises SecretsUnreadable."""
        if not sealed:
            return {}
        bound = _bound_to(platform, account, use)
        for cipher in (self._cipher, *self._former):
            try:
                plain = cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)
            except InvalidTag:
                continue
            opened: dict[str, str] = json.loads(plain)
            return opened
        raise SecretsUnreadable("the stored secrets cannot be opened with any credential key the service has")


def _bound_to(platform: str, account: str, use: str) -> bytes:
    return f"usav-channel:{platform}:{account}:{use}".encode()
