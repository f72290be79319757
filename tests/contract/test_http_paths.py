"""The JSON API keeps its form: known paths, no two rpcs on one path, pages on lists, request ids on changes."""

from __future__ import annotations

import re

import pytest
from google.api import field_behavior_pb2
from google.protobuf.descriptor_pb2 import MethodDescriptorProto

from build_tools.descriptors import Field, Hub, Message, Method
from build_tools.routes import Route, RouteError, all_routes, refuse_collapsing
from tests.contract.public_paths import promised

PAGE_REQUEST = {"page_size", "page_token"}
PAGE_ANSWER = {"items", "next_page_token", "total_size"}

# Bodies that OAuth2 and the marketplaces define have no place for a request_id: a repeat of them is safe by itself.
WITHOUT_REQUEST_ID = {
    "IssueToken": "every grant starts or continues a session",
    "ExchangeToken": "RFC 6749 defines the body",
    "RevokeToken": "RFC 7009 defines the body",
    "ReceiveWebhook": "the platform defines the body; deliveries are told apart by their own id",
    "ImportCatalog": "the body is the file; importing the same file again changes nothing",
    "TestChannel": "changes nothing at the hub",
    "BeginConsent": "changes nothing at the hub",
    "FinishConsent": "a code is good once, at the platform",
}


def shape_of(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def made_route(name: str, verb: str, template: str) -> Route:
    method = Method(f"usav.made.v1.MadeService.{name}", "Made up.", MethodDescriptorProto(name=name))
    return Route(method, verb, template, body="", response_body="", is_additional=False)


@pytest.mark.parametrize("promise", promised())
def test_every_promised_path_is_served(hub: Hub, promise: str) -> None:
    served = {f"{route.verb.upper()} {route.shape}" for route in all_routes(hub)}
    assert shape_of(promise) in served


def test_no_two_rpcs_share_a_path(hub: Hub) -> None:
    assert all_routes(hub)


def test_every_path_variable_is_a_single_field_of_the_request(hub: Hub) -> None:
    wrong = []
    for route in all_routes(hub):
        for variable in route.variables:
            field = _field_at(hub, hub.messages[route.method.request], variable)
            if field is None or field.repeated or field.type_name in hub.messages:
                wrong.append(f"{route}: {variable}")
    assert wrong == []


def test_the_body_of_every_route_is_a_field_of_the_request(hub: Hub) -> None:
    wrong = [
        str(route)
        for route in all_routes(hub)
        if route.body not in ("", "*") and hub.messages[route.method.request].field(route.body) is None
    ]
    assert wrong == []


def test_only_reads_and_deletes_have_no_body(hub: Hub) -> None:
    wrong = [str(route) for route in all_routes(hub) if (route.verb in ("get", "delete")) == bool(route.body)]
    assert wrong == []


def test_every_list_is_paged(hub: Hub) -> None:
    wrong = []
    for method in hub.methods():
        answer = hub.messages[method.response]
        if method.name.startswith("List") or answer.field("next_page_token"):
            request = {field.name for field in hub.messages[method.request].fields}
            missing = (PAGE_REQUEST - request) | (PAGE_ANSWER - {field.name for field in answer.fields})
            wrong += [f"{method.full_name}: {name}" for name in sorted(missing)]
    assert wrong == []


def test_every_change_takes_a_request_id(hub: Hub) -> None:
    changes = {route.method.full_name: route.method for route in all_routes(hub) if route.verb != "get"}
    wrong = [
        method.full_name
        for method in changes.values()
        if method.name not in WITHOUT_REQUEST_ID and not _takes_request_id(hub, method)
    ]
    assert wrong == []


def test_every_update_takes_a_mask(hub: Hub) -> None:
    wrong = [
        route.method.full_name
        for route in all_routes(hub)
        if route.verb == "patch" and hub.messages[route.method.request].field("update_mask") is None
    ]
    assert wrong == []


def test_every_text_of_a_request_has_a_greatest_length(hub: Hub) -> None:
    assert sorted(set(_unbounded_texts(hub))) == []


def test_one_verb_and_shape_twice_is_refused() -> None:
    routes = [made_route("GetA", "get", "/api/v1/a/{id}"), made_route("GetB", "get", "/api/v1/a/{name}")]
    with pytest.raises(RouteError, match="GetB"):
        refuse_collapsing(routes)


def test_one_path_under_two_names_is_refused() -> None:
    routes = [made_route("GetA", "get", "/api/v1/a/{id}"), made_route("DeleteA", "delete", "/api/v1/a/{code}")]
    with pytest.raises(RouteError, match="call their variables the same"):
        refuse_collapsing(routes)


def test_a_nested_variable_of_the_same_name_is_the_same_path() -> None:
    refuse_collapsing([made_route("GetA", "get", "/api/v1/a/{id}"), made_route("UpdateA", "patch", "/api/v1/a/{a.id}")])


def _takes_request_id(hub: Hub, method: Method) -> bool:
    field = hub.messages[method.request].field("request_id")
    return field is not None and field.rules.string.max_len == 64


def _field_at(hub: Hub, message: Message, path: str) -> Field | None:
    first, _, rest = path.partition(".")
    field = message.field(first)
    if field is None or not rest:
        return field
    return _field_at(hub, hub.messages[field.type_name], rest)


def _unbounded_texts(hub: Hub) -> list[str]:
    found: list[str] = []
    for name in _reachable_from_requests(hub):
        for field in hub.messages[name].fields:
            if field.proto.type == field.proto.TYPE_STRING and not _is_bounded(field) and not _is_read_only(field):
                found.append(field.full_name)
    return found


def _reachable_from_requests(hub: Hub) -> set[str]:
    waiting = [method.request for method in hub.methods()]
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in reached or not name.startswith("usav.") or hub.messages[name].is_map_entry:
            continue
        reached.add(name)
        given = [field for field in hub.messages[name].fields if not _is_read_only(field)]
        waiting += [field.type_name for field in given if field.type_name in hub.messages]
    return reached


def _is_bounded(field: Field) -> bool:
    rules = field.rules.repeated.items.string if field.repeated else field.rules.string
    return bool(rules.max_len or rules.len or rules.pattern or rules.WhichOneof("well_known"))


def _is_read_only(field: Field) -> bool:
    return field_behavior_pb2.OUTPUT_ONLY in field.behaviors
