"""An order as its platform shows it, and what became of it: one statement each, however many lines there are.

A buyer's order is on the way of every sale to the other channels, so what it costs in round trips every channel waits for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from chassis.database import Database, Statement
from chassis.errors import Aborted
from sync_svc.channels.base import ChannelOrder, OrderLine
from sync_svc.domain.channel import Platform
from sync_svc.domain.order import Line, Order, OrderReason, OrderStatus
from sync_svc.storage.deliveries import OrderTask

_TRIES = 3
_ID_CHARS, _TITLE_CHARS, _STATUS_CHARS, _MESSAGE_CHARS = 100, 500, 100, 1000

# What a person has said that the goods are stays, as long as the platform says the same. Of what has left, nothing changes.
_NONE_LEFT = "greatest(l.shipped_quantity, l.shipped_there, excluded.shipped_there) = 0"
_OTHER_GOODS = f"""({_NONE_LEFT} AND l.sku <> '' AND excluded.sku <> l.sku
      AND excluded.platform_sku NOT IN ('', l.platform_sku))"""
# A line begins anew when it means other goods than before, or comes back after it was cancelled.
_ANEW = f"({_OTHER_GOODS} OR ({_NONE_LEFT} AND l.cancelled AND NOT excluded.cancelled))"
# The newest state wins, in whatever order the reads of it arrive; a cancellation is not taken back by an older read. The order
# is locked before its lines, as everybody locks them, and of every line the newest version counts: a parcel recorded while this
# waited for the order has left the house. A line that the platform tells no more, but for others, was taken out of the order;
# all lines of a cancelled order are cancelled. Their SKUs may be known by now, a price may be told that was not before.
# An older state that the platform insists on is taken from whoever holds the order's lease, as nobody has read it later.
_SEE = Statement(
    text(f"""
WITH before AS (
  SELECT l.platform_sku FROM sync.channel_order o JOIN sync.order_line l ON l.order_id = o.id
  WHERE o.channel_id = CAST(:channel_id AS bigint) AND o.external_order_id = CAST(:external_order_id AS text)),
seen AS (
  INSERT INTO sync.channel_order AS o
    (channel_id, external_order_id, paid, platform_status, cancelled, placed_at, modified_at)
  VALUES (CAST(:channel_id AS bigint), CAST(:external_order_id AS text), CAST(:paid AS boolean), CAST(:platform_status AS text),
    CAST(:is_cancelled AS boolean), CAST(:placed_at AS timestamptz), CAST(:modified_at AS timestamptz))
  ON CONFLICT (channel_id, external_order_id) DO UPDATE SET paid = excluded.paid, platform_status = excluded.platform_status,
    cancelled = excluded.cancelled, modified_at = excluded.modified_at
  WHERE o.modified_at <= excluded.modified_at OR EXISTS (SELECT FROM sync.order_task t WHERE t.channel_id = o.channel_id
    AND t.external_order_id = o.external_order_id AND t.lease = CAST(:insisting AS uuid) AND t.lease_until > clock_timestamp())
  RETURNING o.*),
told AS (
  SELECT * FROM unnest(CAST(:positions AS integer[]), CAST(:line_ids AS text[]), CAST(:platform_skus AS text[]),
    CAST(:titles AS text[]), CAST(:quantities AS integer[]), CAST(:prices AS numeric[]), CAST(:currencies AS text[]),
    CAST(:cancelled AS boolean[]), CAST(:shipped_there AS integer[]))
  AS t(position, line_id, platform_sku, title, quantity, unit_price, currency, cancelled, shipped_there)),
put AS (
  INSERT INTO sync.order_line AS l (order_id, position, line_id, platform_sku, title, quantity, unit_price, currency, cancelled,
    shipped_there, variant_id, sku)
  SELECT seen.id, t.position, t.line_id, t.platform_sku, t.title, t.quantity, t.unit_price, t.currency,
    t.cancelled OR seen.cancelled, t.shipped_there, coalesce(i.variant_id, 0), coalesce(i.sku, '')
  FROM seen CROSS JOIN told t LEFT JOIN sync.listing i ON i.channel_id = seen.channel_id AND i.platform_sku = t.platform_sku
  ORDER BY t.position
  ON CONFLICT (order_id, line_id) DO UPDATE SET quantity = excluded.quantity, cancelled = excluded.cancelled,
    title = excluded.title, shipped_there = excluded.shipped_there,
    unit_price = coalesce(excluded.unit_price, l.unit_price),
    currency = CASE WHEN excluded.unit_price IS NULL THEN l.currency ELSE excluded.currency END,
    revision = l.revision + {_ANEW}::int, applied = l.applied AND NOT {_ANEW},
    platform_sku = CASE WHEN excluded.platform_sku <> '' AND (l.sku IN ('', excluded.sku) OR {_OTHER_GOODS})
      THEN excluded.platform_sku ELSE l.platform_sku END,
    variant_id = CASE WHEN l.sku = '' OR {_OTHER_GOODS} THEN excluded.variant_id ELSE l.variant_id END,
    sku = CASE WHEN l.sku = '' OR {_OTHER_GOODS} THEN excluded.sku ELSE l.sku END
  RETURNING l.*),
