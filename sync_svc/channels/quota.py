"""How often one account may be called: a token bucket per operation, pauses its platform asks for, and budgets per day.

The buckets live in one process and are set so that they stay below what the platform publishes. A call that would have to
wait longer than it is worth fails with `QuotaExhausted` instead, so that a worker gives its lease back. Whoever builds a
connector within `metered` can keep what it has used over a restart.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType

SECONDS_PER_DAY = 86_400
# eBay counts days from midnight Pacific. A fixed offset needs no time zone data; in summer it turns one hour late.
_PACIFIC_OFFSET_S = -8 * 3600

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


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
    def per_window(cls, calls: int, window_s: float, *, burst_share: float = 0.1) -> Limit:
        """A bucket that cannot exceed `calls` in any window: what bursts is taken off what refills."""
        burst = max(1, int(calls * burst_share))
        return cls(rate_per_s=max(calls - burst, 1) / window_s, burst=burst)


@dataclass(slots=True)
class Meters:
    """The throttles and budgets of one connector, in the order in which it made them."""

    throttles: list[Throttle] = field(default_factory=list)
    budgets: list[DailyBudget] = field(default_factory=list)


_METERS: ContextVar[Meters | None] = ContextVar("meters", default=None)


@contextmanager
def metered() -> Iterator[Meters]:
    """Gathers the throttles and budgets that are made within the block."""
    meters = Meters()
    token = _METERS.set(meters)
    try:
        yield meters
    finally:
        _METERS.reset(token)


class _Bucket:
    """A bucket that may go into debt: each caller waits for the refill of its own token, in order of arrival."""

    __slots__ = ("_at", "_tokens", "limit")

    def __init__(self, limit: Limit, now: float) -> None:
        self.limit = limit
        self._tokens = float(limit.burst)
        self._at = now

    def _refill(self, now: float) -> None:
        self._tokens = min(self.limit.burst, self._tokens + (now - self._at) * self.limit.rate_per_s)
        self._at = now

    def wait_for(self, now: float) -> float:
        self._refill(now)
        return max(0.0, (1.0 - self._tokens) / self.limit.rate_per_s)

    def take(self) -> None:
        self._tokens -= 1.0

    def drain(self, now: float) -> None:
        self._refill(now)
        self._tokens = min(self._tokens, 0.0)

    def adjust(self, rate_per_s: float, now: float) -> None:
        self._refill(now)
        self.limit = Limit(rate_per_s, self.limit.burst)

    def left(self, now: float) -> int:
        self._refill(now)
        return max(0, int(self._tokens))

    def kept(self, now: float) -> float:
        self._refill(now)
        return self._tokens

    def restore(self, tokens: float, elapsed_s: float, now: float) -> None:
        self._refill(now)
        self._tokens = min(self._tokens, tokens + max(0.0, elapsed_s) * self.limit.rate_per_s)


class Throttle:
    """The buckets of one account. Operations without a limit of their own share the default one."""

    def __init__(
        self,
        default: Limit,
        limits: Mapping[str, Limit] = MappingProxyType({}),
        *,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._default = _Bucket(default, clock())
        self._buckets = {operation: _Bucket(limit, clock()) for operation, limit in limits.items()}
        self._paused_until = clock()
        self.taken = 0
        """Calls since it was made; as long as it stays, there is nothing new to keep."""
        if (meters := _METERS.get()) is not None:
            meters.throttles.append(self)

    def kept(self) -> dict[str, float]:
        """What each bucket holds, by operation; the shared one has no name."""
        now = self._clock()
        return {"": self._default.kept(now)} | {name: bucket.kept(now) for name, bucket in self._buckets.items()}

    def restore(self, kept: Mapping[str, float], elapsed_s: float) -> None:
        """Go on with what was kept so long ago. Never gives more than there is."""
        now = self._clock()
        for name, tokens in kept.items():
            bucket = self._buckets.get(name) if name else self._default
            if bucket is not None:
                bucket.restore(tokens, elapsed_s, now)

    async def take(self, operation: str, *, patience_s: float = 5.0) -> None:
        """Waits for the right to one call; raises `QuotaExhausted` when that would take longer than `patience_s`."""
        bucket = self._bucket(operation)
        now = self._clock()
        wait = max(self._paused_until - now, bucket.wait_for(now))
        if wait > patience_s:
            raise QuotaExhausted(operation, wait)
        bucket.take()
        self.taken += 1
        while wait > 0:
            await self._sleep(wait)
            # Another call may have been told to stop meanwhile, and that holds for everyone of the account.
            wait = self._paused_until - self._clock()
            if wait > patience_s:
                raise QuotaExhausted(operation, wait)

    def pause(self, seconds: float) -> None:
        """Stops every call of the account for so long. The longest pause wins."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def drain(self, operation: str) -> None:
        """Takes what is left of one operation: its platform has said that nothing is."""
        self._bucket(operation).drain(self._clock())

    def adjust(self, operation: str, rate_per_s: float) -> None:
        """Sets the rate of an operation that has a limit of its own to what its platform says it is."""
        bucket = self._buckets.get(operation)
        if bucket is not None and rate_per_s > 0 and rate_per_s != bucket.limit.rate_per_s:
            bucket.adjust(rate_per_s, self._clock())

    def paused_for(self) -> float:
        """Seconds until calls may be made again; 0 when they may be made now."""
        return max(0.0, self._paused_until - self._clock())

    def left(self, operation: str) -> int:
        """Calls of one operation that could be made at once."""
        now = self._clock()
        return 0 if self._paused_until > now else self._bucket(operation).left(now)

    def burst(self, operation: str) -> int:
        """The most calls of one operation that are ever made at once."""
        return self._bucket(operation).limit.burst

    def _bucket(self, operation: str) -> _Bucket:
        return self._buckets.get(operation, self._default)


