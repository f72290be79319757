"""What an account has used of its quotas: levels of token buckets, and uses per day, which all processes add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text

from chassis.database import Database, Statement

_LEVELS = Statement(
    text("""
SELECT bucket, tokens, extract(epoch FROM clock_timestamp() - saved_at)::float8 AS elapsed_s
FROM sync.bucket_level WHERE channel_id = CAST(:channel_id AS bigint)
""")
)
_KEEP_LEVELS = Statement(
    text("""
INSERT INTO sync.bucket_level (channel_id, bucket, tokens, saved_at)
SELECT CAST(:channel_id AS bigint), b.bucket, b.tokens, clock_timestamp()
FROM unnest(CAST(:buckets AS text[]), CAST(:tokens AS double precision[])) AS b(bucket, tokens) ORDER BY b.bucket
ON CONFLICT (channel_id, bucket) DO UPDATE SET tokens = excluded.tokens, saved_at = excluded.saved_at
""")
)
_USES = Statement(
    text("""
SELECT key, used FROM sync.daily_use
WHERE channel_id = CAST(:channel_id AS bigint) AND subject = CAST(:subject AS text) AND day = CAST(:day AS integer)
""")
)
_ADD_USES = Statement(
    text("""
INSERT INTO sync.daily_use AS u (channel_id, subject, day, key, used)
SELECT CAST(:channel_id AS bigint), CAST(:subject AS text), CAST(:day AS integer), a.key, a.uses
FROM unnest(CAST(:keys AS text[]), CAST(:uses AS integer[])) AS a(key, uses) ORDER BY a.key
ON CONFLICT (channel_id, subject, day, key) DO UPDATE SET used = u.used + excluded.used RETURNING u.key, u.used
""")
)
_TRIM = Statement(
    text("""
DELETE FROM sync.daily_use WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM sync.daily_use WHERE day < CAST(:before AS integer) LIMIT 10000))
""")
)


@dataclass(frozen=True, slots=True)
class Level:
    """What a bucket held so many seconds ago."""

    tokens: float
    elapsed_s: float


class QuotaRecords:
    """One channel's records."""

    def __init__(self, db: Database, channel_id: int) -> None:
        self._db = db
        self._channel_id = channel_id

    async def levels(self) -> dict[str, Level]:
        """The buckets as they were kept, by name."""
        rows = await self._db.fetch(_LEVELS, channel_id=self._channel_id)
        return {row["bucket"]: Level(row["tokens"], row["elapsed_s"]) for row in rows}

    async def keep_levels(self, levels: Mapping[str, float]) -> None:
        """Keep the buckets as they are now. Safe to repeat; of several processes the last one counts."""
        await self._db.execute(
            _KEEP_LEVELS, channel_id=self._channel_id, buckets=list(levels), tokens=list(levels.values())
        )

    async def uses(self, subject: str, day: int) -> dict[str, int]:
        """Uses of a day, by key."""
        rows = await self._db.fetch(_USES, channel_id=self._channel_id, subject=subject, day=day)
        return {row["key"]: row["used"] for row in rows}

    async def add_uses(self, subject: str, day: int, uses: Mapping[str, int]) -> dict[str, int]:
        """Add to what all processes have used; answers the sums. A repeat counts twice."""
        rows = await self._db.fetch(
            _ADD_USES,
            channel_id=self._channel_id,
            subject=subject,
            day=day,
            keys=list(uses),
            uses=list(uses.values()),
        )
        return {row["key"]: row["used"] for row in rows}

    async def trim(self, before_day: int) -> None:
        """Forget the uses of former days, of all channels, a bounded number at a time. Safe to repeat."""
        await self._db.execute(_TRIM, before=before_day)
