"""Whether a SCRAM-SHA-256 secret of Postgres is that of a password (RFC 5802 and 7677, stored as pg_authid says)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

_STORED = re.compile(r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")


def is_secret_of(stored: str, password: str) -> bool:
    """False also for what is no SCRAM secret. `password` is ASCII, which normalising leaves as it is."""
    found = _STORED.fullmatch(stored)
    if found is None:
        return False
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), base64.b64decode(found[2]), int(found[1]))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), base64.b64decode(found[3]))
