"""How many units of a variant may be promised now: those AVAILABLE, and those whose hold has run out."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from chassis.database import Statement
from chassis.outbox import OLDEST_UNSETTLED
from inventory_svc.domain.availability import Reading
from inventory_svc.storage.session import Session
from inventory_svc.storage.stock_levels import LEVELS

# Holds that have run out are few, because they are tidied away within a second; one scan finds those of all variants.
_FREE = Statement(
    text(f"""
    WITH expired AS (
      SELECT variant_id, count(*) AS units FROM inventory.item
      WHERE status = 'RESERVED' AND reserved_until <= now() AND variant_id = ANY(CAST(:variant_ids AS bigint[]))
      GROUP BY variant_id
    )
    SELECT asked.variant_id, available.units + coalesce(expired.units, 0) AS free_units, {OLDEST_UNSETTLED} AS revision
    FROM unnest(CAST(:variant_ids AS bigint[])) AS asked (variant_id)
    CROSS JOIN LATERAL (
      SELECT CAST(coalesce(sum(units), 0) AS bigint) AS units FROM ({LEVELS.format(variant="asked.variant_id")}) AS level
      WHERE status = 'AVAILABLE'
    ) AS available
    LEFT JOIN expired ON expired.variant_id = asked.variant_id
    """)
)


async def free_units(session: Session, variant_ids: Sequence[int]) -> dict[int, Reading]:
    """A reading per variant, all of one moment; a variant without units reads 0."""
    rows = await session.rows(_FREE, variant_ids=list(dict.fromkeys(variant_ids)))
    return {row["variant_id"]: Reading(row["variant_id"], row["free_units"], row["revision"]) for row in rows}
