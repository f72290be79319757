"""What a watcher wants to hear of: which units, and those that were such until the change."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.domain.item import Action, Item
from inventory_svc.domain.scope import Warehouses
from inventory_svc.queries.changes import StockChange
from inventory_svc.storage.item_rows import ITEM_COLUMNS, ITEM_SOURCE, to_item
from inventory_svc.storage.scope import ANY, UNIT_INSIDE, as_array, codes_inside
from inventory_svc.storage.session import Session

_AT_ONCE = 500
# For so long a location that was moved to another warehouse may be told of as before.
_CODES_SECONDS = 2.0
_PAGE = Statement(
    text(f"""
    SELECT {ITEM_COLUMNS} FROM {ITEM_SOURCE}
    WHERE item.id > CAST(:after AS bigint) AND item.deleted_at IS NULL
      AND (CAST(:variant_ids AS bigint[]) IS NULL OR item.variant_id = ANY(CAST(:variant_ids AS bigint[])))
      AND starts_with(item.location, CAST(:location_prefix AS text)) AND ({ANY} OR {UNIT_INSIDE})
    ORDER BY item.id LIMIT {_AT_ONCE}
    """)
)
_BEFORE = Statement(
    text("""
    SELECT movement.before_location, before.variant_id FROM inventory.movement AS movement
    LEFT JOIN inventory.movement AS before ON before.item_id = movement.item_id
      AND before.sequence = movement.sequence - 1
    WHERE movement.id = CAST(:movement_id AS bigint)
    """)
)


@dataclass(slots=True)
class Watched:
    """Units of these variants, all when empty, at locations that begin so and are inside what the caller is bound to."""

    variant_ids: frozenset[int]
    location_prefix: str
    inside: Warehouses = None
    _codes: frozenset[str] = frozenset()
    _codes_until: float = 0.0

    def _has(self, variant_id: int, location: str) -> bool:
        of_variant = not self.variant_ids or variant_id in self.variant_ids
        is_inside = self.inside is None or location in self._codes
        return of_variant and is_inside and location.startswith(self.location_prefix)

    async def _know_inside(self, session: Session) -> None:
        """Locations come and change their warehouse while somebody watches."""
        if self.inside is not None and time.monotonic() >= self._codes_until:
            self._codes = await codes_inside(session, self.inside)
            self._codes_until = time.monotonic() + _CODES_SECONDS

    async def concerns(self, session: Session, change: StockChange) -> bool:
        """Whether the unit is watched after the change or was before it; asks the ledger only where it may have left."""
        await self._know_inside(session)
        if self._has(change.variant_id, change.location):
            return True
        moved = bool(self.location_prefix) or self.inside is not None or change.action is Action.RESTOCK
        if change.before_status is None or not moved:
            return False
        for row in await session.rows(_BEFORE, movement_id=change.movement_id):
            return self._has(row["variant_id"] or change.variant_id, row["before_location"])
        return False


async def snapshot(session: Session, watched: Watched) -> AsyncIterator[Item]:
    """Every unit that is watched, by id, as it is when it is read."""
    variant_ids, after = sorted(watched.variant_ids) or None, 0
    while True:
        rows = await session.rows(
            _PAGE,
            after=after,
            variant_ids=variant_ids,
            location_prefix=watched.location_prefix,
            warehouses=as_array(watched.inside),
        )
        for row in rows:
            yield to_item(row)
        if len(rows) < _AT_ONCE:
            return
        after = rows[-1]["id"]
