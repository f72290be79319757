"""How often an account may be called, as its platform publishes it, and the error of a call that would be one too many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

SECONDS_PER_DAY = 86_400
# Calls bunch on their way: what left the hub within a window may arrive within one that is shorter by so much.
_BUNCHING_S = 1.0
_UNLIMITED = 1e6

Clock = Callable[[], float]


class QuotaExhausted(Exception):
    """No call is left now; `retry_after_s` says when there will be."""

    def __init__(self, subject: str, retry_after_s: float) -> None:
        super().__init__(f"The quota of {subject} is used up for {retry_after_s:.0f} s.")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` calls at once, then `rate_per_s` calls a second."""

    rate_per_s: float
    burst: int

    @classmethod
    def none(cls) -> Limit:
        """No limit at all."""
        return cls(rate_per_s=_UNLIMITED, burst=int(_UNLIMITED))

    @property
    def is_none(self) -> bool:
        """Whether there is no limit."""
        return self.rate_per_s >= _UNLIMITED

    @classmethod
    def per_window(cls, calls: int, window_s: float, *, burst_share: float = 0.1) -> Limit:
        """A bucket that cannot exceed `calls` in any window: what bursts is taken off what refills."""
        burst = max(1, int(calls * burst_share))
        return cls(rate_per_s=max(calls - burst, 1) / (window_s + _BUNCHING_S), burst=burst)


def count_option(options: Mapping[str, Any], name: str, default: int) -> int:
    """How many calls an account's option allows; 0 is no limit. Raises ValueError."""
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _UNLIMITED:
        raise ValueError(f"The option {name} is a whole number, 0 for no limit.")
    return int(value)
