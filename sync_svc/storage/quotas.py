"""What an account has used of its quotas, for all processes together: token buckets, a silence, and uses per day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import text

from chassis.database import Database, Statement
from sync_svc.channels.limits import Limit
from sync_svc.channels.sharing import Draw, Uses

_RATE = "coalesce(b.told_rate, CAST(:rate AS double precision))"
_BURST = "CAST(:burst AS double precision)"
# A draw that waited for another one's lock may be older than it: then no time has passed.
_ELAPSED = "greatest(0, extract(epoch FROM now() - b.saved_at)::float8)"
_LEVEL = f"least({_BURST}, b.tokens + {_ELAPSED} * {_RATE})"
_PATIENCE = "CAST(:patience_s AS double precision)"
_NEEDED, _EXTRA = "CAST(:needed AS integer)", "CAST(:extra AS integer)"
_PAUSED = """coalesce((SELECT greatest(0, extract(epoch FROM s.until - now())::float8) FROM sync.account_silence s
  WHERE s.channel_id = CAST(:channel_id AS bigint)), 0)"""


def _grant(level: str, rate: str) -> str:
    """What is needed, as far as it is worth waiting for, and more only of what is there already."""
    return f"""CASE WHEN {_PAUSED} > {_PATIENCE} THEN 0 ELSE
  least({_NEEDED}, greatest(0, floor({level} + {_PATIENCE} * {rate})))::integer
  + least({_EXTRA}, greatest(0, floor({level}) - {_NEEDED}))::integer END"""


_FULL = _grant(_BURST, "CAST(:rate AS double precision)")
# One statement, so that draws of one bucket follow each other under its row's lock. What is lost with a crashed database
# are the draws of its last moment, so nobody waits for the disk.
_DRAW = Statement(
    text(f"""
WITH soon AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO sync.bucket_level AS b (channel_id, bucket, tokens, granted, saved_at)
SELECT CAST(:channel_id AS bigint), CAST(:bucket AS text), {_BURST} - {_FULL}, {_FULL}, now() FROM soon
ON CONFLICT (channel_id, bucket) DO UPDATE SET
  granted = {_grant(_LEVEL, _RATE)}, tokens = {_LEVEL} - ({_grant(_LEVEL, _RATE)}), saved_at = greatest(b.saved_at, now())
RETURNING b.granted, b.tokens, {_RATE} AS rate, {_PAUSED} AS paused_s
""")
)
_SILENCE = Statement(
    text("""
INSERT INTO sync.account_silence AS s (channel_id, until)
VALUES (CAST(:channel_id AS bigint), clock_timestamp() + CAST(:pause_s AS double precision) * interval '1 second')
ON CONFLICT (channel_id) DO UPDATE SET until = greatest(s.until, excluded.until)
""")
)
# A bucket that nobody has drawn from yet has no row; its first draw begins with the rate of that process.
_DRAIN = Statement(
    text("""
UPDATE sync.bucket_level SET tokens = least(tokens, 0), saved_at = greatest(saved_at, now())
WHERE channel_id = CAST(:channel_id AS bigint) AND bucket = ANY(CAST(:buckets AS text[]))
""")
)
_RATES = Statement(
    text("""
UPDATE sync.bucket_level b SET told_rate = r.rate
FROM unnest(CAST(:buckets AS text[]), CAST(:rates AS double precision[])) AS r(bucket, rate)
WHERE b.channel_id = CAST(:channel_id AS bigint) AND b.bucket = r.bucket AND b.told_rate IS DISTINCT FROM r.rate
""")
)
_DRAW_USES = Statement(
    text("""
INSERT INTO sync.daily_use AS u (channel_id, subject, day, key, used, granted)
SELECT CAST(:channel_id AS bigint), CAST(:subject AS text), CAST(:day AS integer), a.key, a.uses, a.uses
FROM unnest(CAST(:keys AS text[]), CAST(:uses AS integer[])) AS a(key, uses) ORDER BY a.key
ON CONFLICT (channel_id, subject, day, key) DO UPDATE SET
  granted = least(excluded.used, greatest(0, CAST(:limit AS integer) - u.used)),
  used = u.used + least(excluded.used, greatest(0, CAST(:limit AS integer) - u.used))
RETURNING u.key, u.used, u.granted
""")
)
_GIVE_USES_BACK = Statement(
    text("""
UPDATE sync.daily_use u SET used = greatest(0, u.used - a.uses)
FROM unnest(CAST(:keys AS text[]), CAST(:uses AS integer[])) AS a(key, uses)
WHERE u.channel_id = CAST(:channel_id AS bigint) AND u.subject = CAST(:subject AS text)
  AND u.day = CAST(:day AS integer) AND u.key = a.key
""")
)
_TRIM = Statement(
    text("""
DELETE FROM sync.daily_use WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM sync.daily_use WHERE day < CAST(:before AS integer) LIMIT 10000))
""")
)


class QuotaRecords:
    """One channel's records."""

    def __init__(self, db: Database, channel_id: int) -> None:
        self._db = db
        self._channel_id = channel_id

    async def draw(self, bucket: str, limit: Limit, *, needed: int, extra: int, patience_s: float) -> Draw:
        """Draw calls from a bucket, which is full at first. A repeat draws more."""
        (row,) = await self._db.fetch(
            _DRAW,
            channel_id=self._channel_id,
            bucket=bucket,
            rate=limit.rate_per_s,
            burst=float(limit.burst),
            needed=needed,
            extra=extra,
            patience_s=patience_s,
        )
        return Draw(row["granted"], row["tokens"], row["rate"], row["paused_s"])

    async def silence(self, pause_s: float) -> None:
        """Nobody draws for so long; a longer silence stays. Safe to repeat."""
        await self._db.execute(_SILENCE, channel_id=self._channel_id, pause_s=pause_s)

    async def drain(self, buckets: Sequence[str]) -> None:
        """These buckets hold nothing. Safe to repeat."""
        await self._db.execute(_DRAIN, channel_id=self._channel_id, buckets=list(buckets))

    async def set_rates(self, rates: Mapping[str, float]) -> None:
        """At what rates these buckets refill, as the platform says. Safe to repeat."""
        await self._db.execute(
            _RATES, channel_id=self._channel_id, buckets=list(rates), rates=[float(rate) for rate in rates.values()]
        )

    async def draw_uses(self, subject: str, day: int, wanted: Mapping[str, int], limit: int) -> dict[str, Uses]:
        """Draw uses of a day, by key, never more than the limit in all. A repeat draws more."""
        rows = await self._db.fetch(
            _DRAW_USES,
            channel_id=self._channel_id,
            subject=subject,
            day=day,
            keys=list(wanted),
            uses=[min(uses, limit) for uses in wanted.values()],
            limit=limit,
        )
        return {row["key"]: Uses(row["granted"], row["used"]) for row in rows}

    async def give_uses_back(self, subject: str, day: int, unused: Mapping[str, int]) -> None:
        """Give back uses that were drawn and not made. A repeat gives back more."""
        await self._db.execute(
            _GIVE_USES_BACK,
            channel_id=self._channel_id,
            subject=subject,
            day=day,
            keys=list(unused),
            uses=list(unused.values()),
        )


async def trim_uses(db: Database, before_day: int) -> None:
    """Forget the uses of former days, of all channels, a bounded number at a time. Safe to repeat."""
    await db.execute(_TRIM, before=before_day)
