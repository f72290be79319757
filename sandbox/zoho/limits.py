"""100 requests a minute and a cap for the day, told apart only by the message; no header says what is left."""

from __future__ import annotations

from collections import deque

from sandbox.wire import Json
from sandbox.world import World
from sandbox.zoho.errors import PER_DAY, PER_MINUTE, refuse

_WINDOW_S = 60.0
_MINUTE_MESSAGE = (
    "For security reasons you have been blocked for some time as you have exceeded the maximum number of requests"
    " per minute that can be made from one account."
)
_DAY_MESSAGE = "You have exceeded the maximum number of API requests allowed per day for your organization."


class Limits:
    """Counts the requests of the organization. A limit of 0 is none, and what is used without one counts against no later one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._minute: deque[float] = deque()
        self._day = ""
        self._today = 0
        self.refused = 0

    def spend(self) -> None:
        """Counts one request. Raises Refused with 429; a refused request is not counted."""
        self._turn()
        switches = self._world.switches.zoho
        if switches.requests_per_day and self._today >= switches.requests_per_day:
            self.refused += 1
            raise refuse(429, PER_DAY, _DAY_MESSAGE)
        if switches.requests_per_minute and len(self._minute) >= switches.requests_per_minute:
            self.refused += 1
            raise refuse(429, PER_MINUTE, _MINUTE_MESSAGE)
        if switches.requests_per_minute:
            self._minute.append(self._world.clock.seconds())
        if switches.requests_per_day:
            self._today += 1

    def as_json(self) -> Json:
        """What was used of both limits."""
        self._turn()
        switches = self._world.switches.zoho
        return {
            "requests_in_last_minute": len(self._minute),
            "requests_per_minute": switches.requests_per_minute,
            "requests_today": self._today,
            "requests_per_day": switches.requests_per_day,
            "refused": self.refused,
        }

    def clear(self) -> None:
        """A new day."""
        self._minute.clear()
        self._day, self._today, self.refused = "", 0, 0

    def _turn(self) -> None:
        now = self._world.clock.seconds()
        while self._minute and self._minute[0] <= now - _WINDOW_S:
            self._minute.popleft()
        # Zoho does not say in which zone its day turns; the organization's is Pacific.
        today = self._world.clock.pacific_day()
        if today != self._day:
            self._day, self._today = today, 0
