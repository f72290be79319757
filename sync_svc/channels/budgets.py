"""Budgets per day: so many uses of a thing, the last of them kept for what is urgent.

Shared, uses are drawn before they are made, a few at a time, so that they hold for all processes and over every restart; the
fewer are left, the fewer are drawn. What a killed process had drawn counts as used.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from sync_svc.channels import sharing
from sync_svc.channels.limits import SECONDS_PER_DAY, Clock, QuotaExhausted
from sync_svc.channels.sharing import SharedAccount

# eBay counts days from midnight Pacific. A fixed offset needs no time zone data; in summer it turns one hour late.
_PACIFIC_OFFSET_S = -8 * 3600
_DRAW_SHARE = 50
_LAST_SHARE = 10


def pacific_day(clock: Clock = time.time) -> int:
    """The day that budgets count now, as a number."""
    return int((clock() + _PACIFIC_OFFSET_S) // SECONDS_PER_DAY)


class DailyBudget:
    """Counts uses per key and calendar day, and keeps the last of them for what is urgent."""

    def __init__(self, subject: str, *, limit: int, reserve: int, clock: Clock = time.time) -> None:
        self._subject = subject
        self._limit = limit
        self._reserve = reserve
        self._clock = clock
        self._day = self._today()
        self._used: dict[str, int] = {}
        self._held: dict[str, int] = {}
        """Uses that were drawn from the shared ones and are not made yet; `_used` counts them."""
        self._account: SharedAccount | None = None
        sharing.note(self)

    def share(self, account: SharedAccount, name: str) -> None:
        """Spend from what all processes of the account share; the subject names it."""
        self._account = account

    async def prepare(self, keys: Iterable[str]) -> None:
        """See to it that as many of these keys as possible can be spent once. Raises NotShared."""
        if self._account is None:
            return
        self._turn_day()
        wanted = {key: self._handful(key) for key in keys if not self._held.get(key)}
        if not wanted:
            return
        day = self._day
        drawn = await self._account.draw_uses(self._subject, day, wanted, self._limit)
        self._turn_day()
        if day == self._day:
            for key, uses in drawn.items():
                self._used[key] = uses.used
                self._held[key] = self._held.get(key, 0) + uses.granted

    def spend(self, key: str, *, urgent: bool) -> None:
        """Counts one use; raises `QuotaExhausted` when only the reserve is left and the use is not urgent.

        Of a shared budget it takes what `prepare` has drawn.
        """
        if self.left(key) <= (0 if urgent else self._reserve):
            raise QuotaExhausted(f"{self._subject} {key}", self._seconds_to_midnight())
        if self._account is None:
            self._used[key] = self._used.get(key, 0) + 1
        elif self._held.get(key):
            self._held[key] -= 1
        else:
            # Another task of this process was quicker; the next try draws anew.
            raise QuotaExhausted(f"{self._subject} {key}", 1.0)

    def left(self, key: str) -> int:
        """Uses left today as far as this process knows, the reserve included."""
        self._turn_day()
        return self._limit - self._used.get(key, 0) + self._held.get(key, 0)

    async def give_back(self) -> None:
        """Give back what was drawn and not used. Raises NotShared."""
        self._turn_day()
        unused = {key: uses for key, uses in self._held.items() if uses}
        if self._account is not None and unused:
            self._held.clear()
            await self._account.give_uses_back(self._subject, self._day, unused)

    def _handful(self, key: str) -> int:
        left = self._limit - self._used.get(key, 0)
        return max(1, min(self._limit // _DRAW_SHARE, left // _LAST_SHARE))

    def _turn_day(self) -> None:
        today = self._today()
        if today != self._day:
            self._day = today
            self._used.clear()
            self._held.clear()

    def _today(self) -> int:
        return pacific_day(self._clock)

    def _seconds_to_midnight(self) -> float:
        return SECONDS_PER_DAY - (self._clock() + _PACIFIC_OFFSET_S) % SECONDS_PER_DAY
