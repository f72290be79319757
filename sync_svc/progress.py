"""What the workers of this process do, told to whoever watches at the moment. Nothing is kept: the record is in the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

_MOST_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class ListingPushed:
    """A listing was pushed, well or not."""

    at: datetime
    listing_id: int
    channel_id: int
    platform: str
    account: str
    sku: str
    platform_sku: str
    quantity_before: int | None
    quantity: int | None
    price: Decimal | None
    currency: str
    outcome: str
    message: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class OrderTaken:
    """An order was taken in, or changed."""

    at: datetime
    order_id: int
    channel_id: int
    platform: str
    account: str
    order_reference: str
    status: str
    message: str


Event = ListingPushed | OrderTaken


class Progress:
    """Tells events to the watchers. A watcher too slow to keep up loses the newest ones."""

    def __init__(self) -> None:
        self._watchers: set[asyncio.Queue[Event]] = set()

    @property
    def is_watched(self) -> bool:
        """Whether telling reaches anybody."""
        return bool(self._watchers)

    def tell(self, event: Event) -> None:
        """Tell every watcher; never waits."""
        for queue in self._watchers:
            if not queue.full():
                queue.put_nowait(event)

    @contextmanager
    def watch(self) -> Iterator[Watcher]:
        """Watch from now on, until the block ends."""
        queue: asyncio.Queue[Event] = asyncio.Queue(_MOST_WAITING)
        self._watchers.add(queue)
        try:
            yield Watcher(queue)
        finally:
            self._watchers.discard(queue)


class Watcher:
    """One watcher's view."""

    def __init__(self, queue: asyncio.Queue[Event]) -> None:
        self._queue = queue

    async def events(self, heartbeat_s: float) -> AsyncIterator[Event | None]:
        """Events as they come; None after each silence of `heartbeat_s`."""
        while True:
            try:
                async with asyncio.timeout(heartbeat_s):
                    event = await self._queue.get()
            except TimeoutError:
                yield None
            else:
                yield event
