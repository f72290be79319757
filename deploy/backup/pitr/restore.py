"""Back to a second: the cluster is rebuilt beside the present one, proven, and takes its place. The hub has to be stopped.

The present data is untouched until the end, and kept under another name after it. It may be run again at any point.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deploy.backup.after_restore import Channels, begin_anew
from deploy.backup.create import read_secrets
from deploy.backup.drill import prove
from deploy.backup.errors import BackupRefused
from deploy.backup.hub_secrets import find_secrets, take_over
from deploy.backup.pitr.rebuild import Rebuilt, rebuild, set_password, window_to
from deploy.backup.place import Place
from deploy.backup.restore import check_secrets
from deploy.backup.vault import Vault
from deploy.local.migrate import migrate
from deploy.local.ports import Ports
from deploy.local.postgres import set_aside
from deploy.local.secrets import Secrets, load_secrets
from deploy.local.settings import HubSettings


@dataclass(frozen=True)
class GoingBack:
    """To which second, of which backups, and what the hub may do to marketplaces afterwards."""

    vault: Vault
    at: datetime
    channels: Channels = Channels.PAUSED
    without_secrets: bool = False


async def go_back(place: Place, what: GoingBack, tell: Callable[[str], None]) -> None:
    """Rebuilds the hub of the state folder as it was at that second. Raises BackupRefused, BackupDamaged, StateInUse."""
    if place.hub.database_url:
        raise BackupRefused(
            "DATABASE_URL names another Postgres: `hubctl backup pitr dump` makes a backup of that second, "
            "`hubctl backup restore` brings it back there"
        )
    window = await window_to(what.vault, what.at)
    with place.state.lock():
        takes_over = not what.without_secrets and check_secrets(
            window.base, find_secrets(place.state, place.hub.environ)
        )
        restored = read_secrets(what.vault, window.base) if takes_over else {}
        secrets = load_secrets(place.state.secrets, place.hub.environ)
        state = place.state
        rebuilt = Rebuilt(
            state.path / "postgres.rebuilt",
            state.path / "postgres.log-segments",
            state.log("rebuild"),
            secrets.postgres_password,
        )
        await rebuild(rebuilt, what.vault, window, what.at, tell)
        await _finish(rebuilt, place.hub, secrets, what, tell)
        former = _exchange(state.postgres, rebuilt)
        take_over(state, restored, window.base.id)
    tell(f"the hub is as it was at {what.at:%Y-%m-%d %H:%M:%S} UTC; `make run` starts it")
    if former:
        tell(f"the former data is kept in {former}")


async def _finish(
    rebuilt: Rebuilt, hub: HubSettings, secrets: Secrets, what: GoingBack, tell: Callable[[str], None]
) -> None:
    """Gives it this machine's passwords, brings it up to date, lets it forget what it must, and proves it."""
    await asyncio.to_thread(set_password, rebuilt)
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


def _exchange(present: Path, rebuilt: Rebuilt) -> Path | None:
    former = set_aside(present)
    if present.exists():
        shutil.rmtree(former, ignore_errors=True)
        present.rename(former)
    rebuilt.data.rename(present)
    return former if former.exists() else None
