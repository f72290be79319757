"""A base backup: a copy of the whole cluster's files, to which the write-ahead log is applied up to the wanted second."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from deploy.backup.create import SECRETS, Source, hub_version, secrets_to_keep
from deploy.backup.manifest import BASE, Manifest, StoredFile, new_id
from deploy.backup.programs import libpq, output_of
from deploy.backup.snapshot import connect, snapshot
from deploy.backup.vault import Vault
from deploy.local.migrate import database_of

ARCHIVE = "base.tar.gz"
CLUSTER, FIRST_SEGMENT = "cluster", "first_segment"


@dataclass(frozen=True)
class Cluster:
    """Which cluster an address leads to, and the segment of the log it writes now."""

    identifier: str
    segment: str
    version: str

    @property
    def timeline(self) -> str:
        """The course of history it is on."""
        return self.segment[:8]

    def wrote(self, base: Manifest) -> bool:
        """Whether the base backup is of this cluster and of this course of its history."""
        return base.details[CLUSTER] == self.identifier and base.details[FIRST_SEGMENT][:8] == self.timeline


async def cluster_of(connection: asyncpg.Connection) -> Cluster:
    """Asks the server."""
    return Cluster(
        str(await connection.fetchval("SELECT system_identifier FROM pg_control_system()")),
        str(await connection.fetchval("SELECT pg_walfile_name(pg_current_wal_lsn())")),
        str(await connection.fetchval("SHOW server_version")),
    )


async def take_base(source: Source, vault: Vault, tell: Callable[[str], None]) -> Manifest:
    """A base backup of the cluster while it runs. Raises BackupError; what is broken off is not listed."""
    started_at = datetime.now(UTC)
    backup_id = new_id(started_at)
    async with snapshot(source.database_url) as moment:
        heads = await moment.heads()
    connection = await connect(source.database_url)
    try:
        cluster = await cluster_of(connection)
    finally:
        await connection.close()
    secrets = await secrets_to_keep(source, vault, tell)
    files = [await _copy(source.database_url, vault, backup_id)]
    if vault.key is not None and secrets.values:
        content = json.dumps(dict(secrets.values)).encode()
        files.append(await asyncio.to_thread(vault.write, backup_id, SECRETS, [content]))
    manifest = Manifest(
        id=backup_id,
        kind=BASE,
        started_at=started_at,
        finished_at=datetime.now(UTC),
        hub_version=hub_version(),
        postgres_version=cluster.version,
        database=database_of(source.database_url),
        heads=heads,
        tables={},
        files=files,
        encrypted=vault.key is not None,
        holds_secrets=len(files) > 1,
        prints=secrets.prints(),
        details={CLUSTER: cluster.identifier, FIRST_SEGMENT: cluster.segment},
    )
    await asyncio.to_thread(vault.finish, manifest)
    return manifest


async def _copy(url: str, vault: Vault, backup_id: str) -> StoredFile:
    address, environment = libpq(url)
    arguments = [
        *("--pgdata=-", "--format=tar", "--wal-method=fetch", "--checkpoint=fast", "--compress=client-gzip:1"),
        *("--no-password", f"--dbname={address}"),
    ]
    stop = threading.Event()
    try:
        chunks = output_of("pg_basebackup", arguments, environment, stop)
        return await asyncio.to_thread(vault.write, backup_id, ARCHIVE, chunks)
    finally:
        stop.set()
