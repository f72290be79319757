"""What every service follows: the keys and the ended sessions that still matter, then each change as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from auth_svc.domain.revocation import KEYS_CHANGED, EndedSessions, read_ended
from auth_svc.operations.key_ring import KeyRing
from auth_svc.storage.repositories import announcements
from chassis.clock import Clock
from chassis.database import Database
from chassis.feed import Entry, Feed

# Access tokens are checked with some leeway, and clocks differ a little.
_MARGIN = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class PublishedKeys:
    """The public keys from now on, as JWKs."""

    keys: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Alive:
    """All that is known so far was told."""

    at: datetime


@dataclass(frozen=True)
class RevocationFeed:
    """The feed; each follower starts with everything that matters, so nobody has to resume."""

    db: Database
    feed: Feed
    keys: KeyRing
    token_lifetime: timedelta
    clock: Clock

    def forgettable_at(self, ended: EndedSessions) -> datetime:
        """When no access token of these sessions can be good any more."""
        return ended.ended_at + self.token_lifetime + _MARGIN

    async def follow(self) -> AsyncIterator[EndedSessions | PublishedKeys | Alive]:
        """Tells for ever. Raises Unavailable when the database goes; the follower starts again."""
        # The token is older than what is read next, so that what commits in between comes twice rather than not at all.
        token = await self.feed.current_token()
        yield PublishedKeys(await self.keys.reload())
        for ended in await self._recent():
            yield ended
        async for item in self.feed.follow(token):
            if not isinstance(item, Entry):
                yield Alive(self.clock())
            elif item.kind == KEYS_CHANGED:
                yield PublishedKeys(await self.keys.reload())
            else:
                yield read_ended(item.payload)

    async def _recent(self) -> list[EndedSessions]:
        async with self.db.translated(), self.db.read.connect() as conn:
            return await announcements.recently_ended(conn, self.token_lifetime + _MARGIN)
