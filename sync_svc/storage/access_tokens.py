"""Access tokens as they are stored, sealed, and whose turn it is to fetch one: a claim that ends by itself."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from chassis.database import Database, Statement

_READ = Statement(
    text("""
SELECT sealed, extract(epoch FROM expires_at - now())::float8 AS expires_in_s,
  extract(epoch FROM renew_at - now())::float8 AS renew_in_s
FROM sync.access_token
WHERE channel_id = CAST(:channel_id AS bigint) AND name = CAST(:name AS text) AND renew_at > now()
""")
)
_CLAIM = Statement(
    text("""
INSERT INTO sync.access_token AS t (channel_id, name, claim, claimed_until)
VALUES (CAST(:channel_id AS bigint), CAST(:name AS text), CAST(:claim AS uuid),
  clock_timestamp() + CAST(:claim_s AS double precision) * interval '1 second')
ON CONFLICT (channel_id, name) DO UPDATE SET claim = excluded.claim, claimed_until = excluded.claimed_until
WHERE t.claimed_until IS NULL OR t.claimed_until < clock_timestamp()
RETURNING true
""")
)
_KEEP = Statement(
    text("""
UPDATE sync.access_token SET claim = NULL, claimed_until = NULL, sealed = CAST(:sealed AS bytea),
  expires_at = clock_timestamp() + CAST(:expires_in_s AS double precision) * interval '1 second',
  renew_at = clock_timestamp() + CAST(:renew_in_s AS double precision) * interval '1 second'
WHERE channel_id = CAST(:channel_id AS bigint) AND name = CAST(:name AS text) AND claim = CAST(:claim AS uuid)
""")
)
_END_CLAIM = Statement(
    text("""
UPDATE sync.access_token SET claim = NULL, claimed_until = NULL
WHERE channel_id = CAST(:channel_id AS bigint) AND name = CAST(:name AS text) AND claim = CAST(:claim AS uuid)
""")
)


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A sealed token and how long it is good, by the database's clock."""

    sealed: bytes
    expires_in_s: float
    renew_in_s: float


class TokenRecords:
    """One channel's tokens, for one process, which `claim` names."""

    def __init__(self, db: Database, channel_id: int, claim: UUID) -> None:
        self._db = db
        self._channel_id = channel_id
        self._claim = claim

    async def read(self, name: str) -> StoredToken | None:
        """The token that was kept last, unless it is time to renew it."""
        row = await self._db.fetchrow(_READ, channel_id=self._channel_id, name=name)
        return StoredToken(row["sealed"], row["expires_in_s"], row["renew_in_s"]) if row and row["sealed"] else None

    async def claim(self, name: str, claim_s: float) -> bool:
        """Take the turn to fetch a token for so long; False while another has it."""
        values = {"channel_id": self._channel_id, "name": name, "claim": self._claim, "claim_s": claim_s}
        return bool(await self._db.fetchval(_CLAIM, **values))

    async def keep(self, name: str, token: StoredToken) -> None:
        """End the turn with a token; nothing happens when the turn was lost."""
        await self._db.execute(
            _KEEP,
            channel_id=self._channel_id,
            name=name,
            claim=self._claim,
            sealed=token.sealed,
            expires_in_s=token.expires_in_s,
            renew_in_s=token.renew_in_s,
        )

    async def end_claim(self, name: str) -> None:
        """End the turn without one."""
        await self._db.execute(_END_CLAIM, channel_id=self._channel_id, name=name, claim=self._claim)
