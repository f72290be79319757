"""Restores a backup: checked first, loaded beside the hub's database, compared row by row, upgraded, and only then exchanged.

Whatever goes wrong before the exchange leaves the former hub as it was, and online. It may be run again at any point.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import asyncpg

from chassis.readiness import known_revisions
from deploy.backup.after_restore import Channels, begin_anew
from deploy.backup.errors import BackupDamaged, BackupRefused
from deploy.backup.hub_secrets import HubSecrets, variable_of
from deploy.backup.manifest import Manifest
from deploy.backup.programs import Interrupted, give_to, libpq
from deploy.backup.references import broken_references
from deploy.backup.snapshot import snapshot
from deploy.backup.target import Target, target_of
from deploy.backup.vault import Vault
from deploy.backup.verify import verify_backup
from deploy.local.migrate import SCHEMAS, migrate
from deploy.local.roles import role_of

_LOAD = ("--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", "--no-password")


@dataclass(frozen=True)
class Restoring:
    """What to restore and onto what. `role_secret` makes the passwords of the database roles of that place."""

    vault: Vault
    manifest: Manifest
    database_url: str = field(repr=False)
    role_secret: str = field(repr=False)
    force: bool = False
    channels: Channels = Channels.AS_THEY_WERE
    keep_former: bool = True


def check_version(manifest: Manifest) -> None:
    """Raises BackupRefused when the backup was made by a newer hub: what this code does not know it cannot restore."""
    newer = [one for one in SCHEMAS if manifest.heads.get(one) not in known_revisions(f"{one}_svc.migrations")]
    if newer:
        raise BackupRefused(
            f"backup {manifest.id} was made by hub {manifest.hub_version}, whose {', '.join(newer)} schema this one does not "
            "know: restore it with that version or a newer one"
        )


def check_secrets(manifest: Manifest, here: HubSecrets) -> bool:
    """Whether this place has to take the hub's secrets over from the backup.

    Raises BackupRefused when the restored data could not be read with what is here and cannot be taken over.
    """
    differing = here.differing(manifest.prints)
    fixed = [name for name in differing if name in here.given or name not in ("seal_key", "credential_key")]
    lacking = fixed if manifest.holds_secrets else differing
    if lacking:
        names = ", ".join(variable_of(name) for name in lacking)
        raise BackupRefused(
            f"the backup's channel credentials and signing keys are sealed with other secrets than those of this place: {names}. "
            "Set them, or put the former hub's secrets.json into the state folder (`hubctl backup secrets` shows those of an "
            "encrypted backup). With --without-secrets they are given up: channels need their credentials anew"
        )
    return bool(differing)


async def restore_backup(what: Restoring, tell: Callable[[str], None]) -> None:
    """Puts the backup in the place of the hub's database. Raises BackupRefused, BackupDamaged, BackupError."""
    check_version(what.manifest)
    async with target_of(what.database_url) as target:
        await _check_target(what, target)
        tell(f"checking backup {what.manifest.id}")
        await asyncio.to_thread(verify_backup, what.vault, what.manifest, lambda _: None)
        tell("the hub is taken offline")
        await target.close()
        try:
            await _fill_draft(what, target, tell)
            await target.exchange()
        except BaseException:
            await asyncio.shield(_give_up(target))
            raise
        await target.open()
        tell(f"the database {target.name} is the restored one")
        await _dispose(what, target, tell)


async def _check_target(what: Restoring, target: Target) -> None:
    contents = await target.contents()
    if contents and not what.force:
        raise BackupRefused(
            f"the database {target.name} is not empty: {contents}. --force takes this hub offline and replaces it"
        )
    role = role_of(SCHEMAS[0])
    if not await target.connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
        return
    if not await HubSecrets({}, role_secret=what.role_secret).belong_to(what.database_url):
        raise BackupRefused(
            "HUB_ROLE_SECRET is not the one that the services of this Postgres have: restoring would change the password of "
            f"{role} under them. Set it to theirs"
        )


async def _fill_draft(what: Restoring, target: Target, tell: Callable[[str], None]) -> None:
    url = await target.make_draft()
    for schema in SCHEMAS:
        tell(f"restoring {schema}")
        await _load(what, schema, url)
    tell("comparing rows with the manifest")
    await check_rows(url, what.manifest)
    await migrate(url, what.role_secret)
    await begin_anew(url, what.channels)
    broken = await broken_references(url)
    if broken:
        raise BackupDamaged(f"the restored data does not hold together: {'; '.join(broken)}")


async def load_schemas(vault: Vault, manifest: Manifest, url: str) -> None:
    """Restores all schemas into an empty database. Raises BackupError."""
    what = Restoring(vault, manifest, url, "")
    for schema in SCHEMAS:
        await _load(what, schema, url)


async def _load(what: Restoring, schema: str, url: str) -> None:
    stop = threading.Event()
    address, environment = libpq(url)
    chunks = _until(stop, what.vault.read(what.manifest, f"{schema}.dump"))
    try:
        await asyncio.to_thread(give_to, "pg_restore", [*_LOAD, f"--dbname={address}"], environment, chunks)
    finally:
        stop.set()


def _until(stop: threading.Event, chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        if stop.is_set():
            raise Interrupted("interrupted")
        yield chunk


async def check_rows(url: str, manifest: Manifest) -> None:
    """Raises BackupDamaged unless every table has the rows it had in the backed-up hub."""
    async with snapshot(url) as moment:
        found = await moment.tables()
    wrong = [name for name in sorted({*found, *manifest.tables}) if found.get(name) != manifest.tables.get(name)]
    if wrong:
        raise BackupDamaged(f"these tables are not what they were when the backup was made: {', '.join(wrong)}")


async def _give_up(target: Target) -> None:
    """Everything as it was before. What fails here is no better error than the one that led here."""
    try:
        await target.open()
        await target.drop(target.draft)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return


async def _dispose(what: Restoring, target: Target, tell: Callable[[str], None]) -> None:
    if not await target.exists(target.former):
        return
    if what.keep_former:
        tell(
            f"the former data is kept as the database {target.former} until the next restore; to remove it now: "
            f"DROP DATABASE {target.former}"
        )
    else:
        await target.drop(target.former)
