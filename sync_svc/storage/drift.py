"""Passes over a channel's live listings, and the differences they found.

A pass remembers how far it has come, so a worker that dies, or a platform that asks for silence, costs no second reading. A
difference is recorded only while the listing is as it was when it was compared, together with the work that mends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database, Statement
from chassis.errors import Aborted
from sync_svc.domain.drift import Difference
from sync_svc.domain.listing import LeasedListing
from sync_svc.storage.leases import leased
from sync_svc.storage.tables import drift

_PLAN = Statement(
    text("""
INSERT INTO sync.reconciliation AS r (channel_id, next_at)
VALUES (CAST(:channel_id AS bigint), clock_timestamp() + nullif(CAST(:interval_s AS integer), 0) * interval '1 second')
ON CONFLICT (channel_id) DO UPDATE SET next_at = CASE WHEN r.next_at <= clock_timestamp() OR r.after_id > 0 THEN r.next_at
  WHEN excluded.next_at IS NULL THEN NULL ELSE least(r.next_at, excluded.next_at) END
""")
)
_CLAIM = Statement(
    text("""
UPDATE sync.reconciliation SET lease = CAST(:lease AS uuid),
  lease_until = clock_timestamp() + CAST(:lease_s AS double precision) * interval '1 second',
  started_at = CASE WHEN after_id = 0 THEN clock_timestamp() ELSE started_at END,
  checked_count = CASE WHEN after_id = 0 THEN 0 ELSE checked_count END,
  differing_count = CASE WHEN after_id = 0 THEN 0 ELSE differing_count END
WHERE channel_id = CAST(:channel_id AS bigint) AND next_at <= clock_timestamp()
  AND (lease_until IS NULL OR lease_until < clock_timestamp()) RETURNING after_id
""")
)
_RELEASE = Statement(
    text("""
UPDATE sync.reconciliation SET lease = NULL, lease_until = NULL, message = CAST(:message AS text),
  next_at = clock_timestamp() + CAST(:wait_s AS double precision) * interval '1 second'
WHERE channel_id = CAST(:channel_id AS bigint) AND lease = CAST(:lease AS uuid)
""")
)
# What waits for a push will be right by itself; what waits for a person may be wrong for long.
_QUIET = (
    "l.deleted_at IS NULL AND l.intent <> 'ENDED' AND l.synced_generation > 0 AND l.lease IS NULL"
    " AND (l.synced_generation = l.desired_generation OR l.error_class = 'PERMANENT')"
)
_COLUMNS = """l.id, l.variant_id, l.sku, l.platform_sku, l.external_ids, l.name, l.description, l.price, l.currency, l.metadata,
  l.intent, false AS deleted, l.desired_generation AS generation, l.attempts, false AS content_changed,
  false AS was_left_unknown, l.shown_is_sure, l.pushed_quantity, l.pushed_price, l.overrides"""
_NEXT = Statement(
    text(f"""
SELECT {_COLUMNS} FROM sync.listing l
WHERE l.channel_id = CAST(:channel_id AS bigint) AND l.id > CAST(:after_id AS bigint) AND {_QUIET}
ORDER BY l.id LIMIT CAST(:most AS integer)
""")
)
_AGAIN = Statement(
    text(f"SELECT {_COLUMNS} FROM sync.listing l WHERE l.id = ANY(CAST(:ids AS bigint[])) AND {_QUIET} ORDER BY l.id")
)
_LOCK = text(f"""
SELECT l.id FROM sync.listing l JOIN unnest(CAST(:ids AS bigint[]), CAST(:generations AS bigint[])) AS seen(id, generation)
  ON l.id = seen.id AND l.desired_generation = seen.generation
WHERE {_QUIET} ORDER BY l.id FOR UPDATE OF l
""")
_CLOSE = text("""
UPDATE sync.drift SET closed_at = clock_timestamp() WHERE closed_at IS NULL AND listing_id = ANY(CAST(:ids AS bigint[]))
""")
_MEND = text("""
UPDATE sync.listing l SET desired_generation = desired_generation + 1, shown_is_sure = false,
  content_generation = CASE WHEN m.gone THEN desired_generation + 1 ELSE content_generation END,
  urgency = CASE WHEN m.risky THEN 0 ELSE 1 END, attempts = 0, error_class = NULL, error_message = '', error_code = '',
  next_attempt_at = clock_timestamp()
FROM unnest(CAST(:ids AS bigint[]), CAST(:risky AS boolean[]), CAST(:gone AS boolean[])) AS m(id, risky, gone)
WHERE l.id = m.id RETURNING l.id, l.desired_generation
""")
_MOVE = text("""
UPDATE sync.reconciliation SET after_id = :after_id, checked_count = checked_count + :checked,
  differing_count = differing_count + :differing,
  lease_until = clock_timestamp() + CAST(:lease_s AS double precision) * interval '1 second'
WHERE channel_id = :channel_id AND lease = CAST(:lease AS uuid)
""")
_END = text("""
UPDATE sync.reconciliation SET after_id = 0, finished_at = clock_timestamp(), lease = NULL, lease_until = NULL, message = '',
  next_at = clock_timestamp() + nullif(CAST(:interval_s AS integer), 0) * interval '1 second'
WHERE channel_id = :channel_id AND lease = CAST(:lease AS uuid)
RETURNING started_at, finished_at, checked_count, differing_count
""")
_ADD_RUN = text("""
INSERT INTO sync.channel_run (channel_id, kind, started_at, duration_ms, item_count, failed_count)
VALUES (CAST(:channel_id AS bigint), 'RECONCILE', CAST(:started_at AS timestamptz),
  least(extract(epoch FROM CAST(:finished_at AS timestamptz) - CAST(:started_at AS timestamptz)) * 1000, 2147483647),
  CAST(:checked_count AS integer), CAST(:differing_count AS integer))
