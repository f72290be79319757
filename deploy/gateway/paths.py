"""From the rpcs' http options to the gateway's routes: which path goes to which service, and how it is treated.

Paths of one service, verb and treatment share one route with one regular expression, which the gateway matches in a single
pass; a route per path would be tried one after another.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from build_tools.descriptors import Hub, Method, ours
from build_tools.routes import Route, all_routes, routes_of

_VARIABLE = re.compile(r"\{[^}=]+(?:=([^}]*))?\}")
_HOSTS = {"hub": "auth"}
_RAW = "google.api.HttpBody"


class Treatment(Enum):
    """How calls are treated: reads may be repeated, writes only when they cannot have arrived, streams have no time limit."""

    READ = "read"
    WRITE = "write"
    STREAM = "stream"


@dataclass(frozen=True)
class Destination:
    """Where a path leads and how. `verb` is empty for gRPC paths; a `raw` answer is not a message of ours as JSON.

    What is `guarded` takes an access token already here.
    """

    service: str
    treatment: Treatment
    verb: str = ""
    raw: bool = False
    guarded: bool = False


@dataclass(frozen=True)
class PathGroup:
    """The paths of one destination."""

    destination: Destination
    patterns: tuple[str, ...]

    @property
    def regex(self) -> str:
        """One expression for the whole path."""
        return self.patterns[0] if len(self.patterns) == 1 else f"(?:{'|'.join(self.patterns)})"


def json_groups(hub: Hub) -> list[PathGroup]:
    """The JSON paths; a path that another group's variables would swallow stands before all groups, on its own."""
    routes = all_routes(hub)
    special = [route for route in routes if _is_swallowed(route, routes)]
    common: dict[Destination, list[str]] = defaultdict(list)
    for route in routes:
        if route not in special:
            common[_destination(route)].append(pattern_of(route.template))
    alone = [PathGroup(_destination(route), (pattern_of(route.template),)) for route in special]
    return alone + [PathGroup(destination, tuple(patterns)) for destination, patterns in common.items()]


def grpc_groups(hub: Hub) -> list[PathGroup]:
    """The gRPC paths of all our services."""
    found: dict[Destination, list[str]] = defaultdict(list)
    for service in hub.services.values():
        for method in service.methods if ours(service.full_name) else ():
            path = f"/{re.escape(service.full_name)}/{method.name}"
            found[Destination(service_of(method), treatment_of(method), guarded=is_guarded(method))].append(path)
    return [PathGroup(destination, tuple(paths)) for destination, paths in found.items()]


def allowed_verbs(hub: Hub) -> dict[tuple[str, ...], list[str]]:
    """The patterns of all JSON paths by the verbs they answer to."""
    verbs: dict[str, set[str]] = defaultdict(set)
    for route in all_routes(hub):
        verbs[pattern_of(route.template)].add(route.verb.upper())
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for pattern, allowed in verbs.items():
        groups[tuple(sorted(allowed))].append(pattern)
    return groups


def service_of(method: Method) -> str:
    """The cluster that serves the rpc; the hub's own service lives in auth's process."""
    package = method.full_name.split(".")[1]
    return _HOSTS.get(package, package)


def treatment_of(method: Method) -> Treatment:
    """Streams by their kind, reads by their GET path; everything else may change something."""
    if method.proto.client_streaming or method.proto.server_streaming:
        return Treatment.STREAM
    is_read = any(route.verb == "get" for route in routes_of(method))
    return Treatment.READ if is_read else Treatment.WRITE


def is_guarded(method: Method) -> bool:
    """Whether the gateway looks at tokens. A stream of requests it leaves to the service: some gRPC clients take an answer
    that comes before they have written anything for a broken connection."""
    return not (method.is_public or method.proto.client_streaming)


def pattern_of(template: str) -> str:
    """The regular expression of a path template: `*` is one segment, `**` any number of them."""
    parts, end = [], 0
    for found in _VARIABLE.finditer(template):
        parts += [re.escape(template[end : found.start()]), _segments(found[1] or "*")]
        end = found.end()
    return "".join([*parts, re.escape(template[end:])])


def _segments(pattern: str) -> str:
    return "/".join({"*": "[^/]+", "**": ".+"}.get(part, re.escape(part)) for part in pattern.split("/"))


def _destination(route: Route) -> Destination:
    method = route.method
    raw = method.response == _RAW
    return Destination(service_of(method), treatment_of(method), route.verb.upper(), raw, is_guarded(method))


def _is_swallowed(route: Route, routes: Iterable[Route]) -> bool:
    sample = _VARIABLE.sub("0", route.template)
    return any(
        other.verb == route.verb
        and _destination(other) != _destination(route)
        and other.template.count("{") > route.template.count("{")
        and re.fullmatch(pattern_of(other.template), sample)
        for other in routes
    )
