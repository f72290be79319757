"""An ordinary backup of the hub as it was at a given second: the way back for a Postgres that is not the embedded one.

The cluster is rebuilt in a folder of its own and dumped from there. Nothing else is touched, so the hub may run meanwhile;
`hubctl backup restore` then brings that second back, into whatever Postgres the hub has.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from deploy.backup.create import Source, create_backup, read_secrets
from deploy.backup.hub_secrets import HubSecrets, find_secrets
from deploy.backup.manifest import Manifest
from deploy.backup.pitr.rebuild import Rebuilt, rebuild, set_password, window_to
from deploy.backup.place import Place
from deploy.backup.vault import Vault
from deploy.local.ports import Ports


async def dump_moment(place: Place, vault: Vault, into: Vault, at: datetime, tell: Callable[[str], None]) -> Manifest:
    """The backup, made in `into`: among those of the calendar it would pass for one of today, and push that out.

    Raises BackupRefused, BackupDamaged, BackupError.
    """
    window = await window_to(vault, at)
    held = HubSecrets(read_secrets(vault, window.base), proven=True) if window.base.holds_secrets else None
    place.wal_spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="moment-", dir=place.wal_spool))
    try:
        rebuilt = Rebuilt(folder / "postgres", folder / "segments", folder / "postgres.log", secrets.token_hex(16))
        await rebuild(rebuilt, vault, window, at, tell)
        await asyncio.to_thread(set_password, rebuilt)
        with Ports() as ports:
            server = rebuilt.server(ports.take_free(), {})
            try:
                await server.start()
                url = server.place.url(window.base.database)
                source = Source(url, held or find_secrets(place.state, place.hub.environ))
                made = await create_backup(source, into, tell)
            finally:
                await server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    tell(f"backup {made.id} in {into.store.where} is the hub as it was at {at:%Y-%m-%d %H:%M:%S} UTC")
    return made
