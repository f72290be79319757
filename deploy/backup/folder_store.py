"""Backups in a folder, for its owner only. An object is written beside its place, made durable and then renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.backup.errors import BackupDamaged, BackupError
from deploy.backup.stores import Stored

_READ = 1 << 20
_DRAFT = ".draft-"


@dataclass(frozen=True)
class FolderStore:
    """All objects below one folder."""

    root: Path

    @property
    def where(self) -> str:
        """The folder."""
        return str(self.root)

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        """Stores an object, durably. Raises BackupError."""
        place = self.root / name
        draft = place.with_name(f"{_DRAFT}{place.name}-{secrets.token_hex(4)}")
        with _readable(place):
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                _write(draft, chunks)
                draft.replace(place)
            finally:
                draft.unlink(missing_ok=True)
            _sync_folder(place.parent)

    def get(self, name: str) -> Iterator[bytes]:
        """The object's bytes. Raises BackupDamaged, BackupError."""
        place = self.root / name
        with _readable(place):
            if not place.is_file():
                raise BackupDamaged(f"{place} is missing")
            with place.open("rb") as file:
                while chunk := file.read(_READ):
                    yield chunk

    def objects(self, prefix: str) -> list[Stored]:
        """The objects whose names begin with `prefix`, by name."""
        with _readable(self.root):
            return sorted((_stored(self.root, file) for file in self._files(prefix)), key=lambda one: one.name)

    def folders(self) -> list[str]:
        """The folders in it that hold something whole."""
        return sorted({file.relative_to(self.root).parts[0] for file in self._files("")})

    def delete(self, name: str) -> None:
        """Removes an object, and its folder when nothing else is in it."""
        place = self.root / name
        with _readable(place):
            place.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            place.parent.rmdir()

    def remove_drafts(self, before: datetime) -> None:
        """Removes what was begun and broken off before a time."""
        for draft in self.root.rglob(f"{_DRAFT}*"):
            if datetime.fromtimestamp(draft.stat().st_mtime, UTC) < before:
                draft.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    draft.parent.rmdir()

    def _files(self, prefix: str) -> Iterator[Path]:
        for file in self.root.glob("*/**/*"):
            name = file.relative_to(self.root).as_posix()
            if file.is_file() and name.startswith(prefix) and not file.name.startswith(_DRAFT):
                yield file


def _stored(root: Path, file: Path) -> Stored:
    found = file.stat()
    at = datetime.fromtimestamp(found.st_mtime, UTC)
    return Stored(file.relative_to(root).as_posix(), found.st_size, at)


def _write(draft: Path, chunks: Iterable[bytes]) -> None:
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _readable(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackupError(f"{place}: {error.strerror or error}") from error
