"""How long to wait after failed sign-ins.

Two counters: one per account and address together, so that guessing an account from one place never keeps its owner out at
another; and one per address over all accounts, patient and with a short wait, because a warehouse shares one address. Who
signed in from an address before is not held up by the second.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class ThrottleRule:
    """Failures that cost nothing, then a delay that doubles up to a cap; a counter at rest for `memory` starts again."""

    free_failures: int
    first_delay: timedelta
    longest_delay: timedelta
    memory: timedelta

    def delay(self, failures: int) -> timedelta:
        """The wait after this many failures."""
        over = failures - self.free_failures
        if over < 0:
            return timedelta()
        # 2**30 times any first delay is past every cap; a larger exponent would only overflow.
        doubled: timedelta = self.first_delay * 2 ** min(over, 30)
        return min(doubled, self.longest_delay)


ACCOUNT_AT_ADDRESS = ThrottleRule(5, timedelta(seconds=1), timedelta(minutes=5), timedelta(hours=24))
ADDRESS = ThrottleRule(100, timedelta(seconds=1), timedelta(seconds=10), timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class ThrottleKeys:
    """The names of the two counters that a sign-in touches."""

    account_at_address: str
    address: str

    def rules(self) -> list[tuple[str, ThrottleRule]]:
        """The counters with their rules, in the order in which they are locked."""
        return [(self.address, ADDRESS), (self.account_at_address, ACCOUNT_AT_ADDRESS)]


def throttle_keys(account: str, address: str) -> ThrottleKeys:
    """Names the counters. The account is hashed: people type passwords into the wrong field."""
    digest = hashlib.sha256(account.lower().encode()).hexdigest()[:32]
    return ThrottleKeys(f"{digest}@{address}", f"*@{address}")
