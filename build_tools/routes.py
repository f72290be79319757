"""The JSON paths of the rpcs, as their google.api.http options give them.

A path whose variables are struck out is its shape. Two bindings with one verb and one shape would hide one another, and two
paths of one shape with different variable names cannot stand in one OpenAPI document; both are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from google.api import annotations_pb2, http_pb2

from build_tools.descriptors import Hub, Method

_VARIABLE = re.compile(r"\{([a-z0-9_.]+)(?:=[^}]*)?\}")


class RouteError(Exception):
    """Two rpcs ask for the same path; the text names both."""


@dataclass(frozen=True)
class Route:
    """One way to call one rpc as JSON."""

    method: Method
    verb: str
    template: str
    body: str
    response_body: str
    is_additional: bool

    @property
    def variables(self) -> tuple[str, ...]:
        """The request fields that the path fills, e.g. ("family.product_id",)."""
        return tuple(_VARIABLE.findall(self.template))

    @property
    def path(self) -> str:
        """The path for people: "/api/v1/families/{product_id}" for a variable family.product_id."""
        return _VARIABLE.sub(lambda found: "{" + parameter_name(found[1]) + "}", self.template)

    @property
    def shape(self) -> str:
        return _VARIABLE.sub("{}", self.template)

    def __str__(self) -> str:
        return f"{self.verb.upper()} {self.path}"


def parameter_name(variable: str) -> str:
    """How a path variable is called in the documentation."""
    return variable.rsplit(".", 1)[-1]


def routes_of(method: Method) -> Iterator[Route]:
    """The rpc's JSON paths: none, one, or with additional bindings several."""
    options = method.proto.options
    if options.HasExtension(annotations_pb2.http):
        rule = options.Extensions[annotations_pb2.http]
        yield _route(method, rule, is_additional=False)
        for extra in rule.additional_bindings:
            yield _route(method, extra, is_additional=True)


def all_routes(hub: Hub) -> list[Route]:
    """Every JSON path of the hub. Raises RouteError when two of them collapse into one."""
    routes = [route for method in hub.methods() for route in routes_of(method)]
    refuse_collapsing(routes)
    return routes


def refuse_collapsing(routes: Iterable[Route]) -> None:
    """Raises RouteError when two routes have one verb and shape, or one shape under two names."""
    taken: dict[tuple[str, str], Route] = {}
    named: dict[str, Route] = {}
    for route in routes:
        other = taken.setdefault((route.verb, route.shape), route)
        if other is not route:
            raise RouteError(f"{route} of {route.method.full_name} is {other} of {other.method.full_name} again")
        other = named.setdefault(route.shape, route)
        if other.path != route.path:
            raise RouteError(
                f"{route} of {route.method.full_name} and {other} of {other.method.full_name} are one path to a caller; "
                "call their variables the same"
            )


def _route(method: Method, rule: http_pb2.HttpRule, *, is_additional: bool) -> Route:
    kind = rule.WhichOneof("pattern")
    if kind is None or kind == "custom":
        raise RouteError(f"{method.full_name}: an http binding has to be get, post, put, patch or delete")
    return Route(method, kind, getattr(rule, kind), rule.body, rule.response_body, is_additional)
