"""A parcel of an order, and how far its platform knows of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ShipmentStatus(StrEnum):
    """How far the platform knows of a shipment."""

    PENDING = "PENDING"
    TOLD = "TOLD"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"


class Shipping(StrEnum):
    """How much of an order has left the house."""

    NOT_DUE = "SHIPPING_UNSPECIFIED"
    TO_SHIP = "TO_SHIP"
    PARTLY_SHIPPED = "PARTLY_SHIPPED"
    SHIPPED = "SHIPPED"


@dataclass(frozen=True, slots=True)
class NewShipment:
    """A parcel to be recorded. `units` are per line; empty means all that is left."""

    carrier: str
    tracking_number: str
    units: Mapping[str, int]
    shipped_at: datetime
    recorded_by: str


@dataclass(frozen=True, slots=True)
class Shipment:
    """A shipment as it is stored."""

    id: int
    order_id: int
    carrier: str
    tracking_number: str
    units: Sequence[tuple[str, int]]
    """Units per line id, in the order of the order's lines."""
    shipped_at: datetime
    status: ShipmentStatus
    external_id: str
    by_another: bool
    message: str
    error_code: str
    attempts: int
    next_attempt_at: datetime | None
    told_at: datetime | None
    recorded_by: str
    created_at: datetime
