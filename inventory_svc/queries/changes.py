"""What the change feed tells of a unit, read from the announcement that the change wrote (storage/change_sql.py)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from inventory_svc.domain.item import Action, Status

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class StockChange:
    """One change of one unit."""

    item_id: int
    variant_id: int
    before_status: Status | None
    after_status: Status
    action: Action
    movement_id: int
    location: str
    order_reference: str
    changed_at: datetime
    revision: int


def read_change(payload: bytes) -> StockChange:
    """The change of an announcement."""
    item_id, variant_id, before, after, action, movement_id, location, order_reference, micros, revision = json.loads(
        payload
    )
    return StockChange(
        item_id=item_id,
        variant_id=variant_id,
        before_status=Status(before) if before else None,
        after_status=Status(after),
        action=Action(action),
        movement_id=movement_id,
        location=location,
        order_reference=order_reference,
        changed_at=_EPOCH + timedelta(microseconds=micros),
        revision=revision,
    )
