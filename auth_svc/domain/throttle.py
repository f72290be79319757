"""How long to wait after failed sign-ins.

Three counters. One per account and address together, so that guessing an account from one place never keeps its owner out at
another. One per address over all accounts, patient and with a short wait, because a warehouse shares one address. And one per
account over all addresses, an alarm: while it rings, an address that the account never signed in from waits before its first
attempt. Each address waits for itself, so nobody can keep another one waiting. Who signed in from an address before is held
up by neither the second nor the third.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


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
# One address adds at most its free failures, so it takes more than ten addresses to ring the alarm.
ALARM = ThrottleRule(50, timedelta(seconds=2), timedelta(seconds=60), timedelta(hours=1))
# What a new address starts with while the alarm rings: its second attempt waits half a minute, the next a minute...
HELD_FAILURES = ACCOUNT_AT_ADDRESS.free_failures + 4


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter as it is kept."""

    failures: int
    last_failed_at: datetime
    blocked_until: datetime


@dataclass(frozen=True, slots=True)
class ThrottleKeys:
    """The names of the counters that a sign-in touches."""

    account_at_address: str
    address: str
    account: str

    def rules(self) -> list[tuple[str, ThrottleRule]]:
        """The counters that make their address wait, with their rules, in the order in which they are locked."""
        return [(self.address, ADDRESS), (self.account_at_address, ACCOUNT_AT_ADDRESS)]

    def rings(self, counters: Mapping[str, Counter], at: datetime) -> timedelta:
        """How long a new address has to wait before its first attempt; nothing while the alarm is silent."""
        alarm = counters.get(self.account)
        if alarm is None or self.account_at_address in counters or alarm.last_failed_at < at - ALARM.memory:
            return timedelta()
        return ALARM.delay(alarm.failures)


def adds_to_alarm(failures: int) -> bool:
    """Whether this failure, by its number at its address, is counted for the account: those that the address had free."""
    return failures <= ACCOUNT_AT_ADDRESS.free_failures or failures == HELD_FAILURES + 1


def throttle_keys(account: str, address: str) -> ThrottleKeys:
    """Names the counters. The account is hashed: people type passwords into the wrong field."""
    digest = hashlib.sha256(account.lower().encode()).hexdigest()[:32]
    network = network_of(address)
    return ThrottleKeys(f"{digest}@{network}", f"*@{network}", f"{digest}@*")


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that a single IPv6 subscriber has at his hand."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
