"""The settings of the sync service, read once at start."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from chassis.setting_values import parse_url, seconds
from chassis.settings import ServiceSettings, SettingsError, setting


def parse_key(raw: str) -> bytes:
    """32 bytes in base64. Raises ValueError."""
    key = base64.b64decode(raw, validate=True)
    if len(key) != 32:
        raise ValueError("takes 32 bytes in base64")
    return key


def parse_key_file(path: str) -> tuple[bytes, ...]:
    """The keys of a file, one a line. Raises ValueError."""
    try:
        lines = Path(path).read_text(encoding="ascii").split()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    return tuple(parse_key(line) for line in lines)


def parse_milliseconds(raw: str) -> float:
    """Milliseconds above zero, an hour at most. Raises ValueError."""
    value = float(raw)
    if not 0 < value <= 3_600_000:
        raise ValueError("takes milliseconds above zero")
    return value


@dataclass(frozen=True, kw_only=True)
class SyncSettings(ServiceSettings):
    """What sync needs beside what every service needs."""

    credential_key: bytes = setting(
        "HUB_CREDENTIAL_KEY", b"", "Encrypts channel credentials: 32 bytes in base64.", parse=parse_key, secret=True
    )
    credential_key_file: tuple[bytes, ...] = setting(
        "HUB_CREDENTIAL_KEY_FILE",
        (),
        "A file with such keys, one a line: the first one encrypts when HUB_CREDENTIAL_KEY is not set, all decrypt.",
        parse=parse_key_file,
        secret=True,
    )
    sandbox_url: str = setting(
        "HUB_SANDBOX_URL", "", "The marketplace sandbox; its accounts become the first channels.", parse=parse_url
    )
    public_url: str = setting(
        "HUB_PUBLIC_URL", "", "The gateway's address as platforms reach it, for webhooks.", parse=parse_url
    )
    workers: bool = setting("HUB_SYNC_WORKERS", True, "Whether this process pushes and takes orders in.")
    fold_ms: float = setting("HUB_SYNC_FOLD_MS", 25.0, "How long stock changes are gathered.", parse=parse_milliseconds)
    push_gap_ms: float = setting(
        "HUB_SYNC_PUSH_GAP_MS", 300.0, "Least time between two pushes of one listing.", parse=parse_milliseconds
    )
    push_timeout_s: float = setting(
        "HUB_SYNC_PUSH_TIMEOUT", 20.0, "Most seconds of one push.", parse=seconds(0.1, 3600)
    )
    lease_s: float = setting(
        "HUB_SYNC_LEASE", 30.0, "Seconds a worker holds a listing; longer than a push may take.", parse=seconds(1, 7200)
    )
    backstop_s: float = setting(
        "HUB_SYNC_BACKSTOP", 2.0, "Seconds between two looks for work that nobody announced.", parse=seconds(0.05, 3600)
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.credential_keys:
            raise SettingsError("HUB_CREDENTIAL_KEY or HUB_CREDENTIAL_KEY_FILE has to be set")
        if self.lease_s < self.push_timeout_s + 5:
            raise SettingsError("HUB_SYNC_LEASE has to be at least 5 seconds longer than HUB_SYNC_PUSH_TIMEOUT")

    @property
    def credential_keys(self) -> tuple[bytes, ...]:
        """The key that encrypts, then the former ones."""
        return (self.credential_key, *self.credential_key_file) if self.credential_key else self.credential_key_file
