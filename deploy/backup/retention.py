"""Which backups to keep: the newest of each of the last days, weeks and months that have one. Pure.

Periods without a backup do not count, so a scheduler that stood still for a year loses nothing by coming back. What is let go
today would not have been kept tomorrow either: pruning every day and pruning once a year keep the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Retention:
    """How many days, weeks (Monday to Sunday) and months keep their newest backup; all in UTC."""

    daily: int = 7
    weekly: int = 4
    monthly: int = 6


_PERIODS: tuple[tuple[str, Callable[[datetime], tuple[int, ...]]], ...] = (
    ("daily", lambda at: (at.year, at.month, at.day)),
    ("weekly", lambda at: tuple(at.isocalendar()[:2])),
    ("monthly", lambda at: (at.year, at.month)),
)


def kept(times: Iterable[datetime], now: datetime, retention: Retention) -> set[datetime]:
    """Those of `times` (aware) to keep. The newest stays whatever the numbers say; so does what seems to come from the future."""
    known = {at.astimezone(UTC) for at in times}
    future = {at for at in known if at > now}
    past = sorted(known - future, reverse=True)
    keep = future | set(past[:1])
    for name, period in _PERIODS:
        keep |= _newest_of_each(past, period, getattr(retention, name))
    return keep


def _newest_of_each(past: list[datetime], period: Callable[[datetime], tuple[int, ...]], count: int) -> set[datetime]:
    newest: dict[tuple[int, ...], datetime] = {}
    for at in past:
        newest.setdefault(period(at), at)
    return set(list(newest.values())[:count])
