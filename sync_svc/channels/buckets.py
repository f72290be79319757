"""Token buckets: of one process alone, and drawn from what all processes of an account share.

Of a shared bucket calls are drawn by the handful: callers that wait together share a draw, and a busy process draws a few calls
ahead, which it may use for a moment only. So no call waits for a round trip of its own, and what is drawn and not used is
lost before it could be one call too many.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from sync_svc.channels.batcher import Batcher
from sync_svc.channels.limits import Clock, Limit, QuotaExhausted
from sync_svc.channels.sharing import SharedAccount

# Calls drawn ahead are at most this part of the burst and good for at most this long: so long may a process be deaf, too.
_AHEAD_SHARE = 0.05
_AHEAD_S = 0.5
_MOST_IN_A_DRAW = 500


class Bucket:
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
        """Seconds until a token is there for the next caller."""
        self._refill(now)
        return max(0.0, (1.0 - self._tokens) / self.limit.rate_per_s)

    def take(self) -> None:
        """One caller takes a token, or goes into debt for it."""
        self._tokens -= 1.0

    def drain(self, now: float) -> None:
        """Nothing is left."""
        self._refill(now)
        self._tokens = min(self._tokens, 0.0)

    def adjust(self, rate_per_s: float, now: float) -> None:
        """Refills at another rate from now on."""
        self._refill(now)
        self.limit = Limit(rate_per_s, self.limit.burst)

    def left(self, now: float) -> int:
        """Tokens that could be taken at once."""
        self._refill(now)
        return max(0, int(self._tokens))

    def set(self, tokens: float, now: float) -> None:
        """What it holds is known."""
        self._tokens, self._at = tokens, now


class SharedBucket:
    """One process's part in a bucket that all share. `bucket` is what this process knows of it."""

    def __init__(self, subject: str, name: str, bucket: Bucket, account: SharedAccount, clock: Clock) -> None:
        self._subject = subject
        self._name = name
        self._bucket = bucket
        self._account = account
        self._clock = clock
        self._draws = Batcher(self._draw, most=_MOST_IN_A_DRAW)
        self._ahead: deque[float] = deque()
        """When each call that was drawn ahead is lost."""
        self._extra = 0

    async def take(self, patience_s: float) -> float:
        """Seconds to wait before one call may be made; raises `QuotaExhausted`, and `NotShared`."""
        if self._take_ahead():
            return 0.0
        (wait,) = await self._draws.ask([patience_s])
        if isinstance(wait, QuotaExhausted):
            raise wait
        return wait

    def left(self) -> int:
        """Calls that could be made at once as far as this process knows."""
        now = self._clock()
        return self._bucket.left(now) + sum(ends_at > now for ends_at in self._ahead)

    def forget_ahead(self) -> None:
        """What was drawn ahead must not be used any more."""
        self._ahead.clear()

    def _take_ahead(self) -> bool:
        now = self._clock()
        while self._ahead:
            if self._ahead.popleft() > now:
                return True
            # What is lost shows that there is less to do: draw less ahead.
            self._extra //= 2
        return False

    async def _draw(self, patiences: Sequence[float]) -> list[float | QuotaExhausted]:
        limit = self._bucket.limit
        ahead_s, most = _ahead(limit)
        extra = min(self._extra, most)
        drawn = await self._account.draw_calls(
            self._name,
            Limit(limit.rate_per_s, limit.burst - most),
            needed=len(patiences),
            extra=extra,
            patience_s=max(patiences),
        )
        now = self._clock()
        self._bucket.set(drawn.level, now)
        ahead = drawn.granted - len(patiences)
        self._ahead.extend([now + ahead_s] * ahead)
        # A draw that was needed although one came just before: draw more ahead the next time.
        self._extra = min(2 * extra + 1, most)
        return [
            drawn.wait_of(place) if place < drawn.granted else QuotaExhausted(self._subject, drawn.wait_of(place))
            for place in range(len(patiences))
        ]


def _ahead(limit: Limit) -> tuple[float, int]:
    """For how long calls may be drawn ahead, and how many: none where that would be a notable part of the burst."""
    seconds = min(_AHEAD_S, _AHEAD_SHARE * limit.burst / limit.rate_per_s)
    return seconds, int(seconds * limit.rate_per_s)
