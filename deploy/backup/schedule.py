"""Makes backups at their times for as long as it runs. A time that was missed is made up for at once.

When a backup is due is computed from the store, not remembered: any number of schedulers may run, and none need survive.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta

from prometheus_client import start_http_server

from chassis.metrics import counter, gauge
from deploy.backup.create import Source, create_backup
from deploy.backup.errors import BackupError
from deploy.backup.hub_secrets import find_secrets
from deploy.backup.manifest import NAME, Manifest, time_of
from deploy.backup.pitr.receive import run_receiver
from deploy.backup.place import Place
from deploy.backup.prune import prune
from deploy.backup.vault import Vault
from deploy.backup.verify import verify_backup
from deploy.local.postgres import PostgresError
from deploy.local.state import StateInUse

log = logging.getLogger(__name__)

LAST_SUCCESS = gauge("hub_backup_last_success_timestamp_seconds", "When the newest whole backup was begun.")
LAST_BYTES = gauge("hub_backup_last_bytes", "The size of the newest backup made here.")
LAST_SECONDS = gauge("hub_backup_last_duration_seconds", "How long the newest backup made here took.")
FAILURES = counter("hub_backup_failures_total", "Backups that did not come about.")

_LOOK_SECONDS = 30.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 30.0, 1800.0


def last_due(now: datetime, times: Sequence[time]) -> datetime:
    """The latest time of day among `times` that has come, in UTC."""
    days = (now.astimezone(UTC).date() - timedelta(days=ago) for ago in (0, 1))
    moments = (datetime.combine(day, at, UTC) for day in days for at in times)
    return max(moment for moment in moments if moment <= now)


def is_due(now: datetime, times: Sequence[time], newest: datetime | None) -> bool:
    """Whether no backup was begun since the latest time that has come."""
    return newest is None or newest < last_due(now, times)


async def run_schedule(place: Place, vault: Vault, tell: Callable[[str], None]) -> None:
    """Backups at their times and, with HUB_BACKUP_WAL, the log, until it is cancelled. What fails is told and tried again."""
    if place.backups.metrics_port:
        start_http_server(place.backups.metrics_port, place.hub.bind)
    tell(f"backups go to {vault.store.where} at {', '.join(f'{at:%H:%M}' for at in place.backups.at)} UTC")
    works = [_make_backups(place, vault, tell), *([run_receiver(place, vault, tell)] if place.backups.wal else [])]
    await asyncio.gather(*works)


async def _make_backups(place: Place, vault: Vault, tell: Callable[[str], None]) -> None:
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            await look_once(place, vault, tell)
            pause = _FIRST_PAUSE_SECONDS
            await asyncio.sleep(_LOOK_SECONDS)
        except (BackupError, PostgresError, StateInUse) as error:
            FAILURES.inc()
            tell(f"no backup was made: {error}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


async def look_once(place: Place, vault: Vault, tell: Callable[[str], None]) -> Manifest | None:
    """Makes a backup, reads it back and prunes, if one is due now. Raises BackupError."""
    newest = await asyncio.to_thread(newest_time, vault)
    if newest is not None:
        LAST_SUCCESS.set(newest.timestamp())
    if not is_due(datetime.now(UTC), place.backups.at, newest):
        return None
    async with place.database() as url:
        made = await create_backup(Source(url, find_secrets(place.state, place.hub.environ)), vault, tell)
    await asyncio.to_thread(verify_backup, vault, made, lambda _: None)
    LAST_SUCCESS.set(made.started_at.timestamp())
    LAST_BYTES.set(made.size)
    LAST_SECONDS.set((made.finished_at - made.started_at).total_seconds())
    tell(f"made backup {made.id}: {made.rows} rows, {made.size} bytes")
    gone = await asyncio.to_thread(prune, vault, datetime.now(UTC), place.backups.retention)
    for name in (*gone.remove, *gone.broken_off):
        tell(f"removed {name}")
    return made


def newest_time(vault: Vault) -> datetime | None:
    """When the newest whole backup was begun."""
    for name in reversed(vault.ids()):
        if vault.store.objects(f"{name}/{NAME}"):
            return time_of(name)
    return None
