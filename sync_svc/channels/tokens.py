"""Access tokens that run out: kept per account, fetched by one caller at a time, renewed before they end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sync_svc.channels.base import ChannelError, Outcome

DEFAULT_MARGIN_S = 300.0
# A refused refresh stays refused: asking again at once only uses up the token endpoint's own quota.
REFUSAL_S = 60.0


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token and for how many seconds from now it is good. The token stays out of logs."""

    value: str = field(repr=False)
    expires_in_s: float


class TokenCache:
    """The present access token of one account. Safe for many callers in one event loop."""

    def __init__(
        self,
        issue: Callable[[], Awaitable[IssuedToken]],
        *,
        margin_s: float = DEFAULT_MARGIN_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._issue = issue
        self._margin_s = margin_s
        self._clock = clock
        self._lock = asyncio.Lock()
        self._value = ""
        self._renew_at = 0.0
        self._refusal: ChannelError | None = None
        self._refused_until = 0.0
        self.expires_at: float | None = None
        """UNIX seconds at which the held token ends; None when none is held."""

    async def get(self) -> str:
        """Returns a token that is good for some time yet; raises `ChannelError` when none can be had."""
        if self._value and self._clock() < self._renew_at:
            return self._value
        async with self._lock:
            # Whoever waited for the lock finds the token the holder fetched.
            if not self._value or self._clock() >= self._renew_at:
                await self._renew()
            return self._value

    def drop(self, value: str) -> None:
        """Forgets a token the platform refused, unless it has been renewed already."""
        if value == self._value:
            self._value, self.expires_at = "", None

    async def _renew(self) -> None:
        if self._refusal is not None and self._clock() < self._refused_until:
            refused = self._refusal
            raise ChannelError(refused.outcome, refused.message, code=refused.code)
        try:
            issued = await self._issue()
        except ChannelError as error:
            if error.outcome is Outcome.AUTH:
                self._refusal, self._refused_until = error, self._clock() + REFUSAL_S
                self._value, self.expires_at = "", None
            elif self._is_good_for_now():
                # The endpoint is in trouble, but the present token has not ended: try again at a later call.
                return
            raise
        self._keep(issued)

    def _is_good_for_now(self) -> bool:
        return bool(self._value) and self.expires_at is not None and self._clock() < self.expires_at - 10

    def _keep(self, issued: IssuedToken) -> None:
        now = self._clock()
        self._refusal = None
        self._value = issued.value
        self.expires_at = now + issued.expires_in_s
        # A short-lived token is renewed after half its life rather than at every call.
        self._renew_at = now + max(issued.expires_in_s - self._margin_s, issued.expires_in_s / 2)
