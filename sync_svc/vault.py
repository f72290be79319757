"""Channel secrets at rest: AES-256-GCM under HUB_CREDENTIAL_KEY, bound to their channel and use.

What is stored for one channel cannot be opened as another's, and is read only to build a connector.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class SecretsUnreadable(Exception):
    """The secrets were stored under another key, or altered."""


class Vault:
    """Seals and opens a channel's secrets."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

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
        try:
            plain = self._cipher.decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound_to(platform, account, use)
            )
        except InvalidTag as error:
            raise SecretsUnreadable("the stored secrets cannot be opened with HUB_CREDENTIAL_KEY") from error
        opened: dict[str, str] = json.loads(plain)
        return opened


def _bound_to(platform: str, account: str, use: str) -> bytes:
    return f"usav-channel:{platform}:{account}:{use}".encode()
