"""The settings of backups: where to, sealed with what, when, and how long they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from pathlib import Path

from chassis.setting_values import parse_file, parse_port, parse_url, parse_word, whole
from chassis.settings import SettingsError, load, setting
from deploy.backup.retention import Retention
from deploy.backup.sealing import parse_key
from deploy.backup.stores import open_store
from deploy.backup.vault import Vault


def parse_times(raw: str) -> tuple[time, ...]:
    """Times of the day such as 03:15,15:15. Raises ValueError."""
    try:
        return tuple(sorted({time.fromisoformat(part.strip()) for part in raw.split(",")}))
    except ValueError:
        raise ValueError("takes times of the day in UTC, as 03:15 or 03:15,15:15") from None


def _parse_key_file(raw: str) -> bytes:
    try:
        return parse_key(Path(raw).expanduser().read_text())
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error


@dataclass(frozen=True, kw_only=True)
class BackupSettings:
    """One hub's backups. Credentials of an S3 store are found where AWS's own tools look (AWS_ACCESS_KEY_ID and so on)."""

    to: str = setting("HUB_BACKUP_TO", "", "A folder, or s3://bucket/prefix; empty makes no backups.", parse=parse_file)
    key: bytes = setting("HUB_BACKUP_KEY", b"", "Encrypts backups: 32 bytes in base64.", parse=parse_key, secret=True)
    key_file: bytes = setting("HUB_BACKUP_KEY_FILE", b"", "A file with the key.", parse=_parse_key_file, secret=True)
    at: tuple[time, ...] = setting(
        "HUB_BACKUP_AT", (time(3, 15),), "When the scheduler makes backups, in UTC: 03:15,15:15.", parse=parse_times
    )
    daily: int = setting("HUB_BACKUP_DAILY", 7, "Of how many days the newest backup is kept.", parse=whole(0, 1000))
    weekly: int = setting("HUB_BACKUP_WEEKLY", 4, "Of how many weeks.", parse=whole(0, 1000))
    monthly: int = setting("HUB_BACKUP_MONTHLY", 6, "Of how many months.", parse=whole(0, 1000))
    wal: bool = setting("HUB_BACKUP_WAL", False, "Whether the scheduler keeps the log, to go back to any second.")
    wal_seconds: int = setting(
        "HUB_BACKUP_WAL_SECONDS",
        60,
        "How much may be lost: after so long the log goes to the store.",
        parse=whole(1, 3600),
    )
    wal_days: int = setting(
        "HUB_BACKUP_WAL_DAYS", 7, "To any second of how many days one can go back.", parse=whole(1, 365)
    )
    wal_folder: str = setting(
        "HUB_BACKUP_WAL_FOLDER",
        "",
        "Where the log waits until it is in the store; empty: beside the hub's data.",
        parse=parse_file,
    )
    s3_endpoint: str = setting(
        "HUB_BACKUP_S3_ENDPOINT", "", "Of a store that is not Amazon's: https://host:port.", parse=parse_url
    )
    s3_region: str = setting("HUB_BACKUP_S3_REGION", "us-east-1", "The region of the bucket.", parse=parse_word)
    metrics_port: int = setting("HUB_BACKUP_METRICS_PORT", 0, "The scheduler's metrics; 0 is off.", parse=parse_port)

    def __post_init__(self) -> None:
        if self.key and self.key_file:
            raise SettingsError("HUB_BACKUP_KEY and HUB_BACKUP_KEY_FILE are both set: one of them is enough")

    @property
    def retention(self) -> Retention:
        """How long backups are kept."""
        return Retention(self.daily, self.weekly, self.monthly)

    def vault(self, to: str = "") -> Vault:
        """The backups at `to`, or where the settings say. Raises BackupRefused."""
        store = open_store(to or self.to, endpoint=self.s3_endpoint, region=self.s3_region)
        return Vault(store, self.key or self.key_file or None)


def load_backup_settings(environ: Mapping[str, str]) -> BackupSettings:
    """From the environment as the hub's own settings see it. Raises SettingsError."""
    return load(BackupSettings, environ)
