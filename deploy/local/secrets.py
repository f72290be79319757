"""The secrets of one hub: made once, kept in files only their owner reads, overridable by the environment.

Passwords of the database roles and of the services' own accounts are derived, so that nothing else needs to be stored or
handed round.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
import os
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, repr=False)
class Secrets:
    """What has to stay the same for as long as the data lives."""

    postgres_password: str
    role_secret: str
    seal_key: str
    credential_key: str

    def role_password(self, role: str) -> str:
        """The password of a database role."""
        return role_password(self.role_secret, role)

    def client_secret(self, client_id: str) -> str:
        """The secret with which a service signs in."""
        return _derive(self.role_secret, f"client:{client_id}")


# Which variable overrides which secret.
VARIABLES = {"role_secret": "HUB_ROLE_SECRET", "seal_key": "HUB_SEAL_KEY", "credential_key": "HUB_CREDENTIAL_KEY"}


def role_password(role_secret: str, role: str) -> str:
    """The password of a database role, the same wherever it is computed."""
    return _derive(role_secret, f"role:{role}")


def load_secrets(path: Path, environ: Mapping[str, str]) -> Secrets:
    """Reads the file, adds what it lacks, and lets the environment win. Safe to repeat."""
    stored: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    complete = {item.name: stored.get(item.name) or _generate(item.name) for item in dataclasses.fields(Secrets)}
    if complete != stored:
        write_private(path, json.dumps(complete, indent=1) + "\n")
    given = {name: environ[variable] for name, variable in VARIABLES.items() if environ.get(variable)}
    return Secrets(**{**complete, **given})


def load_admin_password(path: Path, given: str) -> str:
    """The first admin's password: the one given, else the stored one, else a new one. Kept at its first use."""
    stored = path.read_text().strip() if path.exists() else ""
    password = given or stored or "".join(secrets.choice(_LETTERS) for _ in range(20))
    if not stored:
        # Without a line end: `curl --data-urlencode password@FILE` sends the file as it is.
        write_private(path, password)
    return password


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _derive(secret: str, purpose: str) -> str:
    return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def _generate(name: str) -> str:
    if name == "credential_key":
        return base64.b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(32)
