"""Channels as they were a moment ago, for what comes in by the hundred a second: each push comes back as a webhook or two."""

from __future__ import annotations

import time
from collections.abc import Callable

from chassis.database import Database
from sync_svc.domain.channel import Channel
from sync_svc.storage.channels import get_channel

KEPT_S = 1.0


class RecentChannels:
    """Remembers channels for a second. Whoever finds that one does not fit asks for it afresh."""

    def __init__(self, db: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._clock = clock
        self._known: dict[int, tuple[float, Channel]] = {}

    async def get(self, channel_id: int, *, afresh: bool = False) -> Channel:
        """One channel, at most a second old. Raises ChannelNotFound."""
        read_at, channel = self._known.get(channel_id, (0.0, None))
        if channel is not None and not afresh and self._clock() < read_at + KEPT_S:
            return channel
        read_at = self._clock()
        found = await get_channel(self._db, channel_id)
        self._known[channel_id] = (read_at, found)
        return found
