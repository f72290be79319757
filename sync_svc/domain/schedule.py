"""When a channel may be sent what can wait: cron windows and quiet hours in a time zone. Pure.

A cron expression names minutes, so `* 8-18 * * 1-5` is every minute from 8:00 to 18:59 on weekdays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from functools import cached_property, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
_PART = re.compile(r"(\*|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?", re.ASCII)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class CronWindow:
    """The minutes a cron expression names. Days of month and of week count as in cron: either, when both are given."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    either_day: bool

    @classmethod
    def parse(cls, expression: str) -> CronWindow:
        """Five fields of numbers, ranges, lists and steps. Raises ValueError, for a person."""
        texts = expression.split()
        if len(texts) != len(_FIELDS):
            raise ValueError("takes five fields: minute, hour, day of month, month, day of week")
        minutes, hours, days, months, weekdays = (
            _numbers(text, *field) for text, field in zip(texts, _FIELDS, strict=True)
        )
        either_day = not texts[2].startswith("*") and not texts[4].startswith("*")
        return cls(minutes, hours, days, months, frozenset(day % 7 for day in weekdays), either_day)

    def holds(self, local: datetime) -> bool:
        """Whether it names this minute of its own time zone."""
        if local.minute not in self.minutes or local.hour not in self.hours or local.month not in self.months:
            return False
        on_day, on_weekday = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        return on_day or on_weekday if self.either_day else on_day and on_weekday


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of day up to another, over midnight when the end is the earlier one."""

    start: time
    end: time

    @classmethod
    def parse(cls, start: str, end: str) -> QuietHours:
        """Times as 22:00. Raises ValueError, for a person."""
        quiet = cls(_time_of_day(start), _time_of_day(end))
        if quiet.start == quiet.end:
            raise ValueError("start and end are the same; pause the channel to keep it silent all day")
        return quiet

    def holds(self, at: time) -> bool:
        """Whether a time of day lies in it."""
        if self.start < self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end


@dataclass(frozen=True)
class Schedule:
    """Open within any of the windows (always, without one) and outside all quiet hours."""

    time_zone: str = "UTC"
    windows: tuple[str, ...] = ()
    quiet_hours: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Schedule:
        """A schedule as it is stored."""
        return cls(
            time_zone=values.get("time_zone", "UTC"),
            windows=tuple(values.get("windows", ())),
            quiet_hours=tuple((start, end) for start, end in values.get("quiet_hours", ())),
        )

    def as_json(self) -> dict[str, Any]:
        """As it is stored; nothing for a schedule that is always open."""
        if not self.windows and not self.quiet_hours:
            return {}
        return {
            "time_zone": self.time_zone,
            "windows": list(self.windows),
            "quiet_hours": [list(one) for one in self.quiet_hours],
        }

    def is_open(self, at: datetime) -> bool:
        """Whether what can wait may be sent at this moment (with its time zone)."""
        if not self.windows and not self.quiet_hours:
            return True
        local = at.astimezone(zone(self.time_zone))
        if any(quiet.holds(local.time()) for quiet in self._quiet):
            return False
        return not self._open or any(window.holds(local) for window in self._open)

    @cached_property
    def _open(self) -> Sequence[CronWindow]:
        return [CronWindow.parse(expression) for expression in self.windows]

    @cached_property
    def _quiet(self) -> Sequence[QuietHours]:
        return [QuietHours.parse(start, end) for start, end in self.quiet_hours]


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises ValueError, for a person."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; take a name such as America/Los_Angeles") from None


def _numbers(text: str, name: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is no {name}")
        first, last = _range(match, low, high)
        step = int(match[4] or 1)
        if not low <= first <= last <= high or step < 1:
            raise ValueError(f"{part!r} is no {name}: it takes {low} to {high}")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _range(match: re.Match[str], low: int, high: int) -> tuple[int, int]:
    if match[1] == "*":
        return low, high
    first = int(match[2])
    if match[3] is not None:
        return first, int(match[3])
    return first, high if match[4] else first


def _time_of_day(text: str) -> time:
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no time of day, as 22:00")
    return time(int(match[1]), int(match[2]))
