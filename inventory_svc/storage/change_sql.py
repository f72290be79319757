"""The one shape of every change of units: a single statement that locks, guards, changes, closes or opens holds, writes the
ledger and announces the change.

Rows are locked in the order of their ids, so that two batches never wait for each other in a circle. The guard is judged on
the locked row, not on what an earlier read saw. The hold is joined, so that a unit whose hold began after this statement did
counts as out of reach (it is tried again) instead of being changed with its hold left open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.domain.item import RULES, Action, Status
from inventory_svc.storage.item_rows import ITEM_COLUMNS
from inventory_svc.storage.scope import UNIT_INSIDE

CAUSE_COLUMNS = {
    "actor_id": "text",
    "actor_name": "text",
    "actor_role": "text",
    "reason": "text",
    "order_reference": "text",
    "request_id": "text",
}

# What the change feed tells of a ledger row, as a JSON array; queries/watch.py reads it.
FEED_PAYLOAD = """
  convert_to(json_build_array(
    item_id, variant_id, before_status, after_status, action, id, after_location, order_reference,
    (extract(epoch from created_at) * 1000000)::bigint, pg_current_xact_id()::text::bigint)::text, 'UTF8')
"""
ANNOUNCE = (
    f"INSERT INTO inventory.outbox (kind, key, payload) SELECT 'stock', item_id::text, {FEED_PAYLOAD} FROM ledger"
)

_OPEN = """
opened AS (
  INSERT INTO inventory.reservation
    (id, item_id, order_reference, allocation_line_id, holder_id, holder_name, created_at, expires_at)
  SELECT changed.reservation_id, changed.id, asked.order_reference, asked.line_id, asked.actor_id, asked.actor_name,
    changed.updated_at, changed.reserved_until
  FROM changed JOIN asked ON asked.item_id = changed.id RETURNING *
),"""

# A unit sold to an order line without having been held: the line still has to find it.
_RECORD_SALE = """
recorded AS (
  INSERT INTO inventory.reservation (item_id, order_reference, allocation_line_id, holder_id, holder_name, created_at,
    expires_at, closed_at, outcome)
  SELECT changed.id, changed.order_reference, asked.line_id, asked.actor_id, asked.actor_name, changed.updated_at,
    changed.updated_at, changed.updated_at, 'SOLD'
  FROM changed JOIN asked ON asked.item_id = changed.id
  WHERE asked.line_id IS NOT NULL AND changed.before_reservation_id IS NULL
),"""


_EXTEND = """
extended AS (
  UPDATE inventory.reservation SET expires_at = changed.reserved_until
  FROM changed WHERE reservation.id = changed.before_reservation_id RETURNING reservation.*
),"""


def _close(outcome: str) -> str:
    return f"""
closed AS (
  UPDATE inventory.reservation SET closed_at = greatest(changed.updated_at, reservation.created_at), outcome = '{outcome}'
  FROM changed WHERE reservation.id = changed.before_reservation_id
),"""


# Where a statement for bound callers asks for more.
_INSIDE = "/* inside */"


@dataclass(frozen=True, slots=True)
class Change:
    """An action on units: for everybody, and for callers whose units have to lie in their `warehouses`."""

    free: Statement
    bound: Statement


def _columns(extra: Mapping[str, str]) -> tuple[str, str]:
    columns = {"item_id": "bigint", **CAUSE_COLUMNS, **extra}
    arrays = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in columns.items())
    return arrays, ", ".join(columns)


def _statuses(statuses: Sequence[Status]) -> str:
    return ", ".join(f"'{status.value}'" for status in sorted(statuses))


def _ledger(action: Action, changes: str) -> str:
    return f"""
ledger AS (
  INSERT INTO inventory.movement (item_id, sequence, action, variant_id, before_status, after_status, before_location,
    after_location, unit_cost, cost_currency, sale_price, sale_currency, actor_id, actor_name, actor_role, reason,
    order_reference, request_id, changes, created_at)
  SELECT changed.id, changed.version, '{action.value}', changed.variant_id, changed.before_status, changed.status,
    changed.before_location, changed.location, changed.unit_cost, changed.cost_currency, changed.sale_price,
    changed.sale_currency, asked.actor_id, asked.actor_name, asked.actor_role, asked.reason,
    coalesce(nullif(asked.order_reference, ''), changed.held_for), asked.request_id, {changes}, changed.updated_at
  FROM changed JOIN asked ON asked.item_id = changed.id
  RETURNING *
),"""


def _answer(holds: str) -> str:
    return f"""
SELECT {ITEM_COLUMNS}
FROM changed AS item
JOIN inventory.known_variant AS known ON known.variant_id = item.variant_id
LEFT JOIN {holds} AS hold
  ON hold.id = item.reservation_id AND item.reserved_until > now()
ORDER BY item.id"""


def change(
    action: Action,
    sets: str,
    *,
    extra: Mapping[str, str] | None = None,
    guard: str = "TRUE",
    opens: bool = False,
    extends: bool = False,
    closes: str = "",
    changes: str = "''",
    waits: bool = True,
    before: Sequence[str] = (),
) -> Change:
    """The statements of an action on the units of the arrays `item_id`, causes and `extra`; answers the units it changed.

    `sets` are assignments of the unit's columns; `guard` is an additional condition. Both may use `item`, `asked` and `hold`.
    Without `waits` a unit that another transaction has locked is left out. `changes` may use `changed.before_<column>` of the
    columns in `before`.
    """
    arrays, names = _columns(extra or {})
    old = "".join(f", item.{name} AS before_{name}" for name in before)
    told = "".join(f", locked.before_{name}" for name in before)
    holds = (
        (_OPEN if opens else "")
        + (_EXTEND if extends else "")
        + (_close(closes) if closes else "")
        + (_RECORD_SALE if closes == "SOLD" else "")
    )
    sql = f"""
WITH asked AS (
  SELECT * FROM unnest({arrays}) AS asked ({names})
),
locked AS (
  SELECT item.id, item.status, item.location, item.reservation_id,
    CASE item.status WHEN 'SOLD' THEN item.order_reference ELSE coalesce(hold.order_reference, '') END AS held_for{old}
  FROM inventory.item AS item
  JOIN asked ON asked.item_id = item.id
  LEFT JOIN inventory.reservation AS hold ON hold.id = item.reservation_id AND hold.closed_at IS NULL
  WHERE item.deleted_at IS NULL AND item.status IN ({_statuses(list(RULES[action].before))})
    AND (item.status <> 'RESERVED' OR hold.id IS NOT NULL) AND ({guard}) {_INSIDE}
  ORDER BY item.id FOR NO KEY UPDATE OF item{"" if waits else " SKIP LOCKED"}
),
changed AS (
  UPDATE inventory.item AS item SET {sets}, version = item.version + 1, updated_at = clock_timestamp()
  FROM locked JOIN asked ON asked.item_id = locked.id
  WHERE item.id = locked.id
  RETURNING item.*, locked.status AS before_status, locked.location AS before_location,
    locked.reservation_id AS before_reservation_id, locked.held_for{told}
),{holds}
{_ledger(action, changes)}
announced AS ({ANNOUNCE})
{_answer("opened" if opens else "extended" if extends else "inventory.reservation")}
"""
    return Change(
        free=Statement(text(sql.replace(_INSIDE, ""))),
        bound=Statement(text(sql.replace(_INSIDE, f"AND {UNIT_INSIDE}"))),
    )
