"""Back to a second: the cluster is rebuilt beside the present one, proven, and takes its place. The hub has to be stopped.

The present data is untouched until the end, and kept under another name after it. It may be run again at any point.
"""

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

from deploy.backup.after_restore import Channels, begin_anew
from deploy.backup.create import read_secrets
from deploy.backup.drill import prove
from deploy.backup.errors import BackupDamaged, BackupError, BackupRefused
from deploy.backup.hub_secrets import find_secrets, take_over
from deploy.backup.pitr.archive import WalArchive
from deploy.backup.pitr.base import ARCHIVE, CLUSTER
from deploy.backup.pitr.window import Window, window_for
from deploy.backup.place import Place
from deploy.backup.restore import check_secrets, check_version
from deploy.backup.vault import Vault
from deploy.local.migrate import migrate
from deploy.local.ports import Ports
from deploy.local.postgres import (
    ADMIN,
    MAJOR,
    EmbeddedPostgres,
    PostgresError,
    PostgresPlace,
    bare_environment,
    program,
    set_aside,
)
from deploy.local.postgres_user import postgres_user
from deploy.local.secrets import Secrets, load_secrets
from deploy.local.settings import HubSettings

_RECOVERY_SECONDS = 24 * 3600.0
_ENDED_BEFORE = "recovery ended before configured recovery target"


@dataclass(frozen=True)
class GoingBack:
    """To which second, of which backups, and what the hub may do to marketplaces afterwards."""

    vault: Vault
    at: datetime
    channels: Channels = Channels.PAUSED
    without_secrets: bool = False


@dataclass(frozen=True)
class _Rebuilt:
    """The folders of the cluster while it is rebuilt."""

    data: Path
    wal: Path
    log: Path
    password: str = field(repr=False)

    def server(self, port: int, options: dict[str, str]) -> EmbeddedPostgres:
        return EmbeddedPostgres(PostgresPlace(self.data, self.log, port, self.password), options)


async def go_back(place: Place, what: GoingBack, tell: Callable[[str], None]) -> None:
    """Rebuilds the hub of the state folder as it was at that second. Raises BackupRefused, BackupDamaged, StateInUse."""
    if place.hub.database_url:
        raise BackupRefused(
            "DATABASE_URL names another Postgres: go back with its own means, this is for the embedded one"
        )
    if what.at > datetime.now(UTC):
        raise BackupRefused(f"{what.at:%Y-%m-%dT%H:%M:%SZ} has not come yet")
    window = await asyncio.to_thread(window_for, what.vault, what.at)
    _check(window)
    with place.state.lock():
        takes_over = not what.without_secrets and check_secrets(
            window.base, find_secrets(place.state, place.hub.environ)
        )
        restored = read_secrets(what.vault, window.base) if takes_over else {}
        secrets = load_secrets(place.state.secrets, place.hub.environ)
        state = place.state
        rebuilt = _Rebuilt(
            state.path / "postgres.rebuilt",
            state.path / "postgres.log-segments",
            state.log("rebuild"),
            secrets.postgres_password,
        )
        await _rebuild(rebuilt, what, window, tell)
        await _finish(rebuilt, place.hub, secrets, what, tell)
        former = _exchange(state.postgres, rebuilt)
        take_over(state, restored, window.base.id)
    tell(f"the hub is as it was at {what.at:%Y-%m-%d %H:%M:%S} UTC; `make run` starts it")
    if former:
        tell(f"the former data is kept in {former}")


def _check(window: Window) -> None:
    check_version(window.base)
    if not window.base.postgres_version.startswith(f"{MAJOR}."):
        raise BackupRefused(f"the base backup is of Postgres {window.base.postgres_version}; this hub embeds {MAJOR}")
    if not window.segments:
        raise BackupDamaged(f"the log behind base backup {window.base.id} is missing from the store")


async def _rebuild(rebuilt: _Rebuilt, what: GoingBack, window: Window, tell: Callable[[str], None]) -> None:
    for leftover in (rebuilt.data, rebuilt.wal):
        shutil.rmtree(leftover, ignore_errors=True)
        leftover.mkdir(mode=0o700)
    tell(f"unpacking base backup {window.base.id}")
    await asyncio.to_thread(_unpack, what.vault.read(window.base, ARCHIVE), rebuilt.data)
    tell(f"fetching {len(window.segments)} segments of the log")
    archive = WalArchive(what.vault, window.base.details[CLUSTER])
    for name in window.segments:
        await asyncio.to_thread(_write, rebuilt.wal / name, archive.get(name))
    postgres_user().own(rebuilt.wal)
    (rebuilt.data / "recovery.signal").touch()
    await _recover(rebuilt, what.at, tell)
    shutil.rmtree(rebuilt.wal)


async def _recover(rebuilt: _Rebuilt, at: datetime, tell: Callable[[str], None]) -> None:
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


async def _finish(
    rebuilt: _Rebuilt, hub: HubSettings, secrets: Secrets, what: GoingBack, tell: Callable[[str], None]
) -> None:
    """Gives it this machine's passwords, brings it up to date, lets it forget what it must, and proves it."""
    await asyncio.to_thread(_set_password, rebuilt)
    with Ports() as ports:
        server = rebuilt.server(ports.take_free(), {})
        try:
            await server.start()
            url = server.place.url()
            await migrate(url, secrets.role_secret)
            await begin_anew(url, what.channels)
            proven = await prove(url)
        finally:
            await server.stop()
    tell(f"references hold; the ledger is whole: {proven['movements']} rows of {proven['units']} units")


def _set_password(rebuilt: _Rebuilt) -> None:
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


def _exchange(present: Path, rebuilt: _Rebuilt) -> Path | None:
    former = set_aside(present)
    if present.exists():
        shutil.rmtree(former, ignore_errors=True)
        present.rename(former)
    rebuilt.data.rename(present)
    return former if former.exists() else None


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
