"""What all processes that speak with one account have in common: its quotas and its access tokens.

A connector built within `metered` can be joined with the others of its account; one that is not keeps everything to itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

from sync_svc.channels.limits import Limit


@dataclass(frozen=True, slots=True)
class Draw:
    """Calls drawn from a shared bucket: `granted` of them, the first usable in `wait_of(0)` seconds."""

    granted: int
    level: float
    """What the bucket holds after the draw; below zero when calls were granted ahead of their refill."""
    rate_per_s: float
    paused_s: float
    """For how long the platform has asked the whole account to be silent."""

    def wait_of(self, place: int) -> float:
        """Seconds until the call at this place (from 0) may be made; of one that was not granted, until it could be."""
        missing = place + 1 - (self.level + self.granted)
        return max(0.0, self.paused_s, missing / self.rate_per_s)


@dataclass(frozen=True, slots=True)
class Uses:
    """Uses of a day drawn for one key, and how many all processes have drawn of it."""

    granted: int
    used: int


@dataclass(frozen=True, slots=True)
class KeptToken:
    """An access token that some process has fetched. The token stays out of logs."""

    value: str = field(repr=False)
    expires_in_s: float
    renew_in_s: float


class SharedAccount(Protocol):
    """One account, as all its processes know it together. Every method raises `NotShared` when that cannot be told."""

    async def draw_calls(self, bucket: str, limit: Limit, *, needed: int, extra: int, patience_s: float) -> Draw:
        """Draw the calls that are needed, as far as each has to wait no longer than that, and of what is left some more."""
        ...

    async def tell(self, *, pause_s: float, drained: Sequence[str], rates: Mapping[str, float]) -> None:
        """Let all know of a silence, of buckets that are empty, and of rates that the platform applies."""
        ...

    async def draw_uses(self, subject: str, day: int, wanted: Mapping[str, int], limit: int) -> dict[str, Uses]:
        """Draw uses of a day, by key, no more than are left."""
        ...

    async def give_uses_back(self, subject: str, day: int, unused: Mapping[str, int]) -> None:
        """Give back uses that were drawn and not made."""
        ...

    async def token(self, name: str) -> KeptToken | None:
        """The access token kept last, when there is one that is good for some time yet."""
        ...

    async def claim_token(self, name: str) -> bool:
        """Take it on oneself to fetch a token; False while somebody else has."""
        ...

    async def keep_token(self, name: str, token: KeptToken | None) -> None:
        """End the claim, with the token that was fetched or without one."""
        ...


class NotShared(Exception):
    """What the processes have in common cannot be read or written now."""


class Shares(Protocol):
    """Whatever a connector has that processes may have in common."""

    def share(self, account: SharedAccount, name: str) -> None:
        """From now on have it in common, under a name that is the same in every process."""
        ...

    async def give_back(self) -> None:
        """Give back what was drawn and not used. Raises NotShared."""
        ...


@dataclass(slots=True)
class Meters:
    """All of that of one connector, in the order in which it was made."""

    parts: list[Shares] = field(default_factory=list)

    def share(self, account: SharedAccount) -> None:
        """Have all of it in common with the account's other processes."""
        for place, part in enumerate(self.parts):
            part.share(account, str(place))

    async def give_back(self) -> None:
        """Give back what was drawn and not used. Raises NotShared."""
        for part in self.parts:
            await part.give_back()


_METERS: ContextVar[Meters | None] = ContextVar("meters", default=None)


@contextmanager
def metered() -> Iterator[Meters]:
    """Gathers what is made within the block."""
    meters = Meters()
    token = _METERS.set(meters)
    try:
        yield meters
    finally:
        _METERS.reset(token)


def note(part: Shares) -> None:
    """Let whoever builds this connector know of a part that can be shared."""
    if (meters := _METERS.get()) is not None:
        meters.parts.append(part)
