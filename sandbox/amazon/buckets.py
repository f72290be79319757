"""A token bucket per operation with Amazon's default rates. What was applied is told on 2xx, 400 and 404 only."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.amazon.errors import quota_exceeded
from sandbox.wire import Json
from sandbox.world import World

RATES: dict[str, tuple[float, int]] = {
    "put_listings_item": (5, 10),
    "patch_listings_item": (5, 5),
    "get_listings_item": (5, 10),
    "search_listings_items": (5, 5),
    "delete_listings_item": (5, 5),
    "create_feed_document": (0.5, 15),
    "create_feed": (0.0083, 15),
    "get_feeds": (0.0222, 10),
    "get_feed": (2, 15),
    "cancel_feed": (2, 15),
    "get_feed_document": (0.0222, 10),
    "search_orders": (0.0056, 20),
    "get_order": (0.5, 30),
    "confirm_shipment": (2, 10),
    "get_marketplace_participations": (0.016, 15),
    "create_destination": (1, 5),
    "get_destinations": (1, 5),
    "get_destination": (1, 5),
    "delete_destination": (1, 5),
    "create_subscription": (1, 5),
    "get_subscription": (1, 5),
    "get_subscription_by_id": (1, 5),
    "delete_subscription_by_id": (1, 5),
}
LISTINGS_FEED = "JSON_LISTINGS_FEED"
_FIVE_MINUTES_S = 300.0


@dataclass(slots=True)
class Bucket:
    """Tokens left at a time."""

    tokens: float
    at: float


class Buckets:
    """The buckets of the one seller and application."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._buckets: dict[str, Bucket] = {}
        self.refused: dict[str, int] = {}

    def spend(self, operation: str) -> None:
        """Takes a token for an operation. Raises Refused with 429 when there is none."""
        rate, burst = self._limits(operation)
        if not rate:
            return
        now = self._world.clock.seconds()
        bucket = self._buckets.setdefault(operation, Bucket(burst, now))
        bucket.tokens = min(burst, bucket.tokens + max(0.0, now - bucket.at) * rate)
        bucket.at = now
        if bucket.tokens < 1:
            self.refused[operation] = self.refused.get(operation, 0) + 1
            raise quota_exceeded()
        bucket.tokens -= 1

    def spend_feed(self) -> None:
        """Takes a token for one more listings feed: five in five minutes, whatever createFeed itself allows."""
        self.spend(LISTINGS_FEED)

    def rate(self, operation: str) -> float:
        """The rate applied to an operation, 0 when there is none."""
        return self._limits(operation)[0]

    def as_json(self) -> Json:
        """Tokens left by operation, of those that were used, and calls refused."""
        left = {name: round(bucket.tokens, 2) for name, bucket in self._buckets.items()}
        return {"tokens_left": left, "refused": dict(self.refused)}

    def clear(self) -> None:
        """Full buckets."""
        self._buckets.clear()
        self.refused.clear()

    def _limits(self, operation: str) -> tuple[float, float]:
        switches = self._world.switches.amazon
        if operation == LISTINGS_FEED:
            return switches.feeds_per_five_minutes / _FIVE_MINUTES_S, switches.feeds_per_five_minutes
        rate, burst = RATES.get(operation, (0.0, 0))
        # A scaled bucket holds a call at least, or nothing would ever pass.
        return rate * switches.rate_scale, max(1.0, burst * switches.rate_scale)
