"""Leases on listings: taking due ones, recording what became of them, giving the rest back.

A worker holds a listing by a lease only it knows, and records only while the lease is still there. So there is one push in
flight per listing over all workers, and what a worker says after its lease has passed on changes nothing but the queue.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text

from chassis.database import Database, Statement
from chassis.errors import Aborted
from sync_svc.domain.channel import ChannelState
from sync_svc.domain.listing import LeasedListing, ListingIntent
from sync_svc.domain.rules import Overrides, Rounding, Rules

_RECORD_TRIES = 4
_RECORD_PAUSE_S = 0.05

# What makes unsure what a platform shows while a push is under way (its own sale, say) outlasts that push: the mark is taken off
# at the beginning, and put back at the end where nothing was shown.
_TAKE = Statement(
    text("""
WITH due AS (
  SELECT l.id, l.lease IS NOT NULL OR l.error_class = 'UNKNOWN' AS was_left_unknown, l.shown_is_sure,
         c.state, c.buffer_units, c.cap_units, c.price_factor, c.zero_when_paused, c.price_rounding, c.price_floor
  FROM sync.listing l JOIN sync.channel c ON c.id = l.channel_id
  WHERE l.channel_id = CAST(:channel_id AS bigint) AND l.desired_generation > l.synced_generation
    AND l.next_attempt_at <= clock_timestamp() AND (l.lease_until IS NULL OR l.lease_until < clock_timestamp())
    AND (c.blocked_until IS NULL OR c.blocked_until <= clock_timestamp())
    AND c.activated_at IS NOT NULL AND (c.state = 'ACTIVE' OR c.zero_when_paused)
    AND (l.urgency = 0 OR NOT CAST(:only_urgent AS boolean))
  ORDER BY l.urgency, l.next_attempt_at LIMIT CAST(:most AS integer) FOR UPDATE OF l SKIP LOCKED)
UPDATE sync.listing l
SET lease = CAST(:lease AS uuid), lease_owner = CAST(:owner AS text), last_attempt_at = clock_timestamp(), shown_is_sure = true,
    lease_until = clock_timestamp() + CAST(:lease_s AS double precision) * interval '1 second'
FROM due WHERE l.id = due.id
RETURNING l.id, l.variant_id, l.sku, l.platform_sku, l.external_ids, l.name, l.description, l.price, l.currency, l.metadata,
  l.intent, l.deleted_at IS NOT NULL AS deleted, l.desired_generation AS generation, l.attempts,
  l.content_generation > l.synced_generation AS content_changed, due.was_left_unknown, due.shown_is_sure, l.pushed_quantity,
  l.pushed_price, l.overrides,
  due.state, due.buffer_units, due.cap_units, due.price_factor, due.zero_when_paused, due.price_rounding, due.price_floor
""")
)

_RECORD = Statement(
    text("""
WITH result AS (
  SELECT * FROM unnest(
    CAST(:ids AS bigint[]), CAST(:generations AS bigint[]), CAST(:outcomes AS text[]), CAST(:messages AS text[]),
    CAST(:codes AS text[]), CAST(:quantities AS integer[]), CAST(:prices AS numeric[]), CAST(:currencies AS text[]),
    CAST(:external_ids AS text[]), CAST(:waits AS double precision[]), CAST(:sent AS boolean[]), CAST(:were_sure AS boolean[]))
  AS r(id, generation, outcome, message, code, quantity, price, currency, external_ids, wait_s, sent, was_sure)),
