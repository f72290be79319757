"""A live listing of an account that stands for no variant of the hub yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Unmatched:
    """As the last import found it."""

    id: int
    channel_id: int
    platform: str
    account: str
    platform_sku: str
    external_id: str
    asin: str
    title: str
    quantity: int | None
    price: Decimal | None
    currency: str
    dismissed: bool
    found_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class ImportPass:
    """How the last import of an account's listings went, or how far it is."""

    channel_id: int
    started_at: datetime
    finished_at: datetime | None
    found: int
    known: int
    matched: int
    unmatched: int
    message: str


IDS_KEPT: Mapping[str, int] = {"platform_sku": 100, "external_id": 100, "asin": 20, "title": 500}
"""The most characters kept of what a platform says."""
