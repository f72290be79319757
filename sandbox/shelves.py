"""What each marketplace shows buyers right now, with the real time of its last change, and waiting for a quantity.

The markets write here after every change; the control plane and the page read it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace

from sandbox.wire import Json

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """One listing as a buyer sees it. `reference` is the offer, product or combination id."""

    platform: str
    account: str
    sku: str
    listing_id: str
    reference: str
    title: str
    price: str
    currency: str
    quantity: int
    status: str
    changed_at: float = 0.0

    def as_json(self) -> Json:
        """The listing as the control plane shows it."""
        return {name: getattr(self, name) for name in self.__slots__}


class Shelves:
    """All listings by (platform, account, SKU). `version` rises with every visible change."""

    def __init__(self) -> None:
        self._shown: dict[Key, Shown] = {}
        self._waiters: dict[Key, set[asyncio.Future[None]]] = {}
        self.version = 0

    def __len__(self) -> int:
        return len(self._shown)

    def put(self, listing: Shown) -> None:
        """Shows a listing; its change time moves only when quantity, price, title or status do."""
        key = (listing.platform, listing.account, listing.sku)
        before = self._shown.get(key)
        if before is not None and replace(before, changed_at=0.0) == listing:
            return
        moved = before is None or before.quantity != listing.quantity
        changed_at = time.time() if moved or before is None else before.changed_at
        self._shown[key] = replace(listing, changed_at=changed_at)
        self._changed(key)

    def remove(self, platform: str, account: str, sku: str) -> None:
        """Takes a listing off the shelf."""
        if self._shown.pop((platform, account, sku), None) is not None:
            self._changed((platform, account, sku))

    def mark_changed(self) -> None:
        """Something else worth looking at has changed, as an order."""
        self.version += 1

    def get(self, platform: str, account: str, sku: str) -> Shown | None:
        """The listing, or None when nothing is shown under that SKU."""
        return self._shown.get((platform, account, sku))

    def find(self, platform: str = "", account: str = "", text: str = "") -> list[Shown]:
        """Listings in the order they first appeared, filtered by part of SKU or title."""
        wanted = text.casefold()
        return [
            shown
            for shown in self._shown.values()
            if (not platform or shown.platform == platform)
            and (not account or shown.account == account)
            and (not wanted or wanted in shown.sku.casefold() or wanted in shown.title.casefold())
        ]

    async def wait_for(self, key: Key, quantity: int, timeout_s: float) -> Shown | None:
        """The listing as soon as it shows that quantity, or None when the time is up."""
        deadline = time.monotonic() + timeout_s
        while True:
            shown = self._shown.get(key)
            if shown is not None and shown.quantity == quantity:
                return shown
            if not await self._changed_before(key, deadline):
                return None

    def clear(self) -> None:
        """Empties all shelves."""
        keys = list(self._shown)
        self._shown.clear()
        for key in keys:
            self._changed(key)

    async def _changed_before(self, key: Key, deadline: float) -> bool:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(key, set())
        waiters.add(future)
        try:
            await asyncio.wait_for(future, max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            return False
        finally:
            waiters.discard(future)
            if not waiters:
                self._waiters.pop(key, None)
        return True

    def _changed(self, key: Key) -> None:
        self.version += 1
        for future in self._waiters.get(key, ()):
            if not future.done():
                future.set_result(None)