class DailyBudget:
    """Counts uses per key and calendar day, and keeps the last of them for what is urgent."""

    def __init__(self, subject: str, *, limit: int, reserve: int, clock: Clock = time.time) -> None:
        self._subject = subject
        self._limit = limit
        self._reserve = reserve
        self._clock = clock
        self._day = self._today()
        self._used: dict[str, int] = {}
        self._unsaved: dict[str, int] = {}
        if (meters := _METERS.get()) is not None:
            meters.budgets.append(self)

    @property
    def subject(self) -> str:
        """What it counts."""
        return self._subject

    def take_unsaved(self) -> tuple[int, dict[str, int]]:
        """The day, and the uses per key since the last time this was asked."""
        self._turn_day()
        unsaved, self._unsaved = self._unsaved, {}
        return self._day, unsaved

    def put_back(self, day: int, unsaved: Mapping[str, int]) -> None:
        """These uses could not be kept; ask for them again."""
        if day == self._day:
            for key, uses in unsaved.items():
                self._unsaved[key] = self._unsaved.get(key, 0) + uses

    def learn(self, day: int, used: Mapping[str, int]) -> None:
        """What all processes together have used, as kept; what is not kept yet comes on top."""
        self._turn_day()
        if day == self._day:
            self._used.update({key: uses + self._unsaved.get(key, 0) for key, uses in used.items()})

    def today(self) -> int:
        """The day it counts, as a number."""
        self._turn_day()
        return self._day

    def spend(self, key: str, *, urgent: bool) -> None:
        """Counts one use; raises `QuotaExhausted` when only the reserve is left and the use is not urgent."""
        if self.left(key) <= (0 if urgent else self._reserve):
            raise QuotaExhausted(f"{self._subject} {key}", self._seconds_to_midnight())
        self._used[key] = self._used.get(key, 0) + 1
        self._unsaved[key] = self._unsaved.get(key, 0) + 1

    def left(self, key: str) -> int:
        """Uses left today, the reserve included."""
        self._turn_day()
        return self._limit - self._used.get(key, 0)

    def _turn_day(self) -> None:
        today = self._today()
        if today != self._day:
            self._day = today
            self._used.clear()
            self._unsaved.clear()

    def _today(self) -> int:
        return int((self._clock() + _PACIFIC_OFFSET_S) // SECONDS_PER_DAY)

    def _seconds_to_midnight(self) -> float:
        return SECONDS_PER_DAY - (self._clock() + _PACIFIC_OFFSET_S) % SECONDS_PER_DAY
