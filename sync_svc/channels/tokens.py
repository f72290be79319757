"""Access tokens that run out: kept per account, fetched by one caller at a time, renewed before they end.

Shared, one process fetches a token and all use it: platforms give few tokens, and some forget the oldest for a new one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sync_svc.channels import sharing
from sync_svc.channels.base import ChannelError, Outcome
from sync_svc.channels.sharing import KeptToken, NotShared, SharedAccount

DEFAULT_MARGIN_S = 300.0
# A refused refresh stays refused: asking again at once only uses up the token endpoint's own quota.
REFUSAL_S = 60.0
_LOOK_S = 0.1
# Longer than a fetch may take; a claim of a process that died ends in this time, too.
_OTHERS_S = 20.0


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
        self._dropped = ""
        self._account: SharedAccount | None = None
        self._name = ""
        sharing.note(self)
        self.expires_at: float | None = None
        """UNIX seconds at which the held token ends; None when none is held."""

    def share(self, account: SharedAccount, name: str) -> None:
        """Use the token that any process of the account has fetched."""
        self._account, self._name = account, name

    async def give_back(self) -> None:
        """A token is kept for whoever comes next; nothing to give back."""

    async def get(self) -> str:
        """Returns a token that is good for some time yet; raises `ChannelError` when none can be had."""
        if self._value and self._clock() < self._renew_at:
            return self._value
        async with self._lock:
            # Whoever waited for the lock finds the token the holder fetched.
            if not self._value or self._clock() >= self._renew_at:
                await (self._renew() if self._account is None else self._renew_together(self._account))
            return self._value

    def drop(self, value: str) -> None:
        """Forgets a token the platform refused, unless it has been renewed already."""
        if value == self._value:
            self._value, self.expires_at = "", None
            self._dropped = value

    async def _renew_together(self, account: SharedAccount) -> None:
        """Take the token another process has fetched, or fetch one for all."""
        try:
            if await self._may_fetch(account):
                await self._fetch_for_all(account)
        except NotShared as error:
            raise ChannelError(Outcome.RETRY, f"the access token cannot be had now: {error}") from error

    async def _may_fetch(self, account: SharedAccount) -> bool:
        """Whether it falls to this process; False when there is a token already."""
        waits_until = asyncio.get_running_loop().time() + _OTHERS_S
        while not await self._adopt(account):
            if await account.claim_token(self._name):
                # Whoever had the claim until now may have kept a token since the look before.
                if not await self._adopt(account):
                    return True
                await account.keep_token(self._name, None)
                return False
            if asyncio.get_running_loop().time() > waits_until:
                raise ChannelError(Outcome.RETRY, "another process is fetching the access token")
            await asyncio.sleep(_LOOK_S)
        return False

    async def _adopt(self, account: SharedAccount) -> bool:
        kept = await account.token(self._name)
        if kept is None or kept.value == self._dropped:
            return False
        now = self._clock()
        self._value, self._refusal = kept.value, None
        self.expires_at, self._renew_at = now + kept.expires_in_s, now + kept.renew_in_s
        return True

    async def _fetch_for_all(self, account: SharedAccount) -> None:
        before, fetched = self._value, None
        try:
            await self._renew()
            if self._value != before and self.expires_at is not None:
                now = self._clock()
                fetched = KeptToken(self._value, self.expires_at - now, self._renew_at - now)
        finally:
            await account.keep_token(self._name, fetched)

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
