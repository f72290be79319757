"""How many units of a variant, and at a location, are in each status, as the triggers on units keep it.

A level is what `stock_level` or `location_level` says and all of `stock_level_change` that is not folded into it yet. The changes
belong to the transaction that changed the units, so every snapshot has levels that agree with its units.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.storage.session import Session

# The levels of all variants together are kept as those of this one, by the folding.
ALL_VARIANTS = 0
# Rows of (status, units), to be added up; whoever uses it gives the variant by `{variant}`.
LEVELS = """
  SELECT status, units FROM inventory.stock_level WHERE variant_id = {variant}
  UNION ALL SELECT status, units FROM inventory.stock_level_change WHERE variant_id = {variant}
"""
LEVELS_OF_ALL = f"""
  SELECT status, units FROM inventory.stock_level WHERE variant_id = {ALL_VARIANTS}
  UNION ALL SELECT status, units FROM inventory.stock_level_change
"""
# The same at locations; whoever uses it gives a condition on `location` by `{where}`.
LEVELS_AT = """
  SELECT status, units FROM inventory.location_level WHERE {where}
  UNION ALL SELECT status, units FROM inventory.stock_level_change WHERE {where}
"""
# One level is one row, so two processes that fold the same one wait for each other, in the order of the key.
_FOLD = Statement(
    text(f"""
    WITH due AS (
      SELECT id FROM inventory.stock_level_change ORDER BY id LIMIT CAST(:most AS integer) FOR UPDATE SKIP LOCKED
    ),
    gone AS (
      DELETE FROM inventory.stock_level_change AS change USING due WHERE change.id = due.id
      RETURNING change.variant_id, change.status, change.units
    ),
    folded AS (
      INSERT INTO inventory.stock_level AS level (variant_id, status, units)
      SELECT coalesce(variant_id, {ALL_VARIANTS}) AS variant, status, sum(units) FROM gone
      GROUP BY GROUPING SETS ((variant_id, status), (status)) ORDER BY variant, status
      ON CONFLICT (variant_id, status) DO UPDATE SET units = level.units + excluded.units
    )
    SELECT count(*) AS changes FROM gone
    """)
)
_WRONG = Statement(
    text(f"""
    SELECT coalesce(known.sku, CASE variant_id WHEN {ALL_VARIANTS} THEN 'all variants' ELSE variant_id::text END) AS what, status,
      coalesce(counted.units, 0) AS counted, coalesce(told.units, 0) AS told
    FROM (
      SELECT coalesce(variant_id, {ALL_VARIANTS}) AS variant_id, status, count(*) AS units FROM inventory.item
      WHERE deleted_at IS NULL GROUP BY GROUPING SETS ((variant_id, status), (status))
    ) AS counted
    FULL JOIN (
      SELECT variant_id, status, sum(units) AS units FROM (
        SELECT variant_id, status, units FROM inventory.stock_level
        UNION ALL SELECT variant_id, status, units FROM inventory.stock_level_change
        UNION ALL SELECT {ALL_VARIANTS}, status, units FROM inventory.stock_level_change
      ) AS every GROUP BY variant_id, status
    ) AS told USING (variant_id, status)
    LEFT JOIN inventory.known_variant AS known USING (variant_id)
    WHERE coalesce(counted.units, 0) <> coalesce(told.units, 0)
    ORDER BY variant_id, status LIMIT CAST(:most AS integer)
    """)
)
_WRONG_AT = Statement(
    text("""
    SELECT 'location ' || location AS what, status, coalesce(counted.units, 0) AS counted, coalesce(told.units, 0) AS told
    FROM (
      SELECT location, status, count(*) AS units FROM inventory.item WHERE deleted_at IS NULL GROUP BY location, status
    ) AS counted
    FULL JOIN (
      SELECT location, status, sum(units) AS units FROM (
        SELECT location, status, units FROM inventory.location_level
        UNION ALL SELECT location, status, units FROM inventory.stock_level_change WHERE location IS NOT NULL
      ) AS every GROUP BY location, status
    ) AS told USING (location, status)
    WHERE coalesce(counted.units, 0) <> coalesce(told.units, 0)
    ORDER BY location, status LIMIT CAST(:most AS integer)
    """)
)


@dataclass(frozen=True, slots=True)
class WrongLevel:
    """A level that is not what counting gives. `what` is a SKU, the id of a variant that has none, or a location."""

    what: str
    status: str
    counted: int
    told: int


async def fold(session: Session, most: int) -> int:
    """Folds up to so many of the oldest changes into the levels and answers how many. Safe to repeat, and on several replicas."""
    return int((await session.rows(_FOLD, most=most))[0]["changes"])


async def list_wrong(session: Session, most: int) -> list[WrongLevel]:
    """Levels of variants, then of locations, that differ from what counting gives, each kind at one moment. Does not lock."""
    return [
        WrongLevel(row["what"], row["status"], row["counted"], int(row["told"]))
        for statement in (_WRONG, _WRONG_AT)
        for row in await session.rows(statement, most=most)
    ]