recorded AS (
  UPDATE sync.listing l SET
    lease = NULL, lease_until = NULL, lease_owner = '',
    synced_generation = CASE r.outcome WHEN 'DONE' THEN r.generation ELSE l.synced_generation END,
    error_class = CASE WHEN r.outcome = 'POSTPONED' THEN l.error_class
                  WHEN r.outcome = 'DONE' OR r.outcome = 'PERMANENT' AND l.desired_generation > r.generation THEN NULL
                  ELSE r.outcome END,
    error_message = CASE r.outcome WHEN 'DONE' THEN '' WHEN 'POSTPONED' THEN l.error_message ELSE r.message END,
    error_code = CASE r.outcome WHEN 'DONE' THEN '' WHEN 'POSTPONED' THEN l.error_code ELSE r.code END,
    attempts = CASE WHEN r.outcome = 'DONE' THEN 0 WHEN r.outcome IN ('AUTH', 'POSTPONED') THEN l.attempts
               ELSE l.attempts + 1 END,
    urgency = CASE WHEN r.outcome = 'DONE' AND l.desired_generation = r.generation THEN 2 ELSE l.urgency END,
    next_attempt_at = CASE
      WHEN r.outcome NOT IN ('DONE', 'PERMANENT') THEN
        clock_timestamp() + r.wait_s * interval '1 second'
      WHEN l.desired_generation > r.generation THEN
        greatest(clock_timestamp(), l.last_attempt_at + CAST(:gap_s AS double precision) * interval '1 second')
      END,
    pushed_quantity = CASE r.outcome WHEN 'DONE' THEN r.quantity ELSE l.pushed_quantity END,
    shown_is_sure = l.shown_is_sure AND (r.outcome = 'DONE' OR r.outcome <> 'UNKNOWN' AND r.was_sure),
    pushed_price = CASE WHEN r.outcome = 'DONE' THEN coalesce(r.price, l.pushed_price) ELSE l.pushed_price END,
    last_synced_at = CASE r.outcome WHEN 'DONE' THEN clock_timestamp() ELSE l.last_synced_at END,
    external_ids = l.external_ids || CAST(r.external_ids AS jsonb),
    external_id = CASE WHEN EXISTS (
        SELECT FROM sync.listing o WHERE o.channel_id = l.channel_id AND o.id <> l.id
          AND o.external_id = CAST(r.external_ids AS jsonb) ->> 'listing_id') THEN l.external_id
      ELSE coalesce(CAST(r.external_ids AS jsonb) ->> 'listing_id', l.external_id) END
  FROM result r WHERE l.id = r.id AND l.lease = CAST(:lease AS uuid)
  RETURNING l.id, extract(epoch FROM l.next_attempt_at - clock_timestamp())::float8 AS due_in_s),
run AS (
  INSERT INTO sync.channel_run (channel_id, kind, started_at, duration_ms, item_count, failed_count, message)
  SELECT CAST(:channel_id AS bigint), 'PUSH', CAST(:started_at AS timestamptz), CAST(:duration_ms AS integer),
    count(*) FILTER (WHERE sent), count(*) FILTER (WHERE outcome NOT IN ('DONE', 'POSTPONED')),
    coalesce(min(message) FILTER (WHERE outcome NOT IN ('DONE', 'POSTPONED')), '')
  FROM result HAVING bool_or(sent) RETURNING id),
tries AS (
  INSERT INTO sync.listing_attempt (listing_id, run_id, generation, quantity, price, currency, outcome, message, code,
    started_at, duration_ms, late)
  SELECT r.id, run.id, r.generation, r.quantity, r.price, r.currency, r.outcome, r.message, r.code,
    CAST(:started_at AS timestamptz), CAST(:duration_ms AS integer), NOT EXISTS (SELECT FROM recorded WHERE recorded.id = r.id)
  FROM result r, run WHERE r.sent)
SELECT id, due_in_s FROM recorded
""")
)

_REQUEUE = Statement(
    text("""
UPDATE sync.listing SET desired_generation = desired_generation + 1, shown_is_sure = false,
  next_attempt_at = least(coalesce(next_attempt_at, clock_timestamp()), clock_timestamp())
WHERE id = ANY(CAST(:ids AS bigint[]))
""")
)

# What a former push left unknown stays so: a lease that has no end says it to whoever takes the listing next.
_GIVE_BACK = Statement(
    text("""
UPDATE sync.listing SET lease_owner = '', lease_until = NULL,
  lease = CASE WHEN id = ANY(CAST(:in_doubt AS bigint[])) THEN lease END,
  shown_is_sure = shown_is_sure AND id <> ALL(CAST(:unsure AS bigint[])),
  next_attempt_at = greatest(next_attempt_at, clock_timestamp() + CAST(:wait_s AS double precision) * interval '1 second')
