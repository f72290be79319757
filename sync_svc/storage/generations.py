"""Raising the desired generation: the one way in which anything becomes work for a channel.

Raising says "needs a push", never what changed by how much; raising twice before a push is one push.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from sync_svc.domain.listing import Urgency

Wakes = dict[int, float]
"""Channel to the seconds until its first raised listing is due."""

# A failed listing keeps its time, so that changes do not hammer a platform in trouble; only PERMANENT waits for a change.
_SET = """
UPDATE sync.listing l SET desired_generation = l.desired_generation + 1,
  content_generation = CASE WHEN CAST(:content AS boolean) THEN l.desired_generation + 1 ELSE l.content_generation END,
  urgency = least(CASE WHEN l.desired_generation = l.synced_generation THEN 2 ELSE l.urgency END, CAST(:urgency AS smallint)),
  attempts = CASE WHEN l.error_class = 'PERMANENT' THEN 0 ELSE l.attempts END,
  error_message = CASE WHEN l.error_class = 'PERMANENT' THEN '' ELSE l.error_message END,
  error_code = CASE WHEN l.error_class = 'PERMANENT' THEN '' ELSE l.error_code END,
  error_class = CASE WHEN l.error_class = 'PERMANENT' THEN NULL ELSE l.error_class END,
  next_attempt_at = CASE WHEN l.error_class IN ('RETRY', 'AUTH', 'UNKNOWN') THEN l.next_attempt_at
    ELSE least(l.next_attempt_at, greatest(clock_timestamp(),
      l.last_attempt_at + CAST(:gap_s AS double precision) * interval '1 second')) END
"""
# What has been taken off its platform shows nothing that could change.
_SHOWN = "l.deleted_at IS NULL AND l.intent <> 'ENDED'"


def _raising(condition: str) -> TextClause:
    """Raises what the condition names, and answers one row per channel however many listings that are."""
    return text(f"""
WITH raised AS ({_SET} WHERE {condition} RETURNING l.channel_id, l.next_attempt_at)
SELECT channel_id, extract(epoch FROM min(next_attempt_at) - clock_timestamp())::float8 AS due_in_s
FROM raised GROUP BY channel_id
""")


_BY_VARIANT = _raising(f"l.variant_id = ANY(CAST(:variant_ids AS bigint[])) AND {_SHOWN}")
_BY_CHANNEL = _raising(
    f"l.channel_id = CAST(:channel_id AS bigint) AND {_SHOWN} AND (l.price IS NULL OR NOT CAST(:only_unpriced AS boolean))"
)
_BY_ID = _raising("l.id = ANY(CAST(:ids AS bigint[]))")
_ALL = _raising(_SHOWN)
# A person who asks for a push does not wait for a backoff, and wants it sent even when nothing differs.
_AFRESH = """
UPDATE sync.listing l SET desired_generation = l.desired_generation + 1, shown_is_sure = false, attempts = 0,
  error_class = NULL, error_message = '', error_code = '', next_attempt_at = clock_timestamp(),
  content_generation = l.desired_generation + 1
"""
_AFRESH_BY_CHANNEL = text(f"{_AFRESH} WHERE l.channel_id = CAST(:channel_id AS bigint) AND l.deleted_at IS NULL")
# One listing does not wait for its channel's schedule either; a whole channel does.
_AFRESH_BY_ID = text(f"{_AFRESH}, urgency = 0 WHERE l.id = CAST(:id AS bigint)")
_END_AUTH = text("""
UPDATE sync.listing SET error_class = NULL, error_message = '', error_code = '', next_attempt_at = clock_timestamp()
WHERE channel_id = CAST(:channel_id AS bigint) AND error_class = 'AUTH'
""")


class Generations:
    """Raises generations within the caller's transaction."""

    def __init__(self, *, gap_s: float) -> None:
        self._gap_s = gap_s

    async def raise_variants(
        self, conn: AsyncConnection, variant_ids: Sequence[int], urgency: Urgency, *, content: bool = False
    ) -> Wakes:
        """Queue every listing of these variants, on all channels."""
        values = {"variant_ids": sorted(variant_ids), "urgency": int(urgency), "content": content, "gap_s": self._gap_s}
        return _wakes((await conn.execute(_BY_VARIANT, values)).all())

    async def raise_channel(
        self, conn: AsyncConnection, channel_id: int, urgency: Urgency, *, only_unpriced: bool = False
    ) -> Wakes:
        """Queue every listing of a channel (or those without a price of their own), as after a change of its rules."""
        values = {"channel_id": channel_id, "urgency": int(urgency), "content": False, "gap_s": self._gap_s}
        values["only_unpriced"] = only_unpriced
        return _wakes((await conn.execute(_BY_CHANNEL, values)).all())

    async def raise_listings(self, conn: AsyncConnection, ids: Sequence[int], *, content: bool) -> Wakes:
        """Queue these listings, as after an edit by a person."""
        values = {"ids": list(ids), "urgency": int(Urgency.STOCK), "content": content, "gap_s": self._gap_s}
        return _wakes((await conn.execute(_BY_ID, values)).all())

    async def raise_all(self, conn: AsyncConnection) -> Wakes:
        """Queue everything: the feed lost its place, so anything may have changed."""
        values = {"urgency": int(Urgency.STOCK), "content": True, "gap_s": self._gap_s}
        return _wakes((await conn.execute(_ALL, values)).all())


async def push_channel_afresh(conn: AsyncConnection, channel_id: int) -> int:
    """Queue every listing of a channel at once, failed ones too; answers how many."""
    return (await conn.execute(_AFRESH_BY_CHANNEL, {"channel_id": channel_id})).rowcount


async def push_listing_afresh(conn: AsyncConnection, listing_id: int) -> None:
    """Queue one listing at once, whatever its error."""
    await conn.execute(_AFRESH_BY_ID, {"id": listing_id})


async def end_auth_errors(conn: AsyncConnection, channel_id: int) -> None:
    """Try the listings again that waited for the channel's access."""
    await conn.execute(_END_AUTH, {"channel_id": channel_id})


def _wakes(rows: Sequence[Row[Any]]) -> Wakes:
    wakes: Wakes = {}
    for row in rows:
        if row.due_in_s is not None:
            wakes[row.channel_id] = row.due_in_s
    return wakes
