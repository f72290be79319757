"""What must be true of stock at every moment, read from the database by an administrator."""

from __future__ import annotations

import itertools

import asyncpg

from inventory_svc.domain.ledger import chain_breaks
from inventory_svc.storage.ledger_rows import MOVEMENT_COLUMNS, MOVEMENT_SOURCE, to_movement

# Told levels without counted ones, and the other way round; levels of 0 are no matter.
_WRONG_LEVELS = """
WITH told AS (
  SELECT variant_id, status, sum(units) AS units FROM (
    SELECT variant_id, status, units FROM inventory.stock_level
    UNION ALL SELECT variant_id, status, units FROM inventory.stock_level_change
    UNION ALL SELECT 0, status, units FROM inventory.stock_level_change) AS every
  GROUP BY variant_id, status HAVING sum(units) <> 0
), counted AS (
  SELECT variant_id, status, count(*) AS units FROM inventory.item WHERE deleted_at IS NULL GROUP BY variant_id, status
  UNION ALL SELECT 0, status, count(*) FROM inventory.item WHERE deleted_at IS NULL GROUP BY status
)
(SELECT * FROM told EXCEPT SELECT * FROM counted) UNION ALL (SELECT * FROM counted EXCEPT SELECT * FROM told)
"""

_WRONG_PLACES = """
WITH told AS (
  SELECT location, status, sum(units) AS units FROM (
    SELECT location, status, units FROM inventory.location_level
    UNION ALL SELECT location, status, units FROM inventory.stock_level_change) AS every
  GROUP BY location, status HAVING sum(units) <> 0
), counted AS (
  SELECT location, status, count(*) AS units FROM inventory.item WHERE deleted_at IS NULL GROUP BY location, status
)
(SELECT * FROM told EXCEPT SELECT * FROM counted) UNION ALL (SELECT * FROM counted EXCEPT SELECT * FROM told)
"""

_HEADS = "SELECT item_id, movement_id, hash FROM inventory.ledger_head"

# The same as far as the database can tell it by itself, in one look: what is wrong, by kind.
_FAULTS = f"""
WITH ledger AS (
  SELECT movement.*, lag(hash) OVER rows AS hash_before, lag(after_status) OVER rows AS status_before,
    lead(sequence) OVER rows AS next_sequence, row_number() OVER rows AS place
  FROM inventory.movement WINDOW rows AS (PARTITION BY item_id ORDER BY sequence)
),
last AS (SELECT * FROM ledger WHERE next_sequence IS NULL),
live AS (SELECT item_id, min(id) AS id, count(*) AS holds FROM inventory.reservation WHERE closed_at IS NULL GROUP BY item_id)
SELECT 'a chain is broken' AS fault, item_id FROM ledger
  WHERE sequence <> place OR (place > 1 AND (previous_hash <> hash_before OR before_status <> status_before))
UNION ALL SELECT 'a unit and its ledger differ', coalesce(item.id, last.item_id)
  FROM inventory.item FULL JOIN last ON last.item_id = item.id
  WHERE (item.version, item.status, item.location, item.variant_id, item.updated_at) IS DISTINCT FROM
    (last.sequence, last.after_status, last.after_location, last.variant_id, last.created_at)
UNION ALL SELECT 'a unit''s last row and its seal differ', coalesce(last.item_id, head.item_id)
  FROM last FULL JOIN inventory.ledger_head AS head ON head.item_id = last.item_id
  WHERE (last.id, last.hash) IS DISTINCT FROM (head.movement_id, head.hash)
UNION ALL SELECT 'a unit is held twice', item_id FROM live WHERE holds > 1
UNION ALL SELECT 'a unit and its hold differ', coalesce(item.id, live.item_id)
  FROM inventory.item FULL JOIN live ON live.item_id = item.id WHERE item.reservation_id IS DISTINCT FROM live.id
UNION ALL SELECT 'the feed and the ledger differ', 0
  WHERE (SELECT count(*) FROM inventory.outbox) <> (SELECT count(*) FROM inventory.movement)
UNION ALL SELECT 'levels and units differ', variant_id FROM ({_WRONG_LEVELS}) AS wrong
UNION ALL SELECT 'levels of locations and units differ', 0 FROM ({_WRONG_PLACES}) AS wrong
"""


async def faults(connection: asyncpg.Connection) -> list[tuple[str, int]]:
    """What is wrong, and with which unit; an empty list when nothing is. One statement, for tests that look often."""
    return [(row["fault"], row["item_id"]) for row in await connection.fetch(_FAULTS)]


async def check_invariants(admin_url: str) -> None:
    """Ledger, present state, holds, counts and feed agree, and every chain is whole, all at one moment."""
    connection = await asyncpg.connect(admin_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await check_invariants_on(connection)
    finally:
        await connection.close()


async def check_invariants_on(connection: asyncpg.Connection) -> None:
    """The same on a connection that is there already."""
    units = await connection.fetch("SELECT * FROM inventory.item ORDER BY id")
    query = f"SELECT {MOVEMENT_COLUMNS} FROM {MOVEMENT_SOURCE} ORDER BY movement.item_id, movement.sequence"
    ledger = [to_movement(row) for row in await connection.fetch(query)]
    by_unit = {key: list(rows) for key, rows in itertools.groupby(ledger, key=lambda row: row.item_id)}
    heads = {row["item_id"]: (row["movement_id"], row["hash"]) for row in await connection.fetch(_HEADS)}
    assert heads == {key: (rows[-1].id, rows[-1].hash) for key, rows in by_unit.items()}
    assert len(by_unit) == len(units)
    for unit in units:
        rows = by_unit[unit["id"]]
        assert chain_breaks(rows) == []
        last = rows[-1]
        told = (last.sequence, last.after_status, last.after_location, last.created_at)
        assert told == (unit["version"], unit["status"], unit["location"], unit["updated_at"])
    live = await connection.fetch("SELECT item_id, id FROM inventory.reservation WHERE closed_at IS NULL")
    held = {unit["id"]: unit["reservation_id"] for unit in units if unit["status"] == "RESERVED"}
    assert len(live) == len(held)
    assert {row["item_id"]: row["id"] for row in live} == held
    assert await connection.fetchval("SELECT count(*) FROM inventory.outbox") == len(ledger)
    assert await connection.fetch(_WRONG_LEVELS) == []
    assert await connection.fetch(_WRONG_PLACES) == []