WHERE lease = CAST(:lease AS uuid)
""")
)


@dataclass(frozen=True, slots=True)
class Lease:
    """Listings one worker holds until `until` (process time), with the rules that held when it took them."""

    token: UUID
    channel_id: int
    listings: Sequence[LeasedListing]
    state: ChannelState
    rules: Rules


@dataclass(frozen=True, slots=True)
class Recorded:
    """The end of one listing of a lease, as it is to be recorded. `sent` is false when nothing had to be sent."""

    listing_id: int
    generation: int
    outcome: str
    quantity: int | None
    price: Decimal | None
    currency: str
    message: str = ""
    code: str = ""
    external_ids: str = "{}"
    wait_s: float = 0.0
    sent: bool = True


@dataclass(frozen=True, slots=True)
class Timing:
    """When an exchange with a platform began, and how long it took."""

    started_at: datetime
    duration_ms: int


class Leases:
    """Takes, records and gives back."""

    def __init__(self, db: Database, *, owner: str, lease_s: float, gap_s: float) -> None:
        self._db = db
        self._owner = owner
        self._lease_s = lease_s
        self._gap_s = gap_s

    async def take(self, channel_id: int, token: UUID, most: int, *, only_urgent: bool = False) -> Lease | None:
        """Take due listings of a channel, the most urgent first (only those whose stock fell, when told so); None for none."""
        rows = await self._db.fetch(
            _TAKE,
            channel_id=channel_id,
            most=most,
            lease=token,
            owner=self._owner,
            lease_s=self._lease_s,
            only_urgent=only_urgent,
        )
        if not rows:
            return None
        first = rows[0]
        rules = Rules(
            buffer_units=first["buffer_units"],
            cap_units=first["cap_units"],
            price_factor=first["price_factor"],
            zero_when_paused=first["zero_when_paused"],
            price_rounding=Rounding(first["price_rounding"]),
            price_floor=first["price_floor"],
        )
        return Lease(token, channel_id, [leased(row) for row in rows], ChannelState(first["state"]), rules)

    async def record(self, lease: Lease, ends: Sequence[Recorded], timing: Timing) -> dict[int, float | None]:
        """Record the ends of listings still held, and an attempt for each that was sent.

        Answers the listings recorded and in how many seconds each is due again. Those missing were lost to another worker:
        their end is kept as a late attempt, and they are queued again, because what was sent may have landed last.
        """
        unsure = _unsure(lease)
        rows = await self._record(
            lease=lease.token,
            channel_id=lease.channel_id,
            gap_s=self._gap_s,
            started_at=timing.started_at,
            duration_ms=timing.duration_ms,
            were_sure=[end.listing_id not in unsure for end in ends],
            **_columns(ends),
        )
        recorded = {row["id"]: row["due_in_s"] for row in rows}
        lost = [end.listing_id for end in ends if end.sent and end.listing_id not in recorded]
        if lost:
            await self._db.execute(_REQUEUE, ids=lost)
        return recorded

    async def _record(self, **values: Any) -> Sequence[Any]:
        """What was sent is sent: a change that was in the way, as of all listings of a channel, is waited for."""
        for _ in range(_RECORD_TRIES - 1):
            try:
                return await self._db.fetch(_RECORD, **values)
            except Aborted:
                await asyncio.sleep(_RECORD_PAUSE_S)
        return await self._db.fetch(_RECORD, **values)

    async def give_back(self, lease: Lease, wait_s: float) -> None:
        """End a lease of which nothing was sent; the listings are due again after `wait_s`."""
        in_doubt = [listing.id for listing in lease.listings if listing.was_left_unknown]
        unsure = sorted(_unsure(lease))
        await self._db.execute(_GIVE_BACK, lease=lease.token, wait_s=wait_s, unsure=unsure, in_doubt=in_doubt)


def _unsure(lease: Lease) -> set[int]:
    """The listings of a lease whose last recorded quantity and price may not be what the platform shows."""
    return {listing.id for listing in lease.listings if listing.was_left_unknown or not listing.shown_is_sure}


def _columns(ends: Sequence[Recorded]) -> dict[str, list[object]]:
    return {
        "ids": [end.listing_id for end in ends],
        "generations": [end.generation for end in ends],
        "outcomes": [end.outcome for end in ends],
        "messages": [end.message for end in ends],
        "codes": [end.code for end in ends],
        "quantities": [end.quantity for end in ends],
        "prices": [end.price for end in ends],
        "currencies": [end.currency for end in ends],
        "external_ids": [end.external_ids for end in ends],
        "waits": [end.wait_s for end in ends],
        "sent": [end.sent for end in ends],
    }


def leased(row: object) -> LeasedListing:
    """A listing from a record that has its columns."""
    values = {name: row[name] for name in LeasedListing.__dataclass_fields__}  # type: ignore[index]  # an asyncpg.Record
    values["external_ids"] = json.loads(values["external_ids"])
    values["metadata"] = json.loads(values["metadata"])
    values["intent"] = ListingIntent(values["intent"])
    values["overrides"] = Overrides.from_json(json.loads(values["overrides"]))
    return LeasedListing(**values)
