"""How often one account may be called: a token bucket per operation, and the silence its platform asks for.

The buckets are set so that they stay below what the platform publishes. A call that would have to wait longer than it is worth
fails with `QuotaExhausted` instead, so that a worker gives its lease back. Shared, they hold for all processes together.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from sync_svc.channels import sharing
from sync_svc.channels.buckets import Bucket, SharedBucket
from sync_svc.channels.limits import Clock, Limit, QuotaExhausted
from sync_svc.channels.sharing import NotShared, SharedAccount

Sleep = Callable[[float], Awaitable[None]]
_NOT_SHARED_WAIT_S = 1.0


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
        self._default = Bucket(default, clock())
        self._buckets = {operation: Bucket(limit, clock()) for operation, limit in limits.items()}
        self._paused_until = clock()
        self._account: SharedAccount | None = None
        self._name = ""
        self._shared: dict[str, SharedBucket] = {}
        self._untold_until = 0.0
        self._untold_drains: set[str] = set()
        self._untold_rates: dict[str, float] = {}
        sharing.note(self)

    def share(self, account: SharedAccount, name: str) -> None:
        """Spend from buckets that all processes of the account share."""
        self._account, self._name = account, name
        self._shared = {
            operation: SharedBucket(operation or "the account", self._key(operation), bucket, account, self._clock)
            for operation, bucket in {"": self._default, **self._buckets}.items()
            if not bucket.limit.is_none
        }

    async def give_back(self) -> None:
        """What was drawn ahead is lost in a moment; nothing to give back."""

    async def take(self, operation: str, *, patience_s: float = 5.0) -> None:
        """Waits for the right to one call; raises `QuotaExhausted` when that would take longer than `patience_s`."""
        if (paused := self.paused_for()) > patience_s:
            raise QuotaExhausted(operation, paused)
        shared = self._shared.get(self._own(operation))
        if shared is None:
            wait = self._take_alone(operation, patience_s)
        else:
            wait = await self._take_shared(shared, operation, patience_s)
        wait = max(wait, self.paused_for())
        while wait > 0:
            await self._sleep(wait)
            # Another call may have been told to stop meanwhile, and that holds for everyone of the account.
            wait = self.paused_for()
            if wait > patience_s:
                raise QuotaExhausted(operation, wait)

    def _take_alone(self, operation: str, patience_s: float) -> float:
        bucket = self._bucket(operation)
        wait = bucket.wait_for(self._clock())
        if wait > patience_s:
            raise QuotaExhausted(operation, wait)
        bucket.take()
        return wait

    async def _take_shared(self, shared: SharedBucket, operation: str, patience_s: float) -> float:
        await self.tell()
        try:
            return await shared.take(patience_s)
        except NotShared as error:
            raise QuotaExhausted(operation, _NOT_SHARED_WAIT_S) from error

    async def tell(self) -> None:
        """Lets the other processes know of what the platform has said since the last time."""
        if self._account is None or not (self._untold_until or self._untold_drains or self._untold_rates):
            return
        pause_s = max(0.0, self._untold_until - self._clock())
        drained, rates = sorted(self._untold_drains), dict(self._untold_rates)
        try:
            await self._account.tell(pause_s=pause_s, drained=drained, rates=rates)
        except NotShared:
            # Told with the next call.
            return
        self._untold_until = 0.0
        self._untold_drains.difference_update(drained)
        self._untold_rates = {name: rate for name, rate in self._untold_rates.items() if rates.get(name) != rate}

    def pause(self, seconds: float) -> None:
        """Stops every call of the account for so long. The longest pause wins."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)
        self._untold_until = self._paused_until
        for shared in self._shared.values():
            shared.forget_ahead()

    def drain(self, operation: str) -> None:
        """Takes what is left of one operation: its platform has said that nothing is."""
        self._bucket(operation).drain(self._clock())
        self._untold_drains.add(self._key(operation))
        if shared := self._shared.get(self._own(operation)):
            shared.forget_ahead()

    def adjust(self, operation: str, rate_per_s: float) -> None:
        """Sets the rate of an operation that has a limit of its own to what its platform says it is."""
        bucket = self._buckets.get(operation)
        if bucket is not None and rate_per_s > 0 and rate_per_s != bucket.limit.rate_per_s:
            bucket.adjust(rate_per_s, self._clock())
            self._untold_rates[self._key(operation)] = rate_per_s

    def paused_for(self) -> float:
        """Seconds until calls may be made again; 0 when they may be made now."""
        return max(0.0, self._paused_until - self._clock())

    def left(self, operation: str) -> int:
        """Calls of one operation that could be made at once, as far as this process knows."""
        if self.paused_for():
            return 0
        if shared := self._shared.get(self._own(operation)):
            return shared.left()
        return self._bucket(operation).left(self._clock())

    def burst(self, operation: str) -> int:
        """The most calls of one operation that are ever made at once."""
        return self._bucket(operation).limit.burst

    def _own(self, operation: str) -> str:
        return operation if operation in self._buckets else ""

    def _key(self, operation: str) -> str:
        return f"{self._name}:{self._own(operation)}"

    def _bucket(self, operation: str) -> Bucket:
        return self._buckets.get(operation, self._default)
