"""Whatever a caller sends ends with a refusal that names the field, and never with INTERNAL."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from usav.catalog.v1 import catalog_service_pb2, family_pb2, variant_pb2

from tests.integration.catalog.harness import CatalogHub, refusal

SERVICE = catalog_service_pb2.DESCRIPTOR.services_by_name["CatalogService"]
UNARY = [method for method in SERVICE.methods if not (method.client_streaming or method.server_streaming)]

REFUSALS = {"INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "ABORTED"}
HOSTILE = [
    "\x00",
    "a\x00b",
    "\n",
    "'; DROP TABLE catalog.family; --",
    "%",
    "\\",
    "\ud7ff",
    "😀" * 50,
    "x" * 1_000_000,
    " ",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_name_is_stored_as_it_is_or_refused(hub: CatalogHub, text: str) -> None:
    request = family_pb2.CreateFamilyRequest(family=family_pb2.Family(name=text))
    try:
        made = await hub.admin.CreateFamily(request)
    except grpc.aio.AioRpcError:
        refused = await refusal(hub.admin.CreateFamily(request))
        assert (refused.code, set(refused.fields)) == ("INVALID_ARGUMENT", {"family.name"})
    else:
        assert made.name == text.strip()


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (variant_pb2.ListVariantsRequest(page_size=-1), "page_size"),
        (variant_pb2.ListVariantsRequest(page_token="forged"), "page_token"),
        (variant_pb2.ListVariantsRequest(page_token="\x00"), "page_token"),
        (variant_pb2.ListVariantsRequest(identity_id=-5), "identity_id"),
        (variant_pb2.ListVariantsRequest(product_id=100_000), "product_id"),
        (variant_pb2.ListVariantsRequest(sku_prefix="\x00"), "sku_prefix"),
        (variant_pb2.ListVariantsRequest(sku_prefix="9" * 100), "sku_prefix"),
    ],
)
async def test_impossible_filter_is_named(hub: CatalogHub, request_: Message, field: str) -> None:
    refused = await refusal(hub.admin.ListVariants(request_))
    assert (refused.code, refused.fields) == ("INVALID_ARGUMENT", (field,))


async def test_prefix_at_the_end_of_unicode_is_harmless(hub: CatalogHub) -> None:
    for prefix in ("\U0010ffff", "\ud7ff", "é", "99999-\U0010ffff"):
        request = variant_pb2.ListVariantsRequest(sku_prefix=prefix)
        assert (await hub.admin.ListVariants(request)).total_size == 0


def values_of(field: Any) -> st.SearchStrategy[Any]:
    """Values a field can carry on the wire, the awkward ones often."""
    kinds = FieldDescriptor
    if field.type == kinds.TYPE_MESSAGE:
        return messages_of(GetMessageClass(field.message_type))
    if field.type == kinds.TYPE_STRING:
        awkward = st.sampled_from(
            ["", "\x00", "%", "00845-P-1", "BK", "ZL", "U", "*", "name", "01A68013", "\U0010ffff"]
        )
        return awkward | st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
    if field.type == kinds.TYPE_INT64:
        return st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63)]) | st.integers(-3, 40)
    if field.type == kinds.TYPE_INT32:
        return st.sampled_from([0, 1, -1, 2**31 - 1, -(2**31), 99_999, 100_000]) | st.integers(-3, 40)
    if field.type == kinds.TYPE_ENUM:
        return st.integers(-1, 8) | st.just(2**31 - 1)
    return st.booleans()


def messages_of(cls: type[Message]) -> st.SearchStrategy[Message]:
    """Any message of a type, output-only fields left out two levels down."""

    @st.composite
    def build(draw: st.DrawFn) -> Message:
        message = cls()
        for field in cls.DESCRIPTOR.fields:
            if field.name in {"identities", "variants", "listings"} or draw(st.booleans()):
                continue
            if field.is_repeated:
                getattr(message, field.name).extend(draw(st.lists(values_of(field), max_size=3)))
            elif field.type == FieldDescriptor.TYPE_MESSAGE:
                getattr(message, field.name).CopyFrom(draw(values_of(field)))
            else:
                setattr(message, field.name, draw(values_of(field)))
        return message

    return build()


@pytest.mark.parametrize("method", UNARY, ids=lambda method: method.name)
async def test_nothing_a_caller_sends_breaks_the_service(hub: CatalogHub, method: Any) -> None:
    requests: list[Message] = []

    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(messages_of(GetMessageClass(method.input_type)))
    def gather(request: Message) -> None:
        requests.append(request)

    gather()
    for request in requests:
        try:
            await getattr(hub.admin, method.name)(request)
        except grpc.aio.AioRpcError as error:
            if error.code().name not in REFUSALS:
                pytest.fail(f"{error.code().name}: {error.details()} for {request}")
