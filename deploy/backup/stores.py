"""Where backups lie: objects with names, put whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from deploy.backup.errors import BackupRefused


@dataclass(frozen=True)
class Stored:
    """An object: its name with slashes, its size, and when it was put."""

    name: str
    bytes: int
    modified_at: datetime


class Store(Protocol):
    """A folder or a bucket. Every method raises BackupError when the store fails."""

    @property
    def where(self) -> str:
        """The store as people know it; holds no secret."""
        ...

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        """Stores an object. It is there whole or not at all; a repeat replaces it."""
        ...

    def get(self, name: str) -> Iterator[bytes]:
        """The object's bytes. Raises BackupDamaged when there is no such object."""
        ...

    def objects(self, prefix: str) -> list[Stored]:
        """The objects whose names begin with `prefix`, by name."""
        ...

    def folders(self) -> list[str]:
        """The first parts of the names of all objects, each once, in order."""
        ...

    def delete(self, name: str) -> None:
        """Removes an object. Safe to repeat."""
        ...

    def remove_drafts(self, before: datetime) -> None:
        """Removes what was begun and broken off before a time."""
        ...


def open_store(to: str, *, endpoint: str = "", region: str = "") -> Store:
    """The store of HUB_BACKUP_TO: a folder, or s3://bucket/prefix. Raises BackupRefused."""
    if not to:
        raise BackupRefused("HUB_BACKUP_TO is not set: name a folder or s3://bucket/prefix, here or with --to")
    scheme, separator, rest = to.partition("://")
    if not separator:
        from deploy.backup.folder_store import FolderStore

        return FolderStore(Path(to).expanduser())
    if scheme != "s3" or not rest.partition("/")[0]:
        raise BackupRefused(f"{to}: backups go to a folder or to s3://bucket/prefix")
    from deploy.backup.s3_store import S3Store

    bucket, _, prefix = rest.partition("/")
    return S3Store(bucket, prefix, endpoint=endpoint, region=region)
