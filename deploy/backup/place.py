"""The hub of this machine, or of DATABASE_URL, as backups and restores see it: database, state folder, whether it runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deploy.backup.after_restore import Channels
from deploy.backup.create import read_secrets
from deploy.backup.errors import BackupError, BackupRefused
from deploy.backup.hub_secrets import find_secrets, take_over
from deploy.backup.manifest import Manifest
from deploy.backup.restore import Restoring, check_secrets, check_version, restore_backup
from deploy.backup.settings import BackupSettings
from deploy.backup.target import target_of
from deploy.backup.vault import Vault
from deploy.local import http
from deploy.local.own_database import own_database
from deploy.local.settings import HubSettings
from deploy.local.state import StateFolder

_HEALTHY_SECONDS = 60.0


@dataclass(frozen=True)
class Place:
    """Where a command works."""

    hub: HubSettings
    backups: BackupSettings

    @property
    def state(self) -> StateFolder:
        """The state folder."""
        return StateFolder(self.hub.state)

    @property
    def wal_spool(self) -> Path:
        """Where the log waits until it is in the store; what is lost there makes a gap in it."""
        return Path(self.backups.wal_folder) if self.backups.wal_folder else self.state.path / "wal"

    @asynccontextmanager
    async def database(self) -> AsyncIterator[str]:
        """The administrator's address; the embedded Postgres is started for the while when no hub runs.

        Raises BackupRefused when there is no hub.
        """
        if not self.hub.database_url and not self.state.postgres.exists():
            raise BackupRefused(
                f"there is no hub in {self.state.path}; HUB_STATE_DIR or DATABASE_URL names another one"
            )
        async with own_database(self.hub) as (url, _):
            yield url

    async def restore(
        self,
        vault: Vault,
        manifest: Manifest,
        *,
        force: bool,
        channels: Channels,
        keep_former: bool,
        without_secrets: bool,
        tell: Callable[[str], None],
    ) -> None:
        """Restores a backup here and waits until the hub, if one runs, is healthy again. Raises BackupError."""
        check_version(manifest)
        takes_over = not without_secrets and check_secrets(manifest, find_secrets(self.state, self.hub.environ))
        if takes_over and self.state.is_locked():
            raise BackupRefused(
                "this restore changes the hub's secrets, which its services hold: stop the hub, then restore"
            )
        restored = read_secrets(vault, manifest) if takes_over else {}
        async with own_database(self.hub) as (url, secrets):
            what = Restoring(vault, manifest, url, secrets.role_secret, force, channels, keep_former)
            await restore_backup(what, tell)
            take_over(self.state, restored, manifest.id)
            await self._wait_healthy(tell)

    async def reopen(self) -> None:
        """Lets the services in again after a restore that was broken off. Safe to repeat."""
        async with self.database() as url, target_of(url) as target:
            await target.open()

    async def _wait_healthy(self, tell: Callable[[str], None]) -> None:
        summary = self.state.read_summary()
        if summary is None or not self.state.is_locked():
            return
        url = urlsplit(summary.gateway_url)
        deadline = time.monotonic() + _HEALTHY_SECONDS
        status = 0
        # The services notice within a second that their database is another one, and start anew.
        await asyncio.sleep(2.0)
        while status != 200:
            if time.monotonic() > deadline:
                raise BackupError(f"the data is restored, but the hub is not healthy; look into {self.state.path}/logs")
            await asyncio.sleep(0.2)
            status, _ = await http.request(url.port or 80, "GET", "/health", tls=url.scheme == "https")
        tell("the hub is online")
