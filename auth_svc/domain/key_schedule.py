"""When a key is published, signs, and is withdrawn: published some minutes before it signs, so that everybody knows it by
then, and kept after its last signature until the last token signed with it has expired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

# Replicas read the keys anew every half minute at least, clocks differ a little, and tokens are checked with some leeway.
_MARGIN = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class KeyTimes:
    """A published key and when it starts to sign."""

    key_id: str
    signs_from: datetime


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """How often keys change. `lead` has to be longer than anybody keeps the JWKS, which is five minutes."""

    rotation: timedelta = timedelta(days=30)
    lead: timedelta = timedelta(minutes=10)
    token_lifetime: timedelta = timedelta(minutes=15)

    def is_due(self, keys: Sequence[KeyTimes], at: datetime) -> bool:
        """Whether the newest key has signed for long enough; a newer one waiting for its turn counts as the newest."""
        newest = max((key.signs_from for key in keys), default=None)
        return newest is None or newest + self.rotation <= at

    def pending(self, keys: Sequence[KeyTimes], at: datetime) -> KeyTimes | None:
        """The key that waits for its turn."""
        return next((key for key in keys if key.signs_from > at), None)

    def withdrawable(self, keys: Sequence[KeyTimes], at: datetime) -> list[str]:
        """The keys whose successor has signed for so long that no token of theirs can be good."""
        in_order = sorted(keys, key=lambda key: key.signs_from)
        ends = at - self.token_lifetime - _MARGIN
        return [key.key_id for key, next_ in pairwise(in_order) if next_.signs_from <= ends]
