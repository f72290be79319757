"""Reads a backup from end to end: every file is there, is what was written, and pg_restore can read its table of contents."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from deploy.backup.create import ROLES, SECRETS
from deploy.backup.errors import BackupDamaged, BackupError
from deploy.backup.manifest import Manifest
from deploy.backup.programs import give_to
from deploy.backup.vault import Vault
from deploy.local.migrate import SCHEMAS


def verify_backup(vault: Vault, manifest: Manifest, tell: Callable[[str], None]) -> None:
    """Raises BackupDamaged naming the first file that is wrong. Changes nothing."""
    wanted = {f"{schema}.dump" for schema in SCHEMAS} | {ROLES} | ({SECRETS} if manifest.holds_secrets else set())
    missing = wanted - {file.name for file in manifest.files}
    if missing:
        raise BackupDamaged(f"backup {manifest.id} lacks {', '.join(sorted(missing))}")
    for file in manifest.files:
        chunks = vault.read(manifest, file.name)
        if file.name.endswith(".dump"):
            _read_contents(chunks, file.name)
        for _ in chunks:
            continue
        tell(f"{file.name}: {file.bytes} bytes, as written")


def _read_contents(chunks: Iterator[bytes], name: str) -> None:
    """The table of contents stands first; pg_restore needs no more, so what follows is only read by the caller."""
    try:
        give_to("pg_restore", ["--list"], {}, chunks)
    except BackupDamaged:
        raise
    except BackupError as error:
        raise BackupDamaged(f"{name} cannot be read by pg_restore: {error}") from error