untold AS (
  UPDATE sync.order_line l
  SET cancelled = l.cancelled OR seen.cancelled OR cardinality(CAST(:line_ids AS text[])) > 0
  FROM seen WHERE l.order_id = seen.id AND l.line_id <> ALL(CAST(:line_ids AS text[])) RETURNING l.*),
line AS (
  SELECT position, line_id, platform_sku, title, quantity, unit_price, currency, variant_id, sku, applied, cancelled,
    reason, message, shipped_quantity, shipped_there, revision FROM put
  UNION ALL
  SELECT l.position, l.line_id, l.platform_sku, l.title, l.quantity, l.unit_price, l.currency,
    CASE l.sku WHEN '' THEN coalesce(i.variant_id, 0) ELSE l.variant_id END,
    CASE l.sku WHEN '' THEN coalesce(i.sku, '') ELSE l.sku END, l.applied, l.cancelled,
    l.reason, l.message, l.shipped_quantity, l.shipped_there, l.revision
  FROM seen CROSS JOIN untold l
  LEFT JOIN sync.listing i ON i.channel_id = seen.channel_id AND i.platform_sku = l.platform_sku),
-- The platform has changed these quantities itself, by the sale: the next push is sent even if the number is the same.
forgotten AS (
  UPDATE sync.listing i SET shown_is_sure = false FROM seen
  WHERE i.channel_id = seen.channel_id
    AND i.platform_sku IN (SELECT platform_sku FROM line UNION SELECT platform_sku FROM before)),
-- Orders of one channel come in side by side and must not wait for each other at its row; whoever finds it locked leaves the
-- time to the one who has it, and the next poll puts it right.
touched AS (
  UPDATE sync.channel SET last_order_at = CAST(:placed_at AS timestamptz) WHERE id = (
    SELECT c.id FROM sync.channel c JOIN seen ON c.id = seen.channel_id
    WHERE c.last_order_at IS NULL OR c.last_order_at < CAST(:placed_at AS timestamptz) FOR NO KEY UPDATE OF c SKIP LOCKED))
SELECT seen.*, c.platform, c.account,
  (SELECT coalesce(json_agg(line ORDER BY line.position), '[]') FROM line)::text AS lines
FROM seen JOIN sync.channel c ON c.id = seen.channel_id
""")
)
# Nothing of it happens once the lease is gone. A task about which more was said meanwhile is queued again. What was cancelled the
# platform has put back on its shelf by itself, also where a push had set the shelf right before: so it is told the truth once
# more, even if no unit has moved here.
_RECORD = Statement(
    text("""
WITH held AS (
  SELECT FROM sync.order_task
  WHERE channel_id = CAST(:channel_id AS bigint) AND external_order_id = CAST(:external_order_id AS text)
    AND lease = CAST(:lease AS uuid) AND lease_until > clock_timestamp()),
recorded AS (
  UPDATE sync.channel_order SET status = CAST(:status AS text), reason = CAST(:reason AS text),
    message = CAST(:message AS text), updated_at = clock_timestamp()
  WHERE id = CAST(:order_id AS bigint) AND EXISTS (SELECT FROM held) RETURNING id),
lines AS (
  UPDATE sync.order_line l SET applied = r.applied, reason = r.reason, message = r.message, variant_id = r.variant_id, sku = r.sku
  FROM recorded, unnest(CAST(:line_ids AS text[]), CAST(:applied AS boolean[]), CAST(:reasons AS text[]),
    CAST(:messages AS text[]), CAST(:variant_ids AS bigint[]), CAST(:skus AS text[]))
    AS r(line_id, applied, reason, message, variant_id, sku)
  WHERE l.order_id = recorded.id AND l.line_id = r.line_id),
finished AS (
  DELETE FROM sync.order_task t USING recorded
  WHERE t.channel_id = CAST(:channel_id AS bigint) AND t.external_order_id = CAST(:external_order_id AS text)
    AND t.lease = CAST(:lease AS uuid) AND t.generation = CAST(:generation AS bigint) RETURNING t.generation),
gone_on AS (
  UPDATE sync.order_task t SET lease = NULL, lease_until = NULL, attempts = 0, next_attempt_at = clock_timestamp()
  FROM recorded
  WHERE t.channel_id = CAST(:channel_id AS bigint) AND t.external_order_id = CAST(:external_order_id AS text)
    AND t.lease = CAST(:lease AS uuid) AND NOT EXISTS (SELECT FROM finished)),
