"""The passwords of a cluster on one machine: made once, kept in a file that only its owner reads."""

from __future__ import annotations

import dataclasses
import json
import secrets
from pathlib import Path

from deploy.ha.patroni import Passwords
from deploy.local.secrets import write_private


def load_passwords(path: Path) -> Passwords:
    """Reads the file, or makes it. Safe to repeat."""
    if not path.exists():
        made = {item.name: secrets.token_urlsafe(24) for item in dataclasses.fields(Passwords)}
        write_private(path, json.dumps(made, indent=1) + "\n")
    return Passwords(**json.loads(path.read_text()))
