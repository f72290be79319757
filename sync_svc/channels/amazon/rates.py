"""How often each of Amazon's operations may be called, as published; what Amazon says it applies goes before that. Pure."""

from __future__ import annotations

from sync_svc.channels.limits import Limit
from sync_svc.channels.quota import Throttle

# Rate per second and burst, by the names Amazon gives its operations.
_PUBLISHED = {
    "putListingsItem": (5.0, 10),
    "patchListingsItem": (5.0, 5),
    "getListingsItem": (5.0, 10),
    "searchListingsItems": (5.0, 5),
    "deleteListingsItem": (5.0, 5),
    "createFeedDocument": (0.5, 15),
    "createFeed": (0.0083, 15),
    "getFeeds": (0.0222, 10),
    "getFeed": (2.0, 15),
    "getFeedDocument": (0.0222, 10),
    "searchOrders": (0.0056, 20),
    "getOrder": (0.5, 30),
    "confirmShipment": (2.0, 10),
    "notifications": (1.0, 5),
}
# Ours and Amazon's clocks never tick alike: a little less than is allowed keeps every call within.
_CAUTION = 0.97
# The token endpoint, the storage of documents and the queue publish no figure that matters here.
_ELSE = Limit(10.0, 20)
_HIGHEST = 10_000.0


def make_throttle() -> Throttle:
    """The buckets of one seller and application."""
    return Throttle(_ELSE, {name: _cautious(rate, burst) for name, (rate, burst) in _PUBLISHED.items()})


def _cautious(rate: float, burst: int) -> Limit:
    """A little less than published; calls that follow each other quickly may also bunch on their way."""
    return Limit(rate * _CAUTION, burst - 1 if rate >= 1 else burst)


def applied_rate(header: str) -> float | None:
    """The rate Amazon says it applies, with caution; None when the header is no number."""
    try:
        rate = float(header)
    except ValueError:
        return None
    return min(rate, _HIGHEST) * _CAUTION if rate > 0 else None
