"""Makes a backup: one snapshot, counted and hashed while pg_dump copies it, schema by schema, into the store."""

from __future__ import annotations

import asyncio
import json
import threading
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from deploy.backup.errors import BackupRefused
from deploy.backup.hub_secrets import HubSecrets
from deploy.backup.manifest import DUMP, Manifest, StoredFile, TableState, new_id
from deploy.backup.programs import libpq, output_of
from deploy.backup.snapshot import Snapshot, snapshot
from deploy.backup.vault import Vault
from deploy.local.migrate import SCHEMAS, database_of
from deploy.local.roles import role_of
from deploy.local.settings import ROOT

ROLES = "roles.json"
SECRETS = "secrets.json"
_ROLE_SETTINGS = """
    SELECT r.rolname, r.rolcanlogin, r.rolconnlimit, s.setconfig FROM pg_roles r
    LEFT JOIN pg_db_role_setting s ON s.setrole = r.oid
      AND s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    WHERE r.rolname = ANY($1) ORDER BY 1
"""


def _tell_nobody(_: str) -> None: ...


@dataclass(frozen=True)
class Source:
    """The hub that is backed up. `secrets` go along only when the backup is encrypted."""

    database_url: str = field(repr=False)
    secrets: HubSecrets = field(default_factory=lambda: HubSecrets({}))


async def create_backup(source: Source, vault: Vault, tell: Callable[[str], None] = _tell_nobody) -> Manifest:
    """A whole backup. Raises BackupError, after which nothing is listed; what was stored is removed by a later prune."""
    started_at = datetime.now(UTC)
    backup_id = new_id(started_at)
    async with snapshot(source.database_url) as moment:
        heads = await moment.heads()
        secrets = await secrets_to_keep(source, vault, tell)
        tables, files = await _count_and_copy(source, vault, backup_id, moment)
        files += await _small_files(vault, backup_id, moment, secrets)
        manifest = await _manifest(moment, source, backup_id, started_at, heads, tables, files, secrets, vault)
    await asyncio.to_thread(vault.finish, manifest)
    return manifest


async def _count_and_copy(
    source: Source, vault: Vault, backup_id: str, moment: Snapshot
) -> tuple[dict[str, TableState], list[StoredFile]]:
    """Both at once; when one fails, or the caller is interrupted, the other is ended, too."""
    stop = threading.Event()
    counting = asyncio.create_task(moment.tables())
    copying = asyncio.create_task(asyncio.to_thread(_copy, source.database_url, vault, backup_id, moment.name, stop))
    try:
        return await asyncio.gather(counting, copying)
    except BaseException:
        stop.set()
        counting.cancel()
        await asyncio.gather(counting, copying, return_exceptions=True)
        raise


def _copy(url: str, vault: Vault, backup_id: str, moment: str, stop: threading.Event) -> list[StoredFile]:
    address, environment = libpq(url)
    files = []
    for schema in SCHEMAS:
        arguments = [
            *("--format=custom", "--compress=1", f"--schema={schema}", f"--snapshot={moment}"),
            *("--lock-wait-timeout=60000", "--no-password", f"--dbname={address}"),
        ]
        chunks = output_of("pg_dump", arguments, environment, stop)
        files.append(vault.write(backup_id, f"{schema}.dump", chunks))
    return files


async def secrets_to_keep(source: Source, vault: Vault, tell: Callable[[str], None]) -> HubSecrets:
    """Those that may go along. Secrets of another hub would be worse than none: the restored data could not be read."""
    if not source.secrets.values or not await source.secrets.belong_to(source.database_url):
        tell(
            "the hub's secrets are not known here, so the backup holds none of them and cannot tell whether others fit"
        )
        return HubSecrets({})
    if vault.key is None:
        tell(
            "the backup is not encrypted, so it holds no secrets: keep secrets.json, or what replaces it, in another place"
        )
    return source.secrets


async def _small_files(vault: Vault, backup_id: str, moment: Snapshot, secrets: HubSecrets) -> list[StoredFile]:
    rows = await moment.connection.fetch(_ROLE_SETTINGS, [role_of(schema) for schema in SCHEMAS])
    contents: dict[str, object] = {ROLES: [dict(row) for row in rows]}
    if vault.key is not None and secrets.values:
        contents[SECRETS] = dict(secrets.values)
    return [
        await asyncio.to_thread(vault.write, backup_id, name, [json.dumps(content, indent=1).encode()])
        for name, content in contents.items()
    ]


async def _manifest(
    moment: Snapshot,
    source: Source,
    backup_id: str,
    started_at: datetime,
    heads: Mapping[str, str],
    tables: Mapping[str, TableState],
    files: list[StoredFile],
    secrets: HubSecrets,
    vault: Vault,
) -> Manifest:
    return Manifest(
        id=backup_id,
        kind=DUMP,
        started_at=started_at,
        finished_at=datetime.now(UTC),
        hub_version=hub_version(),
        postgres_version=str(await moment.connection.fetchval("SHOW server_version")),
        database=database_of(source.database_url),
        heads=dict(heads),
        tables=dict(tables),
        files=files,
        encrypted=vault.key is not None,
        holds_secrets=vault.key is not None and bool(secrets.values),
        prints=secrets.prints(),
    )


def read_secrets(vault: Vault, manifest: Manifest) -> dict[str, str]:
    """The hub's secrets as an encrypted backup holds them. Raises BackupRefused when it holds none."""
    if not manifest.holds_secrets:
        raise BackupRefused(
            f"backup {manifest.id} holds no secrets: it was made without a key, or where they were not known"
        )
    return dict(json.loads(b"".join(vault.read(manifest, SECRETS))))


def hub_version(root: Path = ROOT) -> str:
    """The version of this hub's code."""
    project = root / "pyproject.toml"
    return str(tomllib.loads(project.read_text())["project"]["version"]) if project.is_file() else "unknown"
