"""Removes the backups that the calendar lets go, and what broken-off ones have left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from deploy.backup.manifest import DUMP, NAME, time_of
from deploy.backup.retention import Retention, kept
from deploy.backup.vault import Vault

# A backup that has no manifest after this time is not under way any more.
_BROKEN_OFF = timedelta(days=1)


@dataclass(frozen=True)
class Pruning:
    """The names of the backups that stay and go, and of those that were broken off."""

    keep: list[str]
    remove: list[str]
    broken_off: list[str]


def plan(vault: Vault, now: datetime, retention: Retention) -> Pruning:
    """What `prune` would do. Backups whose manifests cannot be trusted are not touched: raises BackupDamaged."""
    whole = [one.id for one in vault.whole(DUMP)]
    kept_ids = _kept(whole, now, retention)
    without = [name for name in vault.ids() if not vault.store.objects(f"{name}/{NAME}")]
    broken = [name for name in without if time_of(name) < now - _BROKEN_OFF]
    return Pruning([one for one in whole if one in kept_ids], [one for one in whole if one not in kept_ids], broken)


def prune(vault: Vault, now: datetime, retention: Retention) -> Pruning:
    """Removes them. Safe to repeat, and while a backup is made."""
    planned = plan(vault, now, retention)
    for backup_id in (*planned.remove, *planned.broken_off):
        vault.remove(backup_id)
    vault.store.remove_drafts(now - _BROKEN_OFF)
    return planned


def _kept(backup_ids: Iterable[str], now: datetime, retention: Retention) -> set[str]:
    by_time = {time_of(one): one for one in sorted(backup_ids)}  # Of two in one second the later name stands for both.
    keep = kept(by_time, now, retention)
    return {one for one in backup_ids if time_of(one) in keep}
