"""eBay's daily call quotas, counted per API and Pacific calendar day for the application, and per seller beside it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from sandbox.clock import PACIFIC, iso_millis
from sandbox.ebay.errors import refuse
from sandbox.wire import Json
from sandbox.world import World

CONTEXTS = {
    "inventory": ("sell", "inventory", "v1"),
    "fulfillment": ("sell", "fulfillment", "v1"),
    "account": ("sell", "account", "v1"),
    "notification": ("commerce", "notification", "v1"),
    "analytics": ("developer", "analytics", "v1_beta"),
}
_DAY_S = 86_400


class Quotas:
    """Counts calls and refuses those above the day's limit; a limit of 0 is none."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._day = ""
        self._application: Counter[str] = Counter()
        self._sellers: Counter[tuple[str, str]] = Counter()
        self.refused = 0

    def spend(self, api: str, seller: str) -> None:
        """Counts one call of an API. Raises Refused with 429 when the day's quota is used up."""
        self._turn_day()
        limit = self.limit(api)
        if limit and self._application[api] >= limit:
            self.refused += 1
            raise refuse(429, 2001, "Too many requests. The request limit has been reached for the resource.")
        self._application[api] += 1
        self._sellers[seller, api] += 1

    def limit(self, api: str) -> int:
        """The day's limit of an API."""
        value: int = getattr(self._world.switches.ebay, f"{api}_calls_per_day")
        return value

    def used(self, api: str, seller: str | None = None) -> int:
        """Calls of today, of the application or of one seller."""
        self._turn_day()
        return self._application[api] if seller is None else self._sellers[seller, api]

    def rates(self, seller: str | None = None, context: str = "", name: str = "") -> list[Json]:
        """The answer of Developer Analytics."""
        return [
            self._rate_limit(api, seller)
            for api, (api_context, api_name, _) in CONTEXTS.items()
            if (not context or api_context == context.lower()) and (not name or api_name == name.lower())
        ]

    def clear(self) -> None:
        """A new day."""
        self._day = ""
        self.refused = 0
        self._turn_day()

    def _rate_limit(self, api: str, seller: str | None) -> Json:
        context, name, version = CONTEXTS[api]
        limit, used = self.limit(api), self.used(api, seller)
        rate = {
            "count": used,
            "limit": limit,
            "remaining": max(0, limit - used),
            "reset": iso_millis(self._midnight()),
            "timeWindow": _DAY_S,
        }
        resource = {"name": f"{context}.{name}", "rates": [rate]}
        return {"apiContext": context, "apiName": name, "apiVersion": version, "resources": [resource]}

    def _midnight(self) -> datetime:
        tomorrow = self._world.clock.now().astimezone(PACIFIC) + timedelta(days=1)
        return tomorrow.replace(hour=0, minute=0, second=0, microsecond=0)

    def _turn_day(self) -> None:
        today = self._world.clock.pacific_day()
        if today != self._day:
            self._day = today
            self._application.clear()
            self._sellers.clear()
