"""Where the service stands in the change feeds of catalog and inventory.

The position moves in the transaction that queues the work it stands for, and only for the one consumer that holds the feed.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database, Statement
from chassis.errors import Aborted

_CLAIM = Statement(
    text("""
INSERT INTO sync.feed_position AS f (feed, lease, lease_until)
VALUES (CAST(:feed AS text), CAST(:lease AS uuid), clock_timestamp() + CAST(:lease_s AS double precision) * interval '1 second')
ON CONFLICT (feed) DO UPDATE SET lease = excluded.lease, lease_until = excluded.lease_until
WHERE f.lease IS NULL OR f.lease = excluded.lease OR f.lease_until < clock_timestamp()
RETURNING f.resume_token
""")
)
_MOVE = text("""
UPDATE sync.feed_position SET resume_token = :resume_token, updated_at = clock_timestamp(),
  lease_until = clock_timestamp() + CAST(:lease_s AS double precision) * interval '1 second'
WHERE feed = :feed AND lease = CAST(:lease AS uuid)
""")
_LEAVE = Statement(
    text(
        "UPDATE sync.feed_position SET lease = NULL, lease_until = NULL WHERE feed = :feed AND lease = CAST(:lease AS uuid)"
    )
)


class FeedLost(Aborted):
    """Another replica reads the feed now."""


class FeedPosition:
    """One feed's place, held by one consumer at a time."""

    def __init__(self, db: Database, feed: str, lease: UUID, *, lease_s: float) -> None:
        self._db = db
        self._values = {"feed": feed, "lease": lease}
        self._lease_s = lease_s

    async def claim(self) -> str | None:
        """Take or keep the feed and answer the token to go on from (empty at the very first); None while another has it."""
        token: str | None = await self._db.fetchval(_CLAIM, **self._values, lease_s=self._lease_s)
        return token

    async def move(self, conn: AsyncConnection, resume_token: str) -> None:
        """Go on behind `resume_token`, with the caller's transaction. Raises FeedLost, which undoes the transaction."""
        moved = await conn.execute(_MOVE, {**self._values, "resume_token": resume_token, "lease_s": self._lease_s})
        if moved.rowcount == 0:
            raise FeedLost("Another replica has taken the feed over.")

    async def leave(self) -> None:
        """Let another replica have the feed at once."""
        await self._db.execute(_LEAVE, **self._values)
