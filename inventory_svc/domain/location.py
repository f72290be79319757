"""A place of a warehouse. Its code never changes; new codes are written in capitals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Location:
    """Where units may lie. `on_hand_units` is None where nobody counted."""

    id: int
    code: str
    name: str
    warehouse: str
    is_active: bool
    created_at: datetime
    updated_at: datetime
    version: int
    on_hand_units: int | None = None


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """What whoever puts units to a location has to know of it."""

    warehouse: str
    is_active: bool


def clean_code(code: str) -> str:
    """A new code as it is kept."""
    return code.strip().upper()
