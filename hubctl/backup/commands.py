"""Backups of the hub of this machine, or of the Postgres that DATABASE_URL names: made, checked, restored, and let go.

Unlike other commands these do not ask the hub: they work on its database and state folder, whether it runs or not.
"""

from __future__ import annotations

import asyncio
import functools
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import asyncpg
import click

from chassis.settings import SettingsError
from deploy.backup.after_restore import Channels
from deploy.backup.create import Source, create_backup, read_secrets
from deploy.backup.drill import drill_backup
from deploy.backup.errors import BackupError, BackupRefused
from deploy.backup.hub_secrets import find_secrets
from deploy.backup.manifest import Manifest
from deploy.backup.pitr.base import take_base
from deploy.backup.pitr.dump import dump_moment
from deploy.backup.pitr.receive import run_receiver
from deploy.backup.pitr.restore import GoingBack, go_back
from deploy.backup.pitr.window import windows
from deploy.backup.place import Place
from deploy.backup.prune import plan
from deploy.backup.prune import prune as prune_backups
from deploy.backup.schedule import run_schedule
from deploy.backup.sealing import new_key
from deploy.backup.settings import load_backup_settings
from deploy.backup.vault import Vault
from deploy.backup.verify import verify_backup
from deploy.local.migrate import MigrationError
from deploy.local.postgres import PostgresError
from deploy.local.settings import load_settings
from deploy.local.state import StateInUse
from hubctl.context import Tool
from hubctl.output import Output
from hubctl.session import state_dir
from hubctl.transfer import INTERRUPTED

