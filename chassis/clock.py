"""The one place that asks for the time, so that tests can set it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """The present time, aware, in UTC."""
    return datetime.now(UTC)
