"""What a backup says of itself: when, of what, and what every file and table has to be.

The manifest is the last object of a backup to be written and the first to go: a backup with one is whole.
"""

from __future__ import annotations

import dataclasses
import hmac
import json
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

from deploy.backup.errors import BackupDamaged
from deploy.backup.sealing import authentication

NAME = "manifest.json"
FORMAT = 1
DUMP = "dump"
BASE = "base"
_ID = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-[0-9a-f]{6}")


@dataclass(frozen=True)
class StoredFile:
    """A file as it lies in the store."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class TableState:
    """How many rows, and a sum of their hashes that does not depend on their order."""

    rows: int
    hash: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Times are UTC. `heads` are migrations by schema, `prints` tell secrets apart without giving them away."""

    id: str
    kind: str
    started_at: datetime
    finished_at: datetime
    hub_version: str
    postgres_version: str
    database: str
    heads: dict[str, str]
    tables: dict[str, TableState]
    files: list[StoredFile]
    encrypted: bool
    holds_secrets: bool
    prints: dict[str, str]
    details: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Of all files."""
        return sum(file.bytes for file in self.files)

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(table.rows for table in self.tables.values())

    def to_bytes(self, key: bytes | None) -> bytes:
        """As it is stored; with a key nobody without it can make another one."""
        content = {"format": FORMAT, **dataclasses.asdict(self)}
        content |= {name: getattr(self, name).isoformat() for name in ("started_at", "finished_at")}
        if key is not None:
            content["authentication"] = authentication(key, _canonical(content))
        return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"


def read_manifest(raw: bytes, key: bytes | None = None) -> Manifest:
    """Raises BackupDamaged when it is no manifest, of a newer format, or (given the key) was not written with it."""
    try:
        content = json.loads(raw)
        if content.pop("format") != FORMAT:
            raise BackupDamaged("the backup is of a newer hub's format: restore it with that hub's version")
        said = content.pop("authentication", "")
        _authenticate({"format": FORMAT, **content}, said, key)
        content["started_at"] = datetime.fromisoformat(content["started_at"])
        content["finished_at"] = datetime.fromisoformat(content["finished_at"])
        content["files"] = [StoredFile(**one) for one in content["files"]]
        content["tables"] = {name: TableState(**one) for name, one in content["tables"].items()}
        return Manifest(**content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupDamaged(f"the manifest cannot be read ({type(error).__name__})") from None


def new_id(at: datetime) -> str:
    """Sorts by time, and differs from any other made in the same second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H-%M-%SZ}-{secrets.token_hex(3)}"


def is_id(text: str) -> bool:
    """Whether it is the name of a backup."""
    return _ID.fullmatch(text) is not None


def time_of(backup_id: str) -> datetime:
    """When the backup of this name was begun. Raises ValueError."""
    return datetime.strptime(backup_id[:20], "%Y-%m-%dT%H-%M-%SZ").replace(tzinfo=UTC)


def _authenticate(content: dict[str, object], said: str, key: bytes | None) -> None:
    if key is None or not content.get("encrypted"):
        return
    if not hmac.compare_digest(said, authentication(key, _canonical(content))):
        raise BackupDamaged("the manifest was not written with this key: another key, or the manifest was changed")


def _canonical(content: dict[str, object]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
