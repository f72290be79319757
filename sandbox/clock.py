"""The time the marketplaces live by. Tests move it to let tokens expire and quota days turn.

Latencies (the call log, a shelf's last change) are always told in real time, never by this clock.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")


class MarketClock:
    """Real time plus an offset in seconds."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def seconds(self) -> float:
        """Unix time as the marketplaces see it."""
        return time.time() + self.offset_s

    def now(self) -> datetime:
        """The same as an aware UTC datetime."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def advance(self, seconds: float) -> None:
        """Moves the marketplaces' time on; pending real waits are not shortened."""
        self.offset_s += seconds

    def pacific_day(self) -> str:
        """The calendar day that call quotas and listing revisions are counted in."""
        return datetime.fromtimestamp(self.seconds(), PACIFIC).date().isoformat()


def iso_millis(moment: datetime) -> str:
    """`2026-01-31T08:00:00.000Z`, the form eBay writes times in."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def iso_from_seconds(seconds: float) -> str:
    """The same from Unix time."""
    return iso_millis(datetime.fromtimestamp(seconds, UTC))
