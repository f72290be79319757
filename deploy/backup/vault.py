"""The backups in a store: reading and writing their objects, sealed where there is a key, and which of them are whole."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from deploy.backup.errors import BackupDamaged, BackupError, BackupRefused
from deploy.backup.manifest import DUMP, NAME, Manifest, StoredFile, is_id, read_manifest
from deploy.backup.sealing import opened, sealed
from deploy.backup.stores import Store

_FILE_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,60}")


@dataclass(frozen=True)
class Vault:
    """A store and the operator's key; without one backups are written in the open."""

    store: Store
    key: bytes | None = field(default=None, repr=False)

    def write(self, backup_id: str, name: str, chunks: Iterable[bytes]) -> StoredFile:
        """Stores a file of a backup and tells what it came to."""
        place = f"{backup_id}/{name}"
        digest, size = hashlib.sha256(), 0

        def measured() -> Iterator[bytes]:
            nonlocal size
            for chunk in sealed(chunks, self.key, place) if self.key else chunks:
                digest.update(chunk)
                size += len(chunk)
                yield chunk

        self.store.put(place, measured())
        return StoredFile(name, size, digest.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """Makes the backup count: from now on it is listed."""
        self.store.put(f"{manifest.id}/{NAME}", [manifest.to_bytes(self.key)])

    def read(self, manifest: Manifest, name: str) -> Iterator[bytes]:
        """A file's plain bytes. Raises BackupDamaged, at its end at the latest, unless they are those that were written."""
        wanted = next((file for file in manifest.files if file.name == name), None)
        if wanted is None or not _FILE_NAME.fullmatch(name):
            raise BackupDamaged(f"backup {manifest.id} has no file {name}")
        place = f"{manifest.id}/{name}"
        stored = self._checked(wanted, place)
        return opened(stored, self._needed_key(manifest), place) if manifest.encrypted else stored

    def manifest(self, backup_id: str) -> Manifest:
        """Of one backup. Raises BackupRefused when there is none by this name, BackupDamaged."""
        if not is_id(backup_id) or not self.store.objects(f"{backup_id}/{NAME}"):
            raise BackupRefused(
                f"there is no backup {backup_id} in {self.store.where}; `hubctl backup list` shows them"
            )
        found = read_manifest(b"".join(self.store.get(f"{backup_id}/{NAME}")), self.key)
        if found.id != backup_id:
            raise BackupDamaged(f"the manifest of {backup_id} is that of {found.id}")
        return found

    def whole(self, kind: str = DUMP) -> list[Manifest]:
        """Every whole backup of a kind, the oldest first. Raises BackupDamaged when a manifest cannot be trusted."""
        found = [self.manifest(name) for name in self.ids() if self.store.objects(f"{name}/{NAME}")]
        return [one for one in found if one.kind == kind]

    def newest(self, kind: str = DUMP) -> Manifest:
        """The newest whole backup. Raises BackupRefused when there is none."""
        for name in reversed(self.ids()):
            if self.store.objects(f"{name}/{NAME}") and (found := self.manifest(name)).kind == kind:
                return found
        raise BackupRefused(f"there is no backup in {self.store.where}")

    def ids(self) -> list[str]:
        """The names of all backups, also of those that were broken off."""
        return [name for name in self.store.folders() if is_id(name)]

    def remove(self, backup_id: str) -> None:
        """Removes a backup, the manifest first: what is half removed is not taken for a backup. Safe to repeat."""
        self.store.delete(f"{backup_id}/{NAME}")
        for one in self.store.objects(f"{backup_id}/"):
            self.store.delete(one.name)

    def _checked(self, wanted: StoredFile, place: str) -> Iterator[bytes]:
        digest, size = hashlib.sha256(), 0
        for chunk in self.store.get(place):
            digest.update(chunk)
            size += len(chunk)
            yield chunk
        if size != wanted.bytes or digest.hexdigest() != wanted.sha256:
            raise BackupDamaged(f"{place} is not what was written: its bytes do not give the manifest's sha256")

    def _needed_key(self, manifest: Manifest) -> bytes:
        if self.key is None:
            raise BackupError(
                f"backup {manifest.id} is encrypted: set HUB_BACKUP_KEY, or HUB_BACKUP_KEY_FILE, to the key it was made with"
            )
        return self.key
