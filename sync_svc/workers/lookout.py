"""Looks once in a while, for all channels in one query, for work that nobody in this process was told of.

That is what another process has queued, and what has become due since. It wakes those whose work it is, so that they need not
look themselves.
"""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import text

from chassis.database import Database, Statement
from chassis.errors import HubError
from sync_svc.workers.wakeups import WorkAlarms

log = logging.getLogger(__name__)

LOOK_BY_ONESELF_S = 120.0
"""Workers that are woken look by themselves this seldom, should they ever not be."""

# Each urgency is a range of the index on what is due, so what waits for later costs nothing.
_DUE = Statement(
    text("""
SELECT c.id,
  EXISTS (SELECT FROM sync.listing l WHERE l.channel_id = c.id AND l.urgency = ANY(CAST('{0,1,2}' AS smallint[]))
    AND l.desired_generation > l.synced_generation AND l.next_attempt_at IS NOT NULL AND l.next_attempt_at <= clock_timestamp()
    AND (l.lease_until IS NULL OR l.lease_until < clock_timestamp())) AS pushes,
  EXISTS (SELECT FROM sync.order_task t WHERE t.channel_id = c.id AND t.next_attempt_at <= clock_timestamp()
    AND (t.lease_until IS NULL OR t.lease_until < clock_timestamp())) AS orders,
  EXISTS (SELECT FROM sync.shipment s JOIN sync.channel_order o ON o.id = s.order_id
    WHERE s.channel_id = c.id AND s.status = 'PENDING' AND s.next_attempt_at <= clock_timestamp()
    AND (o.ship_lease_until IS NULL OR o.ship_lease_until < clock_timestamp())) AS shipments,
  EXISTS (SELECT FROM sync.listing_import i WHERE i.channel_id = c.id AND i.finished_at IS NULL
    AND i.next_at <= clock_timestamp() AND (i.lease_until IS NULL OR i.lease_until < clock_timestamp())) AS imports,
  EXISTS (SELECT FROM sync.auto_listing a WHERE a.channel_id = c.id AND a.finished_at IS NULL
    AND (a.lease_until IS NULL OR a.lease_until < clock_timestamp())) AS lists,
  EXISTS (SELECT FROM sync.reconciliation r WHERE r.channel_id = c.id AND r.next_at <= clock_timestamp()
    AND (r.lease_until IS NULL OR r.lease_until < clock_timestamp())) AS reconciles,
  c.next_poll_at <= clock_timestamp() AND (c.poll_lease_until IS NULL OR c.poll_lease_until < clock_timestamp()) AS polls
FROM sync.channel c
WHERE c.activated_at IS NOT NULL AND (c.blocked_until IS NULL OR c.blocked_until <= clock_timestamp())
""")
)


class Lookout:
    """One per process."""

    def __init__(self, db: Database, alarms: WorkAlarms, *, every_s: float) -> None:
        self._db = db
        self._alarms = alarms
        self._every_s = every_s

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.look()
            except HubError as error:
                log.warning("nobody can look for work: %s", error.message)

    async def look(self) -> None:
        """Wake whoever has something to do. Raises HubError."""
        for row in await self._db.fetch(_DUE):
            for kind, alarms in self._alarms.kinds.items():
                if row[kind]:
                    alarms.of(row["id"]).ring_in(0)
