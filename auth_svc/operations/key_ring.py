"""The signing keys: made at the first start, kept sealed in the database, published as JWKs.

Every replica signs with the newest key whose time has come and that it can open. Replicas that start together agree on one
key by a lock.
"""

from __future__ import annotations

import logging
import time

from sqlalchemy.ext.asyncio import AsyncConnection

from auth_svc.domain.event import EventKind
from auth_svc.operations.audit import record
from auth_svc.operations.key_material import KeySeal, SigningKey, as_jwk
from auth_svc.storage.repositories import signing_keys
from auth_svc.storage.repositories.signing_keys import StoredKey
from chassis.clock import Clock, now
from chassis.database import Database
from chassis.errors import Unavailable

log = logging.getLogger(__name__)

_FRESH_SECONDS = 5.0


class KeyRing:
    """Gives the key to sign with and the public keys; rereads them from the database every few seconds when asked."""

    def __init__(self, db: Database, secret: str, clock: Clock = now) -> None:
        self._db = db
        self._clock = clock
        self.seal = KeySeal(secret)
        self._opened: list[SigningKey] = []
        self._published: list[dict[str, str]] = []
        self._read_at = float("-inf")

    @property
    def signing(self) -> SigningKey:
        """The key to sign with. Raises Unavailable before `ensure`."""
        at = self._clock()
        for key in self._opened:
            if key.signs_from <= at:
                return key
        if self._opened:
            # All wait for their turn: this clock is behind the one that made them.
            return self._opened[-1]
        raise Unavailable("The signing key is not there yet; try again.", retry_after_s=0.5)

    async def ensure(self) -> None:
        """Makes the first key if none can be used, and loads the keys. Safe to repeat and to run on replicas at once."""

        async def work(conn: AsyncConnection) -> list[StoredKey]:
            await signing_keys.lock(conn)
            keys = await signing_keys.list_live(conn)
            if any(self.seal.open(key) for key in keys):
                return keys
            at = self._clock()
            first = self.seal.make(at, at)
            await signing_keys.add(conn, first)
            await record(conn, EventKind.SIGNING_KEY_CREATED, at, subject_id=first.key_id)
            return [first, *keys]

        self._keep(await self._db.run(work))

    async def published(self) -> list[dict[str, str]]:
        """The public keys as JWKs (RFC 7517), newest first."""
        if time.monotonic() - self._read_at > _FRESH_SECONDS:
            return await self.reload()
        return self._published

    async def reload(self) -> list[dict[str, str]]:
        """The public keys as they are in the database now; what this replica signs with follows them."""
        async with self._db.translated(), self._db.read.connect() as conn:
            self._keep(await signing_keys.list_live(conn))
        return self._published

    def _keep(self, keys: list[StoredKey]) -> None:
        opened = [found for found in map(self.seal.open, keys) if found is not None]
        if len(opened) < len(keys):
            unread = len(keys) - len(opened)
            log.warning("%d signing keys cannot be opened with this secret; they are published only", unread)
        self._opened = opened
        self._published = [as_jwk(key) for key in keys]
        self._read_at = time.monotonic()