raised AS (
  UPDATE sync.listing i SET desired_generation = i.desired_generation + 1, shown_is_sure = false, urgency = 0,
    next_attempt_at = CASE WHEN i.error_class IS NULL THEN clock_timestamp() ELSE i.next_attempt_at END
  FROM recorded WHERE i.channel_id = CAST(:channel_id AS bigint) AND i.platform_sku = ANY(CAST(:undone AS text[]))
    AND i.deleted_at IS NULL AND i.intent <> 'ENDED' AND i.error_class IS DISTINCT FROM 'PERMANENT')
SELECT count(*) FROM recorded
""")
)


async def store_seen(
    db: Database, channel_id: int, seen: ChannelOrder, *, insisting: OrderTask | None = None
) -> Order | None:
    """Store an order as its platform shows it, with the variants its SKUs stand for; None when a newer state is stored.

    With `insisting`, a task whose lease still holds, an older state replaces a newer one too. Safe to repeat. Its shipments are
    not told.
    """
    # A platform that tells a line twice means the later one.
    lines = {line.line_id[:_ID_CHARS]: line for line in seen.lines}
    values = {
        "channel_id": channel_id,
        "external_order_id": seen.external_order_id,
        "paid": seen.paid,
        "platform_status": seen.platform_status[:_STATUS_CHARS],
        "is_cancelled": seen.cancelled,
        "placed_at": seen.placed_at,
        "modified_at": seen.modified_at,
        "insisting": insisting.lease if insisting else None,
        **_line_columns(lines),
    }
    rows = await _patiently(db, _SEE, values)
    return _as_order(rows[0]) if rows else None


async def record_outcome(
    db: Database,
    task: OrderTask,
    order: Order,
    lines: Sequence[Line],
    outcome: tuple[OrderStatus, OrderReason | None, str],
) -> bool:
    """Record what became of an order and its lines, which ends its task; False, and nothing, when the lease is gone."""
    status, reason, message = outcome
    values = {
        "channel_id": task.channel_id,
        "external_order_id": task.external_order_id,
        "lease": task.lease,
        "generation": task.generation,
        "order_id": order.id,
        "status": status.value,
        "reason": reason.value if reason else None,
        "message": message[:_MESSAGE_CHARS],
        "line_ids": [line.line_id for line in lines],
        "applied": [line.applied for line in lines],
        "reasons": [line.reason.value if line.reason else None for line in lines],
        "messages": [line.message[:_MESSAGE_CHARS] for line in lines],
        "variant_ids": [line.variant_id for line in lines],
        "skus": [line.sku for line in lines],
        "undone": [
            line.platform_sku for line in lines if line.cancelled or status is OrderStatus.CANCELLED or line.keeps_more
        ],
    }
    (row,) = await _patiently(db, _RECORD, values)
    return bool(row["count"])


async def _patiently(db: Database, statement: Statement, values: Mapping[str, Any]) -> Sequence[Any]:
    """Tried again where another transaction was in the way."""
    for _ in range(_TRIES - 1):
        try:
            return await db.fetch(statement, **values)
        except Aborted:
            continue
    return await db.fetch(statement, **values)


def _line_columns(lines: Mapping[str, OrderLine]) -> dict[str, list[object]]:
    told = list(lines.values())
    return {
        "positions": list(range(len(told))),
        "line_ids": list(lines),
        "platform_skus": [line.platform_sku[:_ID_CHARS] for line in told],
        "titles": [line.title[:_TITLE_CHARS] for line in told],
        "quantities": [line.quantity for line in told],
        "prices": [line.unit_price for line in told],
        "currencies": [line.currency for line in told],
        "cancelled": [line.cancelled for line in told],
        "shipped_there": [line.shipped_quantity for line in told],
    }


def _as_order(row: Any) -> Order:
    return Order(
        id=row["id"],
        channel_id=row["channel_id"],
        platform=Platform(row["platform"]),
        account=row["account"],
        external_order_id=row["external_order_id"],
        status=OrderStatus(row["status"]),
        paid=row["paid"],
        platform_status=row["platform_status"],
        cancelled=row["cancelled"],
        lines=[_as_line(line) for line in json.loads(row["lines"], parse_float=Decimal)],
        placed_at=row["placed_at"],
        modified_at=row["modified_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        reason=OrderReason(row["reason"]) if row["reason"] else None,
        message=row["message"],
    )


def _as_line(told: Mapping[str, Any]) -> Line:
    fields = {name: value for name, value in told.items() if name != "position"}
    fields["reason"] = OrderReason(told["reason"]) if told["reason"] else None
    fields["unit_price"] = None if told["unit_price"] is None else Decimal(told["unit_price"])
    return Line(**fields)
