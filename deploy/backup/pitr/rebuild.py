"""A cluster made anew from a base backup and the log behind it, up to a given second, in folders of its own."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

from deploy.backup.errors import BackupDamaged, BackupError, BackupRefused
from deploy.backup.pitr.archive import WalArchive
from deploy.backup.pitr.base import ARCHIVE, CLUSTER
from deploy.backup.pitr.window import Window, window_for
from deploy.backup.restore import check_version
from deploy.backup.vault import Vault
from deploy.local.ports import Ports
from deploy.local.postgres import (
    ADMIN,
    MAJOR,
    EmbeddedPostgres,
    PostgresError,
    PostgresPlace,
    bare_environment,
    program,
)
from deploy.local.postgres_user import postgres_user

_RECOVERY_SECONDS = 24 * 3600.0
_ENDED_BEFORE = "recovery ended before configured recovery target"


@dataclass(frozen=True)
class Rebuilt:
    """The folders of such a cluster; the password is the administrator's from `set_password` on."""

    data: Path
    wal: Path
    log: Path
    password: str = field(repr=False)

    def server(self, port: int, options: dict[str, str]) -> EmbeddedPostgres:
        """What runs it; once only, for another try would apply the whole log again."""
        return EmbeddedPostgres(PostgresPlace(self.data, self.log, port, self.password), options, most_crashes=0)


async def window_to(vault: Vault, at: datetime) -> Window:
    """What leads to that second. Raises BackupRefused, BackupDamaged, having changed nothing."""
    if at > datetime.now(UTC):
        raise BackupRefused(f"{at:%Y-%m-%dT%H:%M:%SZ} has not come yet")
    window = await asyncio.to_thread(window_for, vault, at)
    check_version(window.base)
    if not window.base.postgres_version.startswith(f"{MAJOR}."):
        raise BackupRefused(f"the base backup is of Postgres {window.base.postgres_version}; this hub embeds {MAJOR}")
    if not window.segments:
        raise BackupDamaged(f"the log behind base backup {window.base.id} is missing from the store")
    return window


async def rebuild(rebuilt: Rebuilt, vault: Vault, window: Window, at: datetime, tell: Callable[[str], None]) -> None:
    """Makes it as it was at that second, whatever lay in its folders before. Raises BackupRefused, BackupDamaged."""
    for leftover in (rebuilt.data, rebuilt.wal):
        shutil.rmtree(leftover, ignore_errors=True)
        leftover.mkdir(mode=0o700)
    tell(f"unpacking base backup {window.base.id}")
    await asyncio.to_thread(_unpack, vault.read(window.base, ARCHIVE), rebuilt.data)
    tell(f"fetching {len(window.segments)} segments of the log")
    archive = WalArchive(vault, window.base.details[CLUSTER])
    for name in window.segments:
        await asyncio.to_thread(_write, rebuilt.wal / name, archive.get(name))
    postgres_user().own(rebuilt.wal)
    (rebuilt.data / "recovery.signal").touch()
    await _recover(rebuilt, at, tell)
    shutil.rmtree(rebuilt.wal)


async def _recover(rebuilt: Rebuilt, at: datetime, tell: Callable[[str], None]) -> None:
    """Runs the server until it has reached the second and begun a timeline of its own."""
    options = {
        "restore_command": f'cp "{rebuilt.wal}/%f" "%p"',
        "recovery_target_time": at.astimezone(UTC).isoformat(),
        "recovery_target_action": "promote",
        "hot_standby": "off",
    }
    tell("applying the log")
    rebuilt.log.unlink(missing_ok=True)
    with Ports() as ports:
        server = rebuilt.server(ports.take_free(), options)
        try:
            await server.start(_RECOVERY_SECONDS)
        except PostgresError as error:
            if _ENDED_BEFORE in str(error):
                raise BackupRefused(
                    f"the log in the store ends before {at:%Y-%m-%dT%H:%M:%SZ}; `hubctl backup pitr list` tells how far it goes"
                ) from error
            raise
        finally:
            await server.stop()


def set_password(rebuilt: Rebuilt) -> None:
    """As the server's own maintenance mode does it, which asks for none: the one in the backup may be of another machine."""
    statement = f"ALTER ROLE {ADMIN} PASSWORD '{rebuilt.password}'\n"
    done = subprocess.run(
        [str(program("postgres")), "--single", "-D", str(rebuilt.data), "postgres"],
        input=statement,
        capture_output=True,
        text=True,
        check=False,
        env=bare_environment(),
        **postgres_user().subprocess_options(),
    )
    if done.returncode or "ERROR" in done.stderr:
        raise BackupError(f"the administrator's password could not be set:\n{done.stderr.strip()}")


def _unpack(chunks: Iterable[bytes], folder: Path) -> None:
    with tarfile.open(fileobj=cast(IO[bytes], _Reader(iter(chunks))), mode="r|gz") as archive:
        archive.extractall(folder, filter="data")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    if not (folder / "PG_VERSION").is_file():
        raise BackupDamaged("the base backup holds no cluster")


def _write(file: Path, chunks: Iterable[bytes]) -> None:
    with file.open("wb") as target:
        for chunk in chunks:
            target.write(chunk)


class _Reader:
    """An iterator of bytes as the file that tarfile reads."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._held = chunks, b""

    def read(self, size: int) -> bytes:
        while len(self._held) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._held += chunk
        found, self._held = self._held[:size], self._held[size:]
        return found
