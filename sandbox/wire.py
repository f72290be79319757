"""A marketplace call and its answer, free of any web framework, and the router that finds the operation for a path.

Paths are split before they are decoded, so a SKU may hold an encoded slash.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

Json = dict[str, Any]


@dataclass(slots=True)
class Touch:
    """A SKU that a call named, and the quantity it set, if it set one."""

    sku: str
    quantity: int | None = None


@dataclass(slots=True)
class Call:
    """One request to a marketplace. `account` is empty until the credentials have been looked at."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    raw_query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    operation: str = "unknown"
    account: str = ""
    params: dict[str, str] = field(default_factory=dict)
    touched: list[Touch] = field(default_factory=list)
    route: Route | None = None

    def note(self, sku: str, quantity: int | None = None) -> None:
        """Remembers for the call log which SKU the call was about."""
        self.touched.append(Touch(sku, quantity))

    def parsed(self) -> Any:
        """The body as JSON; NaN and Infinity are none. Raises ValueError."""
        return json.loads(self.body, parse_constant=_refuse_constant)


@dataclass(slots=True)
class Answer:
    """What goes back: a JSON body (None sends none) unless `raw` is given."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    content_type: str = "application/json"

    def payload(self) -> bytes:
        """The bytes to send."""
        if self.raw is not None:
            return self.raw
        return b"" if self.body is None else json.dumps(self.body).encode()


class Refused(Exception):
    """Ends the handling of a call with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"refused with {answer.status}")
        self.answer = answer


Handler = Callable[..., Any]
Outcome = Answer | Awaitable[Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: its name in the call log, its path template in segments, and its handler."""

    operation: str
    segments: tuple[str, ...]
    handler: Handler


class Router:
    """Finds the operation of a call by method and path; fixed segments win over variables."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, int], list[Route]] = {}

    def add(self, operation: str, target: str, handler: Handler) -> None:
        """Adds `VERB /path/{variable}`; routes are tried in the order they were added."""
        method, _, template = target.partition(" ")
        segments = tuple(template.strip("/").split("/"))
        self._routes.setdefault((method, len(segments)), []).append(Route(operation, segments, handler))

    def targets(self) -> list[tuple[str, str]]:
        """(verb, path template) of every route."""
        return [
            (method, "/" + "/".join(route.segments)) for (method, _), routes in self._routes.items() for route in routes
        ]

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route and its decoded variables, or None."""
        parts = path.strip("/").split("/")
        for route in self._routes.get((method, len(parts)), ()):
            params = _match(route.segments, parts)
            if params is not None:
                return route, params
        return None


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _match(segments: tuple[str, ...], parts: list[str]) -> dict[str, str] | None:
    params = {}
    for segment, part in zip(segments, parts, strict=True):
        if segment.startswith("{"):
            params[segment[1:-1]] = unquote(part)
        elif segment != part:
            return None
    return params
