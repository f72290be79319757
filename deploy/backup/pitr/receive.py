"""Receives the write-ahead log as it is written, and ships every finished segment into the store.

A replication slot makes the server keep what was not received yet, so neither a restart of this process nor of the server makes a
gap. A segment is finished every HUB_BACKUP_WAL_SECONDS at the latest, when anything was written: no more than that is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from chassis.metrics import gauge
from deploy.backup.create import Source
from deploy.backup.errors import BackupError
from deploy.backup.hub_secrets import find_secrets
from deploy.backup.manifest import BASE
from deploy.backup.pitr.archive import WalArchive, is_finished
from deploy.backup.pitr.base import Cluster, cluster_of, take_base
from deploy.backup.pitr.window import is_broken, prune_window
from deploy.backup.place import Place
from deploy.backup.programs import libpq
from deploy.backup.snapshot import connect
from deploy.backup.vault import Vault
from deploy.local.postgres import program

SHIPPED = gauge("hub_backup_wal_shipped_timestamp_seconds", "When the last segment of the log was put into the store.")
SLOT = "hub_backup"
_LOOK_SECONDS = 1.0
_PAUSE_SECONDS = 5.0


class Receiver:
    """One run against one server. Ends with BackupError when the server or the store does; then it may be started again."""

    def __init__(self, url: str, vault: Vault, cluster: Cluster, spool: Path, switch_seconds: float) -> None:
        self.archive = WalArchive(vault, cluster.identifier)
        self._url = url
        # pg_receivewal goes on from what lies in its folder, so each course of history has one of its own.
        self._all = spool / cluster.identifier
        self._spool = self._all / cluster.timeline
        self._switch_seconds = switch_seconds
        self._switched_at = 0.0
        self._switched_to = ""

    async def run(self) -> None:
        """Receives and ships until it is cancelled. Raises BackupError."""
        self._spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        await self._make_slot()
        child = await self._start()
        connection = await connect(self._url)
        try:
            while child.returncode is None:
                await self.ship()
                await self._switch(connection)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(child.wait()), _LOOK_SECONDS)
            raise BackupError(f"pg_receivewal ended ({child.returncode}), see above")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise BackupError(f"the database went away: {error}") from error
        finally:
            if child.returncode is None:
                child.terminate()
            await child.wait()
            connection.terminate()

    async def ship(self) -> None:
        """Puts finished segments into the store, the oldest first, and only then removes them here."""
        for file in sorted(self._all.glob("*/*")):
            if is_finished(file.name):
                await asyncio.to_thread(self.archive.put, file)
                file.unlink()
                SHIPPED.set_to_current_time()

    async def _switch(self, connection: asyncpg.Connection) -> None:
        """Finishes the present segment from time to time, if anything was written into it."""
        now = asyncio.get_running_loop().time()
        if now - self._switched_at < self._switch_seconds:
            return
        self._switched_at = now
        present = await connection.fetchval("SELECT pg_current_wal_insert_lsn()::text")
        if present != self._switched_to:
            await connection.execute("SELECT pg_switch_wal()")
            self._switched_to = await connection.fetchval("SELECT pg_current_wal_insert_lsn()::text")

    async def _make_slot(self) -> None:
        connection = await connect(self._url)
        try:
            # One that fell too far behind was given up by the server; from now on it receives again, behind a gap.
            await connection.execute(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                "WHERE slot_name = $1 AND wal_status = 'lost'",
                SLOT,
            )
            await connection.execute(
                "SELECT pg_create_physical_replication_slot($1, true) WHERE NOT EXISTS "
                "(SELECT 1 FROM pg_replication_slots WHERE slot_name = $1)",
                SLOT,
            )
        except asyncpg.PostgresError as error:
            raise BackupError(f"the log cannot be received: {error}") from error
        finally:
            await connection.close()

    async def _start(self) -> asyncio.subprocess.Process:
        address, environment = libpq(self._url)
        return await asyncio.create_subprocess_exec(
            str(program("pg_receivewal")),
            *(f"--directory={self._spool}", f"--slot={SLOT}", "--synchronous", "--no-loop", "--no-password"),
            f"--dbname={address}",
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sys.stderr,
            stderr=sys.stderr,
        )


async def run_receiver(place: Place, vault: Vault, tell: Callable[[str], None]) -> None:
    """Keeps the log and, once a day, a base backup, until it is cancelled. What fails is told and tried again."""
    while True:
        try:
            await _receive(place, vault, tell)
        except BackupError as error:
            tell(f"the log is not received: {error}")
        await asyncio.sleep(_PAUSE_SECONDS)


async def _receive(place: Place, vault: Vault, tell: Callable[[str], None]) -> None:
    async with place.database() as url:
        connection = await connect(url)
        try:
            cluster = await cluster_of(connection)
        finally:
            await connection.close()
        receiver = Receiver(url, vault, cluster, place.wal_spool, place.backups.wal_seconds)
        tell(f"the log of {cluster.identifier} goes to {vault.store.where}")
        tasks = [
            asyncio.create_task(receiver.run()),
            asyncio.create_task(_keep_bases(place, url, cluster, vault, tell)),
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _keep_bases(place: Place, url: str, cluster: Cluster, vault: Vault, tell: Callable[[str], None]) -> None:
    """One a day, and one at once when the log cannot lead on from the last."""
    while True:
        if await asyncio.to_thread(_needs_base, cluster, vault):
            made = await take_base(Source(url, find_secrets(place.state, place.hub.environ)), vault, tell)
            tell(f"made base backup {made.id}: {made.size} bytes")
            for name in await asyncio.to_thread(prune_window, vault, datetime.now(UTC), place.backups.wal_days):
                tell(f"removed {name}")
        await asyncio.sleep(_LOOK_SECONDS * 60)


def _needs_base(cluster: Cluster, vault: Vault) -> bool:
    """Whether there is none of today, or history took another course since, or the log behind it has a gap."""
    bases = vault.whole(BASE)
    if not bases or bases[-1].started_at < datetime.now(UTC) - timedelta(days=1):
        return True
    return not cluster.wrote(bases[-1]) or is_broken(vault, bases[-1])