""")
_CLOSE_GONE = text("""
UPDATE sync.drift d SET closed_at = clock_timestamp() FROM sync.listing l
WHERE d.channel_id = :channel_id AND d.closed_at IS NULL AND l.id = d.listing_id
  AND (l.deleted_at IS NOT NULL OR l.intent = 'ENDED')
""")
_NOW = text("""
INSERT INTO sync.reconciliation AS r (channel_id, next_at)
SELECT id, clock_timestamp() FROM unnest(CAST(:ids AS bigint[])) AS c(id)
ON CONFLICT (channel_id) DO UPDATE SET next_at = clock_timestamp(),
  after_id = CASE WHEN r.lease_until > clock_timestamp() THEN r.after_id ELSE 0 END
""")


class PassLost(Aborted):
    """Another worker goes on with the pass."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What became of one batch: the last listing read, those found right, and the differences (with their generations)."""

    after_id: int
    checked: int
    right: Sequence[tuple[int, int]]
    differences: Sequence[Difference]


class Passes:
    """One channel's passes, each made by one worker at a time."""

    def __init__(self, db: Database, channel_id: int, *, lease_s: float) -> None:
        self._db = db
        self._channel_id = channel_id
        self._lease_s = lease_s

    async def plan(self, interval_s: int) -> None:
        """Note when the next pass begins (never by itself when 0); one that is due already stays so. Safe to repeat."""
        await self._db.execute(_PLAN, channel_id=self._channel_id, interval_s=interval_s)

    async def claim(self, lease: UUID) -> int | None:
        """Take the pass that is due, and answer the listing behind which it goes on; None when there is none."""
        after_id: int | None = await self._db.fetchval(
            _CLAIM, channel_id=self._channel_id, lease=lease, lease_s=self._lease_s
        )
        return after_id

    async def release(self, lease: UUID, wait_s: float, message: str) -> None:
        """Go on later from where it stands."""
        await self._db.execute(
            _RELEASE, channel_id=self._channel_id, lease=lease, wait_s=wait_s, message=message.replace("\0", "")[:1000]
        )

    async def next_batch(self, after_id: int, most: int) -> list[LeasedListing]:
        """The next listings that stand still, by id."""
        rows = await self._db.fetch(_NEXT, channel_id=self._channel_id, after_id=after_id, most=most)
        return [leased(row) for row in rows]

    async def again(self, ids: Sequence[int]) -> list[LeasedListing]:
        """Those of some listings that still stand still."""
        return [leased(row) for row in await self._db.fetch(_AGAIN, ids=list(ids))]

    async def record(self, lease: UUID, compared: Compared, *, mend: bool) -> int:
        """Keep what a batch brought and move on, in one transaction; answers the differences kept. Raises PassLost."""

        async def work(conn: AsyncConnection) -> int:
            kept = await self._keep(conn, compared, mend=mend)
            values = {"channel_id": self._channel_id, "lease": lease, "lease_s": self._lease_s}
            moved = {"after_id": compared.after_id, "checked": compared.checked, "differing": kept}
            if (await conn.execute(_MOVE, values | moved)).rowcount == 0:
                raise PassLost("Another worker goes on with the pass.")
            return kept

        return await self._db.run(work)

    async def end(self, lease: UUID, interval_s: int) -> None:
        """The pass has read everything: keep its run, and plan the next."""

        async def work(conn: AsyncConnection) -> None:
            ended = {"channel_id": self._channel_id, "lease": lease, "interval_s": interval_s}
            row = (await conn.execute(_END, ended)).mappings().first()
            if row is not None:
                await conn.execute(_ADD_RUN, {"channel_id": self._channel_id, **row})
                await conn.execute(_CLOSE_GONE, {"channel_id": self._channel_id})

        await self._db.run(work)

    async def _keep(self, conn: AsyncConnection, compared: Compared, *, mend: bool) -> int:
        seen = [*compared.right, *((one.listing_id, one.generation) for one in compared.differences)]
        columns = {"ids": [listing_id for listing_id, _ in seen], "generations": [one for _, one in seen]}
        same = set((await conn.execute(_LOCK, columns)).scalars())
        await conn.execute(_CLOSE, {"ids": [listing_id for listing_id, _ in compared.right if listing_id in same]})
        found = [one for one in compared.differences if one.listing_id in same]
        generations = await _mend(conn, found) if mend else {}
        for one in found:
            await self._put(conn, one, generations.get(one.listing_id))
        return len(found)

    async def _put(self, conn: AsyncConnection, one: Difference, mend_generation: int | None) -> None:
        values = {name: value for name, value in asdict(one).items() if name != "generation"}
        values |= {"channel_id": self._channel_id, "mend_generation": mend_generation}
        put = upsert(drift).values(**values)
        await conn.execute(
            put.on_conflict_do_update(
                index_elements=["listing_id"],
                index_where=text("closed_at IS NULL"),
                set_={**values, "seen_at": text("clock_timestamp()")},
            )
        )


async def reconcile_now(conn: AsyncConnection, channel_ids: Sequence[int]) -> None:
    """Make these channels due for a pass from the beginning; one that is under way goes on."""
    await conn.execute(_NOW, {"ids": list(channel_ids)})


async def _mend(conn: AsyncConnection, found: Sequence[Difference]) -> dict[int, int]:
    values = {
        "ids": [one.listing_id for one in found],
        "risky": [one.units_at_risk > 0 for one in found],
        "gone": [one.state for one in found],
    }
    return {row.id: row.desired_generation for row in await conn.execute(_MEND, values)}
