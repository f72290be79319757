"""A listing: the generation wanted, the generation shown, and what stands between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any

from sync_svc.domain.rules import NO_OVERRIDES, Overrides


class ListingIntent(StrEnum):
    """What a person wants of a listing."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    ENDED = "ENDED"


class ListingStatus(StrEnum):
    """Where a listing stands. The database computes it from the generations and the error."""

    PENDING = "PENDING"
    SYNCED = "SYNCED"
    DIRTY = "DIRTY"
    ERROR = "ERROR"


class ErrorClass(StrEnum):
    """What has to happen before a failed listing can be right."""

    RETRY = "RETRY"
    AUTH = "AUTH"
    PERMANENT = "PERMANENT"
    UNKNOWN = "UNKNOWN"


class Urgency(IntEnum):
    """What is pushed first. Stock that may be gone comes before everything else."""

    STOCK_FELL = 0
    STOCK = 1
    PRICE_OR_CONTENT = 2


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing as it is stored, with its channel's name."""

    id: int
    channel_id: int
    platform: str
    account: str
    variant_id: int
    sku: str
    platform_sku: str
    external_id: str | None
    external_ids: Mapping[str, str]
    asin: str
    name: str
    description: str
    price: Decimal | None
    currency: str
    metadata: Mapping[str, Any]
    intent: ListingIntent
    status: ListingStatus
    desired_generation: int
    synced_generation: int
    attempts: int
    version: int
    created_at: datetime
    updated_at: datetime
    error_class: ErrorClass | None = None
    error_message: str = ""
    error_code: str = ""
    next_attempt_at: datetime | None = None
    pushed_quantity: int | None = None
    pushed_price: Decimal | None = None
    last_synced_at: datetime | None = None
    deleted_at: datetime | None = None
    overrides: Overrides = NO_OVERRIDES

    @property
    def was_ever_pushed(self) -> bool:
        """Whether the platform may show what the hub has sent."""
        return self.synced_generation > 0 or bool(self.external_ids) or self.attempts > 0


@dataclass(frozen=True, slots=True)
class LeasedListing:
    """A listing one worker holds, with what it needs to plan and push it."""

    id: int
    variant_id: int
    sku: str
    platform_sku: str
    external_ids: Mapping[str, str]
    name: str
    description: str
    price: Decimal | None
    currency: str
    metadata: Mapping[str, Any]
    intent: ListingIntent
    deleted: bool
    generation: int
    """The generation wanted when it was leased: the one a success records."""
    attempts: int
    content_changed: bool
    was_left_unknown: bool
    """A former push has no recorded end, so what the platform shows is read before anything is sent."""
    shown_is_sure: bool = True
    """False when the platform has changed the quantity itself, as by a sale."""
    pushed_quantity: int | None = None
    pushed_price: Decimal | None = None
    overrides: Overrides = NO_OVERRIDES


@dataclass(frozen=True, slots=True)
class NewListing:
    """The values of a listing to be made."""

    channel_id: int
    variant_id: int
    sku: str
    platform_sku: str
    external_id: str | None = None
    asin: str = ""
    name: str = ""
    description: str = ""
    price: Decimal | None = None
    currency: str = "USD"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    intent: ListingIntent = ListingIntent.ACTIVE
    overrides: Overrides = NO_OVERRIDES
