"""How long to wait after failed sign-ins.

Two counters: one per account and address together, so that guessing an account from one place never keeps its owner out at
another; and one per address over all accounts, with more patience, because a warehouse shares one address.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class ThrottleRule:
    """Failures that cost nothing, then a delay that doubles up to a cap."""

    free_failures: int
    first_delay: timedelta
    longest_delay: timedelta

    def delay(self, failures: int) -> timedelta:
        """The wait after this many failures in a row."""
        over = failures - self.free_failures
        if over < 0:
            return timedelta()
        # 2**30 times any first delay is past every cap; a larger exponent would only overflow.
        return min(self.first_delay * 2 ** min(over, 30), self.longest_delay)


ACCOUNT_AT_ADDRESS = ThrottleRule(5, timedelta(seconds=1), timedelta(minutes=5))
ADDRESS = ThrottleRule(50, timedelta(seconds=1), timedelta(minutes=5))
# A counter without a failure for this long starts again from zero.
MEMORY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class ThrottleKeys:
    """The two counters that a sign-in touches."""

    account_at_address: str
    address: str

    @property
    def rules(self) -> dict[str, ThrottleRule]:
        """The rule of each counter."""
        return {self.account_at_address: ACCOUNT_AT_ADDRESS, self.address: ADDRESS}


def throttle_keys(account: str, address: str) -> ThrottleKeys:
    """Names the counters. The account is hashed: people type passwords into the wrong field."""
    digest = hashlib.sha256(account.lower().encode()).hexdigest()[:32]
    return ThrottleKeys(f"{digest}@{address}", f"*@{address}")
