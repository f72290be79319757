"""Describes one call: its parameters, body, answers, roles and examples, from the rpc and one of its routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from build_tools.descriptors import Field, Hub, Message
from build_tools.openapi import errors
from build_tools.openapi.bodies import JSON, RawBodies
from build_tools.openapi.examples import Examples
from build_tools.openapi.schemas import Schemas, is_required
from build_tools.openapi.well_known import HTTP_BODY, SCALAR_MESSAGES
from build_tools.roles import in_words, names
from build_tools.routes import Route, parameter_name
from chassis.access import Policy

Json = dict[str, Any]

# The noun of a path is its first part, but for these two services whose paths hold several nouns under one word.
_SECOND_NOUNS = {
    "auth": {"users", "service-accounts", "events"},
    "inventory": {"allocations", "locations", "counts", "movements"},
}


_STREAM = "A stream: one such JSON object per line."


class Operations:
    """Makes the operation objects of one document."""

    def __init__(self, hub: Hub, schemas: Schemas, policies: dict[str, Policy]) -> None:
        self._hub = hub
        self._schemas = schemas
        self._policies = policies
        self._examples = Examples(hub)
        self._raw = RawBodies(schemas, self._examples)

    def of(self, route: Route) -> Json:
        """The operation object of a route."""
        policy = self._policies[route.method.full_name]
        operation: Json = {
            "tags": [tag_of(route.path)],
            "operationId": route.method.name + (_suffix(route) if route.is_additional else ""),
            "summary": _first_sentence(route.method.comment),
            "description": f"{_paragraphs(route.method.comment)}\n\nRoles: {in_words(policy)}.",
            "x-roles": names(policy),
            "x-rpc": route.method.full_name,
        }
        parameters = [*self._path_parameters(route), *self._query_parameters(route)]
        if parameters:
            operation["parameters"] = parameters
        if route.body:
            operation["requestBody"] = {"required": True, "content": self._request_content(route)}
        operation["responses"] = self._responses(route, policy)
        if policy.public:
            operation["security"] = []
        return operation

    def _request(self, route: Route) -> Message:
        return self._hub.messages[route.method.request]

    def _path_parameters(self, route: Route) -> Iterator[Json]:
        for variable in route.variables:
            field = self._find(self._request(route), variable)
            schema = self._schemas.of_field(field)
            schema.pop("readOnly", None)
            yield self._parameter("path", parameter_name(variable), field, schema, required=True)

    def _query_parameters(self, route: Route) -> Iterator[Json]:
        """Every field that neither path nor body holds, nested ones under dotted names."""
        if route.body == "*":
            return
        request = self._request(route)
        left_out = self._taken(route, request) | {route.body}
        for name, field in self._leaves(request, "", left_out):
            required = is_required(field) and "." not in name
            yield self._parameter("query", name, field, self._schemas.of_field(field), required=required)

    def _parameter(self, place: str, name: str, field: Field, schema: Json, *, required: bool) -> Json:
        parameter: Json = {"name": name, "in": place}
        if required:
            parameter["required"] = True
        description = schema.pop("description", "")
        if description:
            parameter["description"] = description
        parameter["schema"] = schema
        if required or place == "path":
            parameter["example"] = self._examples.parameter(field)
        return parameter

    def _leaves(self, message: Message, prefix: str, left_out: set[str]) -> Iterator[tuple[str, Field]]:
        for field in message.fields:
            if field.name in left_out:
                continue
            nested = self._hub.messages.get(field.type_name)
            if nested is None or field.type_name in SCALAR_MESSAGES:
                yield prefix + field.name, field
            elif not field.repeated:
                yield from self._leaves(nested, f"{prefix}{field.name}.", set())

    def _find(self, message: Message, variable: str) -> Field:
        *parents, last = variable.split(".")
        for parent in parents:
            field = message.field(parent)
            if field is None:
                raise KeyError(f"{message.full_name} has no field {parent}")
            message = self._hub.messages[field.type_name]
        found = message.field(last)
        if found is None:
            raise KeyError(f"{message.full_name} has no field {last}")
        return found

    def _taken(self, route: Route, request: Message) -> set[str]:
        """The fields that the path fills, and those that may not stand beside them."""
        filled = {variable.split(".")[0] for variable in route.variables}
        return filled.union(*(choice for choice in request.choices if filled & set(choice)))

    def _request_content(self, route: Route) -> Json:
        request = self._request(route)
        partial = route.verb == "patch"
        if route.body == "*":
            left_out = self._taken(route, request)
            return self._json_body(request, left_out, partial, is_stream=route.method.proto.client_streaming)
        field = self._find(request, route.body)
        if field.type_name == HTTP_BODY:
            return self._raw.request(route.method.name)
        bound = {variable.split(".", 1)[1] for variable in route.variables if variable.startswith(f"{route.body}.")}
        return self._json_body(self._hub.messages[field.type_name], bound, partial, is_stream=False)

    def _json_body(self, message: Message, left_out: set[str], partial: bool, *, is_stream: bool) -> Json:
        if left_out or partial:
            schema = self._schemas.of_message_without(message, left_out, partial=partial)
        else:
            schema = self._schemas.of_type(message.full_name)
        example = self._examples.request(message.full_name, left_out, partial=partial)
        if is_stream:
            schema, example = {"type": "array", "items": schema}, [example]
        return {JSON: {"schema": schema, "example": example}}

    def _responses(self, route: Route, policy: Policy) -> Json:
        method = route.method
        if method.response == HTTP_BODY:
            content = self._raw.answer(method.name)
        else:
            schema = self._schemas.of_type(method.response)
            content = {JSON: {"schema": schema, "example": self._examples.answer(method.response)}}
        is_stream = method.proto.server_streaming and method.response != HTTP_BODY
        description = _STREAM if is_stream else "Done."
        answers: Json = {"200": {"description": description, "content": content}}
        return answers | errors.responses_for(
            is_public=policy.public, has_variables=bool(route.variables), changes=route.verb != "get"
        )


def tag_of(path: str) -> str:
    """The noun of a path: /api/v1/auth/users/{id} tells of users."""
    parts = [part.partition(":")[0] for part in path.split("/") if part]
    parts = parts[2:] if parts[:2] == ["api", "v1"] else parts
    if len(parts) > 1 and parts[1] in _SECOND_NOUNS.get(parts[0], ()):
        return parts[1]
    return parts[0].removeprefix(".")


def _suffix(route: Route) -> str:
    """Tells a further path of an rpc from its first: the fixed parts of it that come after the noun."""
    parts = [part for part in route.path.replace(":", "/").split("/") if part and not part.startswith("{")]
    return "By" + "".join(part.title().replace("-", "").replace(".", "") for part in parts[2:])


def _first_sentence(comment: str) -> str:
    text = " ".join(comment.split())
    head, dot, _ = text.partition(". ")
    return head if dot else text.rstrip(".")


def _paragraphs(comment: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in comment.split("\n\n"))
