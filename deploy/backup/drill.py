"""The restore drill: a backup is restored into a Postgres that lives for it alone, and everything is proven there.

What is proven: the files are those that were written, every table has the rows it had (count and hash), migrations carry it to
this code's schema, references across schemas hold, and the ledger's chains are whole and agree with the units.
"""

from __future__ import annotations

import importlib
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from chassis.database import Database
from deploy.backup.errors import BackupDamaged
from deploy.backup.manifest import Manifest
from deploy.backup.references import broken_references
from deploy.backup.restore import check_rows, check_version, load_schemas
from deploy.backup.vault import Vault
from deploy.backup.verify import verify_backup
from deploy.local.migrate import migrate
from deploy.local.ports import Ports
from deploy.local.postgres import EmbeddedPostgres, PostgresPlace

# Nothing in it outlives the drill.
_HASTY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "shared_buffers": "128MB"}


async def drill_backup(vault: Vault, manifest: Manifest, tell: Callable[[str], None]) -> dict[str, object]:
    """Proves one backup and answers what was found. Raises BackupDamaged naming what is wrong; leaves nothing behind."""
    began = time.monotonic()
    check_version(manifest)
    verify_backup(vault, manifest, tell)
    async with scratch_postgres() as url:
        await load_schemas(vault, manifest, url)
        tell(f"restored {manifest.rows} rows of {len(manifest.tables)} tables")
        await check_rows(url, manifest)
        tell("every table has the rows it had")
        await migrate(url, secrets.token_hex(16))
        proven = await prove(url)
    tell(f"references hold; the ledger is whole: {proven['movements']} rows of {proven['units']} units")
    return {"backup": manifest.id, "rows": manifest.rows, **proven, "seconds": round(time.monotonic() - began, 1)}


async def prove(url: str) -> dict[str, int]:
    """References and ledger of a hub's database. Raises BackupDamaged; answers how much was proven."""
    broken = await broken_references(url)
    # The service's own proof, found by name: this package knows no service.
    proof = importlib.import_module("inventory_svc.queries.verification")
    sessions = importlib.import_module("inventory_svc.storage.session")
    database = await Database.open(url, schema="inventory", pool_size=2)
    tally = proof.Tally()
    try:
        async for findings in proof.verify(sessions.PoolSession(database), 0, tally):
            broken += [f"unit {one.item_id}: {one.what}" for one in findings]
    finally:
        await database.close()
    if broken:
        raise BackupDamaged(f"the data does not hold together: {'; '.join(broken[:10])}")
    return {"units": tally.units, "movements": tally.movements}


@asynccontextmanager
async def scratch_postgres(**options: Any) -> AsyncIterator[str]:
    """The administrator's address of an empty database on a server of its own, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="hub-drill-") as folder, Ports() as ports:
        place = PostgresPlace(Path(folder) / "data", Path(folder) / "log", ports.take_free(), secrets.token_hex(16))
        server = EmbeddedPostgres(place, {**_HASTY, **options})
        await server.start()
        try:
            connection = await asyncpg.connect(place.url("postgres"))
            await connection.execute('CREATE DATABASE "drill" TEMPLATE template0')
            await connection.close()
            yield place.url("drill")
        finally:
            await server.stop()
