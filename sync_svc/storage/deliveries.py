"""Webhook deliveries, each accepted once, and the order tasks that hints and polls leave behind.

A task says "this order may have changed", once per order however many hints there are; a worker leases it, applies the order,
and ends it only if nothing was said since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database, Statement
from sync_svc.channels.base import ChannelOrder, Hint
from sync_svc.storage.snapshots import order_from_json, order_to_json

_ACCEPT = text("""
INSERT INTO sync.webhook_delivery (channel_id, event_id, kind, external_id)
SELECT :channel_id, * FROM unnest(CAST(:event_ids AS text[]), CAST(:kinds AS text[]), CAST(:external_ids AS text[]))
ON CONFLICT DO NOTHING RETURNING kind, external_id
""")
# A hint makes the order be read from the platform; what a poll has read is used only while no hint asks for that.
_QUEUE = text("""
INSERT INTO sync.order_task AS t (channel_id, external_order_id, snapshot)
SELECT :channel_id, o.id, CAST(o.snapshot AS jsonb)
FROM unnest(CAST(:ids AS text[]), CAST(:snapshots AS text[])) AS o(id, snapshot)
ON CONFLICT (channel_id, external_order_id) DO UPDATE SET generation = t.generation + 1,
  snapshot = CASE WHEN t.snapshot IS NULL THEN NULL ELSE excluded.snapshot END,
  next_attempt_at = least(t.next_attempt_at, excluded.next_attempt_at)
""")
_CHANGED = text("""
SELECT o.place FROM unnest(CAST(:ids AS text[]), CAST(:modified AS timestamptz[]), CAST(:paid AS boolean[]),
  CAST(:cancelled AS boolean[])) WITH ORDINALITY AS o(id, modified_at, paid, cancelled, place)
LEFT JOIN sync.channel_order k ON k.channel_id = :channel_id AND k.external_order_id = o.id
WHERE k.id IS NULL OR k.status = 'NEW' OR k.modified_at < o.modified_at OR k.paid <> o.paid
  OR (k.status = 'CANCELLED') <> o.cancelled
""")
_TAKE = Statement(
    text("""
WITH due AS (
  SELECT channel_id, external_order_id FROM sync.order_task
  WHERE channel_id = CAST(:channel_id AS bigint) AND next_attempt_at <= clock_timestamp()
    AND (lease_until IS NULL OR lease_until < clock_timestamp())
    AND NOT EXISTS (SELECT FROM sync.channel c WHERE c.id = order_task.channel_id AND c.blocked_until > clock_timestamp())
  ORDER BY next_attempt_at LIMIT CAST(:most AS integer) FOR UPDATE SKIP LOCKED)
UPDATE sync.order_task t SET lease = CAST(:lease AS uuid),
  lease_until = clock_timestamp() + CAST(:lease_s AS double precision) * interval '1 second'
FROM due WHERE t.channel_id = due.channel_id AND t.external_order_id = due.external_order_id
RETURNING t.external_order_id, t.generation, t.attempts, t.snapshot
""")
)
_CLAIM_ONE = text("""
INSERT INTO sync.order_task AS t (channel_id, external_order_id, lease, lease_until)
VALUES (:channel_id, :id, CAST(:lease AS uuid), clock_timestamp() + CAST(:lease_s AS double precision) * interval '1 second')
ON CONFLICT (channel_id, external_order_id) DO UPDATE SET generation = t.generation + 1, lease = excluded.lease,
  lease_until = excluded.lease_until
WHERE t.lease_until IS NULL OR t.lease_until < clock_timestamp()
RETURNING generation
""")
_FAIL = Statement(
    text("""
UPDATE sync.order_task SET lease = NULL, lease_until = NULL, attempts = attempts + 1, error_message = CAST(:message AS text),
  next_attempt_at = clock_timestamp() + CAST(:wait_s AS double precision) * interval '1 second'
WHERE channel_id = CAST(:channel_id AS bigint) AND external_order_id = CAST(:id AS text) AND lease = CAST(:lease AS uuid)
""")
)

_GIVE_BACK = Statement(
    text("""
UPDATE sync.order_task SET lease = NULL, lease_until = NULL
WHERE channel_id = CAST(:channel_id AS bigint) AND external_order_id = CAST(:id AS text) AND lease = CAST(:lease AS uuid)
""")
)
_DROP = Statement(
    text("""
