"""A migrated hub with a little in it, places to restore to, and a store: what the backup tests share."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from deploy.backup.create import Source, create_backup
from deploy.backup.folder_store import FolderStore
from deploy.backup.hub_secrets import HubSecrets
from deploy.backup.manifest import Manifest
from deploy.backup.restore import Restoring, restore_backup
from deploy.backup.vault import Vault
from tests.factories.databases import ROLE_SECRET

SECRETS = HubSecrets(
    {"seal_key": "seal-key-of-the-tests", "credential_key": "credential-key-of-the-tests"}, role_secret=ROLE_SECRET
)
SCHEMAS = ("auth", "catalog", "inventory", "sync")


@dataclass
class Hub:
    """A hub as backups see it: a database."""

    url: str

    async def run(self, *statements: str) -> None:
        """Runs statements as the administrator."""
        connection = await asyncpg.connect(self.url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def value(self, query: str) -> object:
        """The first value of a query."""
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    async def fill(self) -> None:
        """A user who is signed in, a brand, a channel with credentials, and a change in a feed of another history."""
        await self.run(
            "INSERT INTO auth.users (username, full_name, role, is_active, password_hash, created_at, updated_at)"
            " VALUES ('ann', 'Ann Ä', 'ADMIN', true, 'x', now(), now())",
            "INSERT INTO auth.sessions (id, user_id, address, created_at, last_used_at, expires_at)"
            " SELECT gen_random_uuid(), id, '::1', now(), now(), now() + interval '1 day' FROM auth.users",
            "INSERT INTO auth.signing_keys (key_id, public_x, public_y, sealed_private_key, created_at)"
            " VALUES ('k', 'x', 'y', 'sealed', now())",
            "INSERT INTO catalog.brand (name) VALUES ('Bose'), (E'Odd \\t \\\\ ''name''')",
            "INSERT INTO sync.channel (platform, account, state, sealed_credentials, credential_names)"
            " VALUES ('ECWID', 'USAV', 'ACTIVE', '\\x0102', '{token}')",
            "INSERT INTO inventory.outbox (transaction_id, kind, key, payload) VALUES (1::bigint << 40, 'stock', '1', 'x')",
        )


@dataclass
class Desk:
    """Where backups go."""

    store: FolderStore
    key: bytes | None = None
    told: list[str] = field(default_factory=list)

    @property
    def vault(self) -> Vault:
        return Vault(self.store, self.key)

    async def back_up(self, hub: Hub, known: HubSecrets = SECRETS) -> Manifest:
        """A backup of the hub."""
        return await create_backup(Source(hub.url, known), self.vault, self.told.append)

    async def restore(self, manifest: Manifest, url: str, *, role_secret: str = ROLE_SECRET, **options: object) -> None:
        """Restores it."""
        what = Restoring(self.vault, manifest, url, role_secret, **options)  # type: ignore[arg-type]  # by name
        await restore_backup(what, self.told.append)

    def file(self, manifest: Manifest, name: str) -> Path:
        """A file of a backup as it lies in the folder."""
        return self.store.root / manifest.id / name

    def rewrite(self, manifest: Manifest, **changes: object) -> None:
        """Changes the manifest of a backup that is not sealed."""
        path = self.file(manifest, "manifest.json")
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def fresh_name() -> str:
    """A database nobody uses."""
    return f"restored_{secrets.token_hex(5)}"


def broken_after(chunks: Iterator[bytes], count: int) -> Iterator[bytes]:
    """Breaks off as a crash would."""
    for number, chunk in enumerate(chunks):
        if number == count:
            raise RuntimeError("crash")
        yield chunk