F = TypeVar("F", bound=Callable[..., Any])
_WRONG_USE = 2
_to = click.option("--to", default="", help="A folder or s3://bucket/prefix instead of HUB_BACKUP_TO.")
_at = click.argument("at", metavar="TIME", type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"]))
_id = click.argument("backup_id", required=False, default="", metavar="[BACKUP]")


def _command(function: F) -> F:
    """Hands a command the printer and the place; what goes wrong becomes one readable line."""

    @functools.wraps(function)
    def run(*arguments: Any, **options: Any) -> Any:
        tool: Tool = click.get_current_context().obj
        try:
            settings = replace(load_settings(os.environ), state_dir=state_dir())
            place = Place(settings, load_backup_settings(settings.environ))
            return function(tool.output, place, *arguments, **options)
        except (SettingsError, BackupRefused, StateInUse) as error:
            _fail(tool.output, error, _WRONG_USE)
        except (BackupError, PostgresError, MigrationError, asyncpg.PostgresError) as error:
            _fail(tool.output, error, 1)
        except KeyboardInterrupt:
            _fail(tool.output, "interrupted", INTERRUPTED)

    return run  # type: ignore[return-value]  # click calls it without the printer and the place


def _fail(output: Output, error: object, status: int) -> None:
    output.errors.print(str(error), markup=False, style="red")
    raise click.exceptions.Exit(status)


@click.command()
@_to
@click.option(
    "--prune", "prunes", is_flag=True, help="Lets the backups go that the calendar does not keep, afterwards."
)
@_command
def create(output: Output, place: Place, to: str, prunes: bool) -> None:
    """Makes a backup of the hub while it runs, and reads it back."""
    vault = place.backups.vault(to)
    made = asyncio.run(_create(place, vault, output.say))
    verify_backup(vault, made, lambda _: None)
    _show(output, [made])
    if prunes:
        _tell_pruned(output, prune_backups(vault, datetime.now(UTC), place.backups.retention).remove)


async def _create(place: Place, vault: Vault, tell: Callable[[str], None]) -> Manifest:
    async with place.database() as url:
        return await create_backup(Source(url, find_secrets(place.state, place.hub.environ)), vault, tell)


@click.command("list")
@_to
@_command
def list_backups(output: Output, place: Place, to: str) -> None:
    """Shows the whole backups, the newest last. What was broken off is not shown."""
    _show(output, place.backups.vault(to).whole())


@click.command()
@_id
@_to
@_command
def verify(output: Output, place: Place, backup_id: str, to: str) -> None:
    """Reads a backup (the newest unless named) from end to end: every file is what was written."""
    vault = place.backups.vault(to)
    verify_backup(vault, _chosen(vault, backup_id), output.say)


@click.command()
@_id
@_to
@click.option("--force", is_flag=True, help="Replaces a hub that is there: it is taken offline first and comes back.")
@click.option("--drop-former", is_flag=True, help="Does not keep the replaced data beside the restored.")
@click.option("--pause-channels", is_flag=True, help="All channels come back paused, so they show zero until resumed.")
@click.option("--copy", is_flag=True, help="For a second hub beside a living one: channels lose their credentials.")
@click.option("--without-secrets", is_flag=True, help="Restores although sealed credentials cannot be read here.")
@_command
def restore(
    output: Output,
    place: Place,
    backup_id: str,
    to: str,
    force: bool,
    drop_former: bool,
    pause_channels: bool,
    copy: bool,
    without_secrets: bool,
) -> None:
    """Restores a backup (the newest unless named) into this machine's hub, or into the Postgres of DATABASE_URL."""
    vault = place.backups.vault(to)
    manifest = _chosen(vault, backup_id)
    channels = Channels.PAUSED if pause_channels else Channels.AS_THEY_WERE
    asyncio.run(
        place.restore(
            vault,
            manifest,
            force=force,
            channels=Channels.WITHOUT_CREDENTIALS if copy else channels,
            keep_former=not drop_former,
            without_secrets=without_secrets,
            tell=output.say,
        )
    )
    _show(output, [manifest])


@click.command()
@_command
def reopen(output: Output, place: Place) -> None:
    """Brings a hub back online, as it was, after a restore that was broken off."""
    asyncio.run(place.reopen())
    output.say("the hub may be used again")


@click.command()
@_id
@_to
@_command
def drill(output: Output, place: Place, backup_id: str, to: str) -> None:
    """Restores a backup (the newest unless named) into a Postgres of its own and proves it: rows, references, ledger."""
    vault = place.backups.vault(to)
    done = asyncio.run(drill_backup(vault, _chosen(vault, backup_id), output.say))
    if output.as_json:
        output.json_line(done)


@click.command()
@_to
@click.option("--dry-run", is_flag=True, help="Shows what would go, and removes nothing.")
@_command
def prune(output: Output, place: Place, to: str, dry_run: bool) -> None:
    """Lets backups go: the newest of each of the last 7 days, 4 weeks and 6 months stays (HUB_BACKUP_DAILY and so on)."""
    vault, now = place.backups.vault(to), datetime.now(UTC)
    work = plan if dry_run else prune_backups
    done = work(vault, now, place.backups.retention)
    _tell_pruned(output, [*done.remove, *done.broken_off])


@click.command()
@_command
def key(output: Output, place: Place) -> None:
    """Makes a key for HUB_BACKUP_KEY. Keep it where the backups are not: without it they cannot be read, by nobody."""
    print(new_key())


@click.command()
@_id
@_to
@_command
def secrets(output: Output, place: Place, backup_id: str, to: str) -> None:
    """Shows the hub's secrets that an encrypted backup holds, for a machine that takes them from its environment."""
    vault = place.backups.vault(to)
    output.json_line(read_secrets(vault, _chosen(vault, backup_id)))


@click.command()
@_to
@_command
def schedule(output: Output, place: Place, to: str) -> None:
    """Makes backups at the times of HUB_BACKUP_AT, and lets old ones go, until it is stopped."""
    # As Ctrl-C does: what is under way is broken off in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    asyncio.run(run_schedule(place, place.backups.vault(to), output.say))


@click.group()
def pitr() -> None:
    """Back to any second of the last days: base backups and the log of everything since."""


@pitr.command()
@_to
@_command
def receive(output: Output, place: Place, to: str) -> None:
    """Keeps the log, and a base backup a day, until it is stopped; `schedule` does it with HUB_BACKUP_WAL=on."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    asyncio.run(run_receiver(place, place.backups.vault(to), output.say))


@pitr.command()
@_to
@_command
def base(output: Output, place: Place, to: str) -> None:
    """Makes a base backup now."""
    vault = place.backups.vault(to)
    _show(output, [asyncio.run(_base(place, vault, output.say))])


async def _base(place: Place, vault: Vault, tell: Callable[[str], None]) -> Manifest:
    async with place.database() as url:
        return await take_base(Source(url, find_secrets(place.state, place.hub.environ)), vault, tell)


@pitr.command("list")
@_to
@_command
def list_windows(output: Output, place: Place, to: str) -> None:
    """Shows from when to when one can go back."""
    output.table(
        [
            {
                "base": one.base.id,
                "from": f"{one.base.finished_at:%Y-%m-%d %H:%M:%SZ}",
                "until about": f"{one.until:%Y-%m-%d %H:%M:%SZ}",
                "segments #": len(one.segments),
                "bytes #": one.base.size,
            }
            for one in windows(place.backups.vault(to))
        ]
    )


@pitr.command("dump")
@_at
@_to
@click.option("--into", default="", help="Where the backup is made; `moments` in the same place otherwise.")
@_command
def dump(output: Output, place: Place, at: datetime, to: str, into: str) -> None:
    """Makes a backup of the hub as it was at TIME, for `restore --to`; the hub may run. For a Postgres of your own."""
    source = to or place.backups.to
    target = place.backups.vault(into or f"{source.rstrip('/')}/moments")
    _show(
        output,
        [asyncio.run(dump_moment(place, place.backups.vault(source), target, at.replace(tzinfo=UTC), output.say))],
    )


@pitr.command("restore")
@_at
@_to
@click.option("--resume-channels", is_flag=True, help="Channels go on as they were; otherwise they come back paused.")
@click.option("--without-secrets", is_flag=True, help="Restores although sealed credentials cannot be read here.")
@_command
def go_back_to(
    output: Output, place: Place, at: datetime, to: str, resume_channels: bool, without_secrets: bool
) -> None:
    """Makes the stopped hub what it was at TIME, in UTC, as 2026-11-29T03:15:00Z. The present data is kept beside it."""
    channels = Channels.AS_THEY_WERE if resume_channels else Channels.PAUSED
    what = GoingBack(place.backups.vault(to), at.replace(tzinfo=UTC), channels, without_secrets)
    asyncio.run(go_back(place, what, output.say))


def _chosen(vault: Vault, backup_id: str) -> Manifest:
    return vault.manifest(backup_id) if backup_id else vault.newest()


def _tell_pruned(output: Output, removed: list[str]) -> None:
    for backup_id in removed:
        output.json_line({"removed": backup_id}) if output.as_json else output.say(f"removed {backup_id}")


def _show(output: Output, manifests: list[Manifest]) -> None:
    output.table(
        [
            {
                "backup": one.id,
                "finished": f"{one.finished_at:%Y-%m-%d %H:%M:%SZ}",
                "bytes #": one.size,
                "rows #": one.rows,
                "hub": one.hub_version,
                "postgres": one.postgres_version.split()[0],
                "sealed": "yes" if one.encrypted else "no",
                "secrets": "yes" if one.holds_secrets else "no",
            }
            for one in manifests
        ]
    )


COMMANDS = [create, list_backups, verify, restore, reopen, drill, prune, key, secrets, schedule, pitr]
