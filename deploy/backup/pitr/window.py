"""From when to when one can go back, and what has to be kept for that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from deploy.backup.errors import BackupRefused
from deploy.backup.manifest import BASE, Manifest
from deploy.backup.pitr.archive import SEGMENT, WalArchive
from deploy.backup.pitr.base import CLUSTER, FIRST_SEGMENT
from deploy.backup.vault import Vault


@dataclass(frozen=True)
class Window:
    """One base backup and how far the unbroken log behind it reaches: about to `until`, when its last segment was stored."""

    base: Manifest
    segments: tuple[str, ...]
    until: datetime


def is_broken(vault: Vault, base: Manifest) -> bool:
    """Whether the log behind a base backup has a gap: what was stored after it leads nowhere without a newer base backup."""
    archive = WalArchive(vault, base.details[CLUSTER])
    first = base.details[FIRST_SEGMENT]
    stored = [
        name for name in archive.segments() if SEGMENT.fullmatch(name) and name[:8] == first[:8] and name >= first
    ]
    return len(stored) != len(archive.unbroken(first))


def windows(vault: Vault) -> list[Window]:
    """One for each base backup, the oldest first."""
    return [_window(vault, base) for base in vault.whole(BASE)]


def window_for(vault: Vault, at: datetime) -> Window:
    """The one with the least log to apply for that second. Raises BackupRefused telling what can be had."""
    known = windows(vault)
    fitting = [one for one in known if one.base.finished_at <= at]
    if fitting:
        return fitting[-1]
    if not known:
        raise BackupRefused(f"there is no base backup in {vault.store.where}; `hubctl backup pitr receive` makes them")
    raise BackupRefused(
        f"the oldest base backup is of {known[0].base.finished_at:%Y-%m-%dT%H:%M:%SZ}: no way back beyond it"
    )


def prune_window(vault: Vault, now: datetime, days: int) -> list[str]:
    """Lets base backups go that nobody needs to get back to any second of the last `days`, and the log before the rest."""
    bases = vault.whole(BASE)
    before = [one for one in bases if one.finished_at <= now - timedelta(days=days)]
    gone = before[:-1]  # The newest of them is where the window begins.
    for one in gone:
        vault.remove(one.id)
    removed = [one.id for one in gone]
    for cluster in {one.details[CLUSTER] for one in bases}:
        needed = [one.details[FIRST_SEGMENT] for one in bases if one not in gone and one.details[CLUSTER] == cluster]
        if needed:
            WalArchive(vault, cluster).remove_before(min(needed, key=lambda segment: segment[8:]))
    return removed


def _window(vault: Vault, base: Manifest) -> Window:
    archive = WalArchive(vault, base.details[CLUSTER])
    stored = archive.unbroken(base.details[FIRST_SEGMENT])
    until = max([base.finished_at, *(one.modified_at for one in stored)])
    return Window(base, tuple(archive.name_of(one) for one in stored), until)
