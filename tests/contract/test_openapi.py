"""The OpenAPI document is valid, whole, and says of every call who may make it and how it looks."""

from __future__ import annotations

import copy
import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from protovalidate import ValidationError, validate

from build_tools import roles
from build_tools.descriptors import Hub
from build_tools.openapi.document import build
from build_tools.openapi.pages import ASSETS_URL, write_pages
from build_tools.routes import Route, all_routes

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document(hub: Hub) -> Json:
    return build(hub, roles.load_policies())


def operation(document: Json, route: Route) -> Json:
    found: Json = document["paths"][route.path][route.verb]
    return found


def operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, item in document["paths"].items():
        for verb, one in item.items():
            yield f"{verb.upper()} {path}", one


def json_contents(one: Json) -> Iterator[Json]:
    """The JSON bodies of an operation that have a schema: of the request and of the answer."""
    for holder in (one.get("requestBody", {}), one["responses"]["200"]):
        if "application/json" in holder.get("content", {}):
            yield holder["content"]["application/json"]


def test_the_document_passes_the_validator(document: Json) -> None:
    OpenAPIV31SpecValidator(document).validate()


def test_every_route_has_its_operation_with_roles(hub: Hub, document: Json) -> None:
    granted = roles.load_policies()
    for route in all_routes(hub):
        one = operation(document, route)
        assert one["x-rpc"] == route.method.full_name
        assert one["x-roles"] == roles.names(granted[route.method.full_name])
        assert f"Roles: {roles.in_words(granted[route.method.full_name])}." in one["description"]


def test_operation_ids_are_unique(document: Json) -> None:
    ids = [one["operationId"] for _, one in operations(document)]
    assert sorted(ids) == sorted(set(ids))


def test_every_operation_has_an_example(document: Json) -> None:
    without = [
        name
        for name, one in operations(document)
        for content in (one.get("requestBody", {}).get("content", {}), one["responses"]["200"]["content"])
        for body in content.values()
        if "example" not in body
    ]
    assert without == []


def test_every_example_obeys_its_schema(document: Json) -> None:
    wrong = []
    for name, one in operations(document):
        for body in json_contents(one):
            errors = _validator(document, body["schema"]).iter_errors(body["example"])
            wrong += [f"{name}: {error.json_path}: {error.message}" for error in errors]
        for parameter in one.get("parameters", ()):
            if "example" in parameter:
                errors = _validator(document, parameter["schema"]).iter_errors(parameter["example"])
                wrong += [f"{name}: {parameter['name']}: {error.message}" for error in errors]
    assert wrong == []


def test_every_request_example_is_accepted_by_the_rules_of_its_proto(hub: Hub, document: Json) -> None:
    wrong = []
    for route in all_routes(hub):
        one = operation(document, route)
        body = one.get("requestBody", {}).get("content", {}).get("application/json")
        if route.body and body is not None and hub.messages[route.method.request].field("form") is None:
            try:
                validate(_request_of(route, one, body["example"]))
            except (ParseError, ValidationError) as error:
                wrong.append(f"{route}: {error}")
    assert wrong == []


def test_every_variable_of_a_path_is_described(document: Json) -> None:
    for path, item in document["paths"].items():
        for one in item.values():
            named = {parameter["name"] for parameter in one.get("parameters", ()) if parameter["in"] == "path"}
            assert named == {part.split("}")[0] for part in path.split("{")[1:]}, path


def test_signing_in_is_an_oauth2_password_flow(document: Json) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes["password"]["flows"]["password"]["tokenUrl"] in document["paths"]
    form = document["paths"]["/api/v1/auth/token"]["post"]["requestBody"]["content"]
    assert "application/x-www-form-urlencoded" in form
    assert document["paths"]["/api/v1/auth/token"]["post"]["security"] == []


def test_numbers_of_64_bits_are_texts_and_enums_bare(document: Json) -> None:
    variant = document["components"]["schemas"]["catalog.Variant"]["properties"]
    assert variant["id"]["type"] == "string"
    assert variant["id"]["format"] == "int64"
    assert "AVAILABLE" in document["components"]["schemas"]["inventory.Item.Status"]["enum"]


def test_an_update_requires_no_field_and_takes_its_key_from_the_path(document: Json) -> None:
    patch = document["paths"]["/api/v1/families/{product_id}"]["patch"]
    schema = patch["requestBody"]["content"]["application/json"]["schema"]
    assert "required" not in schema
    assert "product_id" not in schema["properties"]
    assert {"update_mask", "request_id"} <= {parameter["name"] for parameter in patch["parameters"]}


def test_a_field_that_may_not_stand_beside_the_path_is_left_out(document: Json) -> None:
    by_id = document["paths"]["/api/v1/inventory/{id}"]["get"]
    assert [parameter["name"] for parameter in by_id["parameters"]] == ["id"]


def test_the_document_is_small_enough_to_serve(document: Json) -> None:
    assert len(json.dumps(document)) < 2_000_000


def test_the_pages_load_nothing_from_another_host(tmp_path: Any) -> None:
    write_pages(tmp_path)
    for name in ("docs.html", "redoc.html"):
        page = (tmp_path / name).read_text()
        assert ASSETS_URL in page
        assert "https://" not in page
        assert "default-src 'self'" in page
    assert b"https://otel." not in (tmp_path / "redoc.js").read_bytes()
    assert b"https://cdn." not in (tmp_path / "redoc.js").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {
        "docs.html",
        "redoc.html",
        "redoc.js",
        "swagger.css",
        "swagger.js",
    }


def _request_of(route: Route, one: Json, example: Any) -> Message:
    """The message that the gateway would make of the example's body and path."""
    content = example[0] if route.method.proto.client_streaming else example
    value: Json = content if route.body == "*" else {route.body: content}
    given = {parameter["name"]: parameter.get("example") for parameter in one.get("parameters", ())}
    for variable in route.variables:
        *parents, last = variable.split(".")
        holder = value
        for parent in parents:
            holder = holder[parent]
        holder[last] = given[last]
    service = route.method.full_name.split(".")[1]
    importlib.import_module(f"usav.{service}.v1.{service}_service_pb2")
    descriptor = descriptor_pool.Default().FindMessageTypeByName(route.method.request)
    return ParseDict(copy.deepcopy(value), GetMessageClass(descriptor)())


def _validator(document: Json, schema: Json) -> Draft202012Validator:
    """The components stand beside the schema, so that its references are found."""
    return Draft202012Validator({**schema, "components": document["components"]})
