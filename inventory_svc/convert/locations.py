"""Locations to protos, and updates from them."""

from __future__ import annotations

from typing import Any

from usav.inventory.v1 import location_pb2

from chassis import field_masks
from chassis.etags import etag
from inventory_svc.convert.values import to_timestamp
from inventory_svc.domain.location import Location

_UPDATABLE = frozenset({"name", "warehouse", "active"})
_LEFT_ALONE = frozenset({field.name for field in location_pb2.Location.DESCRIPTOR.fields}) - _UPDATABLE


def location_message(location: Location) -> location_pb2.Location:
    """The location as callers see it."""
    return location_pb2.Location(
        id=location.id,
        code=location.code,
        name=location.name,
        warehouse=location.warehouse,
        active=location.is_active,
        on_hand_units=location.on_hand_units,
        create_time=to_timestamp(location.created_at),
        update_time=to_timestamp(location.updated_at),
        etag=etag(location.version),
    )


def location_changes(request: location_pb2.UpdateLocationRequest) -> dict[str, Any]:
    """The new values of an update; a text that is unset becomes empty, and active true."""
    named = field_masks.changes(request.location, request.update_mask, updatable=_UPDATABLE, ignored=_LEFT_ALONE)
    changes: dict[str, Any] = {name: (value or "").strip() for name, value in named.items() if name != "active"}
    if "active" in named:
        changes["is_active"] = True if named["active"] is None else named["active"]
    return changes