DELETE FROM sync.order_task WHERE channel_id = CAST(:channel_id AS bigint) AND external_order_id = CAST(:id AS text)
  AND lease = CAST(:lease AS uuid) AND generation = CAST(:generation AS bigint)
""")
)


@dataclass(frozen=True, slots=True)
class OrderTask:
    """A leased task. `snapshot` is the order as a poll read it; without one it has to be read."""

    channel_id: int
    external_order_id: str
    lease: UUID
    generation: int
    attempts: int = 0
    snapshot: ChannelOrder | None = None


async def accept_hints(conn: AsyncConnection, channel_id: int, hints: Sequence[Hint]) -> list[str]:
    """Keep a delivery; answers the orders it newly points at. A delivery that came before points at none."""
    values = {
        "channel_id": channel_id,
        "event_ids": [hint.event_id for hint in hints],
        "kinds": [hint.kind.value for hint in hints],
        "external_ids": [hint.external_id for hint in hints],
    }
    accepted = (await conn.execute(_ACCEPT, values)).all()
    return sorted({row.external_id for row in accepted if row.kind == "ORDER" and row.external_id})


async def queue_orders(conn: AsyncConnection, channel_id: int, external_order_ids: Sequence[str]) -> None:
    """Queue orders to be read from the platform and applied."""
    values = {
        "channel_id": channel_id,
        "ids": sorted(external_order_ids),
        "snapshots": [None] * len(external_order_ids),
    }
    await conn.execute(_QUEUE, values)


async def queue_polled(conn: AsyncConnection, channel_id: int, orders: Sequence[ChannelOrder]) -> int:
    """Queue those of the polled orders that differ from what was applied; answers how many."""
    newest = {order.external_order_id: order for order in orders}
    polled = [newest[key] for key in sorted(newest)]
    values = {
        "channel_id": channel_id,
        "ids": [order.external_order_id for order in polled],
        "modified": [order.modified_at for order in polled],
        "paid": [order.paid for order in polled],
        "cancelled": [order.cancelled for order in polled],
    }
    changed = [polled[row.place - 1] for row in await conn.execute(_CHANGED, values)]
    if changed:
        await conn.execute(
            _QUEUE,
            {
                "channel_id": channel_id,
                "ids": [order.external_order_id for order in changed],
                "snapshots": [order_to_json(order) for order in changed],
            },
        )
    return len(changed)


class OrderTasks:
    """Leases on order tasks."""

    def __init__(self, db: Database, *, lease_s: float) -> None:
        self._db = db
        self._lease_s = lease_s

    async def take(self, channel_id: int, lease: UUID, most: int) -> list[OrderTask]:
        """Take due tasks of a channel, the longest waiting first."""
        rows = await self._db.fetch(_TAKE, channel_id=channel_id, lease=lease, lease_s=self._lease_s, most=most)
        return [
            OrderTask(
                channel_id,
                row["external_order_id"],
                lease,
                row["generation"],
                row["attempts"],
                order_from_json(row["snapshot"]) if row["snapshot"] else None,
            )
            for row in rows
        ]

    async def claim_one(
        self, conn: AsyncConnection, channel_id: int, external_order_id: str, lease: UUID
    ) -> OrderTask | None:
        """Make or take one order's task; None while a worker holds it."""
        values = {"channel_id": channel_id, "id": external_order_id, "lease": lease, "lease_s": self._lease_s}
        row = (await conn.execute(_CLAIM_ONE, values)).first()
        return OrderTask(channel_id, external_order_id, lease, row.generation) if row is not None else None

    async def fail(self, task: OrderTask, wait_s: float, message: str) -> None:
        """Give a task back, to be tried again in a while."""
        await self._db.execute(
            _FAIL,
            channel_id=task.channel_id,
            id=task.external_order_id,
            lease=task.lease,
            wait_s=wait_s,
            message=message[:1000],
        )

    async def give_back(self, tasks: Sequence[OrderTask]) -> None:
        """End the leases of tasks that nothing was done for; they are due again at once."""
        for task in tasks:
            await self._db.execute(_GIVE_BACK, **_key(task))

    async def drop(self, task: OrderTask) -> None:
        """Forget a task about an order that its platform does not know, unless more was said about it."""
        await self._db.execute(_DROP, **_key(task), generation=task.generation)


def _key(task: OrderTask) -> dict[str, object]:
    return {"channel_id": task.channel_id, "id": task.external_order_id, "lease": task.lease}
