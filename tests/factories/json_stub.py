"""Calls rpcs as JSON through the gateway: takes and gives the protos' own messages, as a gRPC stub does."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

from build_tools.descriptors import load
from build_tools.routes import Route, routes_of

_VARIABLE = re.compile(r"\{([a-z0-9_.]+)[^}]*\}")


class JsonRefused(Exception):
    """The gateway's answer was an error."""

    def __init__(self, answer: httpx2.Response) -> None:
        super().__init__(f"{answer.status_code} {answer.text[:500]}")
        self.status = answer.status_code
        details = answer.json().get("details", []) if "json" in answer.headers.get("content-type", "") else []
        self.reason = next((str(item["reason"]) for item in details if "reason" in item), "")


class JsonStub:
    """The rpcs of one service; `client` is at the gateway and signed in."""

    def __init__(self, client: httpx2.AsyncClient, service: ServiceDescriptor) -> None:
        self._client = client
        self._methods = {method.name: method for method in service.methods}
        self._routes = {
            method.name: list(routes_of(method))
            for method in load().methods()
            if method.full_name.rpartition(".")[0] == service.full_name
        }

    def __getattr__(self, name: str) -> Callable[[Message], Awaitable[Any]]:
        if name not in self._methods:
            raise AttributeError(name)
        return lambda request: self._call(self._methods[name], self._routes[name], request)

    async def _call(self, method: MethodDescriptor, routes: list[Route], request: Message) -> Message:
        """The answer. Raises JsonRefused, httpx2.TransportError."""
        told = json_format.MessageToDict(request, preserving_proto_field_name=True)
        route = next(each for each in routes if all(_value(told, name) for name in each.variables))
        path = _VARIABLE.sub(lambda found: str(_value(told, found[1])), route.template)
        rest = {name: value for name, value in told.items() if name not in route.variables}
        body = rest if route.body == "*" else told.get(route.body, {}) if route.body else None
        query = {} if route.body == "*" else {name: value for name, value in rest.items() if name != route.body}
        answer = await self._client.request(route.verb.upper(), path, params=query, json=body)
        if answer.status_code != 200:
            raise JsonRefused(answer)
        return json_format.Parse(answer.text, message_factory.GetMessageClass(method.output_type)())


def _value(told: dict[str, Any], variable: str) -> Any:
    found: Any = told
    for name in variable.split("."):
        found = found.get(name, "") if isinstance(found, dict) else ""
    return found
