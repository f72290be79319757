"""How far a channel whose rule `auto_list` was switched on has come with the variants that were there before.

The place moves in the transaction that makes the listings of a page, and only for the one worker that holds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database, Statement
from chassis.errors import Aborted
from sync_svc.storage.listings import auto_list

_BEGIN = text("""
INSERT INTO sync.auto_listing (channel_id) VALUES (:channel_id)
ON CONFLICT (channel_id) DO UPDATE SET page_token = '', listed_count = 0, started_at = clock_timestamp(), finished_at = NULL,
  lease = NULL, lease_until = NULL
""")
_STOP = text("DELETE FROM sync.auto_listing WHERE channel_id = :channel_id AND finished_at IS NULL")
_CLAIM = Statement(
    text("""
UPDATE sync.auto_listing SET lease = CAST(:lease AS uuid),
  lease_until = clock_timestamp() + CAST(:lease_s AS double precision) * interval '1 second'
WHERE channel_id = CAST(:channel_id AS bigint) AND finished_at IS NULL
  AND (lease_until IS NULL OR lease_until < clock_timestamp()) RETURNING page_token
""")
)
_MOVE = text("""
UPDATE sync.auto_listing SET page_token = :page_token, listed_count = listed_count + :listed,
  lease_until = CASE WHEN :page_token = '' THEN NULL
    ELSE clock_timestamp() + CAST(:lease_s AS double precision) * interval '1 second' END,
  lease = CASE WHEN :page_token = '' THEN NULL ELSE lease END,
  finished_at = CASE WHEN :page_token = '' THEN clock_timestamp() END
WHERE channel_id = :channel_id AND lease = CAST(:lease AS uuid)
""")
_RELEASE = Statement(
    text("""
UPDATE sync.auto_listing SET lease = NULL, lease_until = NULL,
  page_token = CASE WHEN CAST(:again AS boolean) THEN '' ELSE page_token END
WHERE channel_id = CAST(:channel_id AS bigint) AND lease = CAST(:lease AS uuid)
""")
)


class TurnLost(Aborted):
    """Another worker lists the catalog now, or the rule has changed."""


async def begin_listing(conn: AsyncConnection, channel_id: int) -> None:
    """Every variant there is gets a listing on the channel, from the first one on."""
    await conn.execute(_BEGIN, {"channel_id": channel_id})


async def stop_listing(conn: AsyncConnection, channel_id: int) -> None:
    """No more listings are made of what is in the catalog."""
    await conn.execute(_STOP, {"channel_id": channel_id})


class ListingTurn:
    """One worker's turn with one channel."""

    def __init__(self, db: Database, channel_id: int, lease: UUID, *, lease_s: float) -> None:
        self._db = db
        self._values = {"channel_id": channel_id, "lease": lease}
        self._lease_s = lease_s

    async def claim(self) -> str | None:
        """Take the turn and answer the page to go on with (empty: the first); None when there is nothing to do."""
        page_token: str | None = await self._db.fetchval(_CLAIM, **self._values, lease_s=self._lease_s)
        return page_token

    async def list_page(self, skus: Mapping[int, str], next_page_token: str) -> int:
        """Make the listings of a page and go on behind it; answers how many. Raises TurnLost, which makes none."""

        async def work(conn: AsyncConnection) -> int:
            listed = await auto_list(conn, skus, channel_id=int(str(self._values["channel_id"]))) if skus else {}
            made = sum(listed.values())
            move = {**self._values, "page_token": next_page_token, "listed": made, "lease_s": self._lease_s}
            if (await conn.execute(_MOVE, move)).rowcount == 0:
                raise TurnLost("Another worker lists the catalog of this channel.")
            return made

        return await self._db.run(work)

    async def release(self, *, from_the_beginning: bool = False) -> None:
        """Let another have the turn at once."""
        await self._db.execute(_RELEASE, **self._values, again=from_the_beginning)
