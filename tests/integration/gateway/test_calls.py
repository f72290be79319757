"""What reaches a service: fields, headers, deadlines; and what of its answer reaches the caller."""

from __future__ import annotations

import gzip
from typing import Any

import grpc
import httpx2
import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from usav.inventory.v1 import inventory_service_pb2 as inventory

from tests.factories.access_tokens import access_token
from tests.integration.gateway.conftest import CALL_SECONDS, Gateway

ITEMS = "/api/v1/inventory"


async def refuse(request: Any, context: Any) -> None:
    status = status_pb2.Status(code=code_pb2.FAILED_PRECONDITION, message="Größe fehlt")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="OUT_OF_STOCK", domain="inventory.usav"))
    status.details.add().Pack(error_details_pb2.RetryInfo())
    violation = error_details_pb2.BadRequest.FieldViolation(field="sku", description="no")
    status.details.add().Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    await context.abort_with_status(rpc_status.to_status(status))


async def test_a_services_error_keeps_its_details(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    gateway.service.behave["GetItem"] = refuse
    answer = await client.get(f"{ITEMS}/7")
    assert answer.status_code == 400
    body = answer.json()
    assert (body["code"], body["message"]) == (9, "Größe fehlt")
    assert [detail["@type"].rpartition(".")[2] for detail in body["details"]] == [
        "ErrorInfo",
        "RetryInfo",
        "BadRequest",
    ]


async def test_names_and_defaults_are_printed_as_in_the_proto(client: httpx2.AsyncClient) -> None:
    body = (await client.get(ITEMS)).json()
    assert body == {"items": [], "next_page_token": "", "total_size": "0"}


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        (f"{ITEMS}/serial/A%2FB", "serial_number", "A/B"),
        (f"{ITEMS}/serial/A:B", "serial_number", "A:B"),
        (f"{ITEMS}/serial/%C3%A4", "serial_number", "ä"),
        (f"{ITEMS}/9223372036854775807", "id", 2**63 - 1),
        ("/api//v1/inventory/7", "id", 7),
    ],
)
async def test_path_variables_arrive_unescaped(
    gateway: Gateway, client: httpx2.AsyncClient, path: str, field: str, value: object
) -> None:
    assert (await client.get(path)).status_code == 200
    assert getattr(gateway.service.last.request, field) == value


async def test_a_plus_in_a_query_is_a_space(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    await client.get("/api/v1/catalog/search?q=red+bose%2B")
    (call,) = [call for replica in gateway.catalog for call in replica.calls]
    assert call.request.q == "red bose+"


async def test_json_callers_get_a_deadline(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    await client.get(f"{ITEMS}/7")
    assert gateway.service.last.seconds_left == pytest.approx(CALL_SECONDS, abs=0.5)


async def test_a_callers_own_deadline_is_passed_on(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    await client.get(f"{ITEMS}/7", headers={"grpc-timeout": "900m"})
    assert gateway.service.last.seconds_left == pytest.approx(0.9, abs=0.3)


async def test_streams_have_no_deadline(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    await client.get("/api/v1/inventory/watch")
    await client.post(f"{ITEMS}/receive/batch", content="[{}, {}]")
    assert gateway.service.last.seconds_left is None
    assert len(gateway.service.last.request) == 2


async def test_a_stream_of_messages_may_be_larger_than_one_request(
    gateway: Gateway, client: httpx2.AsyncClient
) -> None:
    line = '{"lines": [{"serial_number": "%s"}]}' % ("x" * 90_000)
    answer = await client.post(f"{ITEMS}/receive/batch", content=f"[{','.join([line] * 100)}]")
    assert answer.status_code == 200, answer.text
    assert len(gateway.service.last.request) == 100


async def test_callers_cannot_set_what_only_the_gateway_may_say(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    forged = {
        "x-client-address": "1.1.1.1",
        "x-request-id": "mine",
        "x-envoy-original-path": "/forged",
        "x-envoy-upstream-rq-timeout-ms": "1",
        "x-envoy-retry-on": "5xx",
        "x-envoy-internal": "true",
        "x-envoy-external-address": "1.1.1.1",
    }
    answer = await client.get(f"{ITEMS}/7", headers=forged)
    metadata = gateway.service.last.metadata
    assert metadata["x-client-address"] == "127.0.0.1"
    assert metadata["x-request-id"] == answer.headers["x-request-id"] != "mine"
    assert metadata["x-envoy-original-path"] == f"{ITEMS}/7"
    assert metadata["x-envoy-external-address"] == "127.0.0.1"
    assert not {"x-envoy-upstream-rq-timeout-ms", "x-envoy-retry-on", "x-envoy-internal"} & metadata.keys()


async def test_credentials_and_signatures_arrive_as_metadata(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    headers = {"authorization": f"Bearer {access_token(jti='another')}", "x-signature": "s1"}
    await client.get(f"{ITEMS}/7", headers=headers)
    assert headers.items() <= gateway.service.last.metadata.items()


async def test_a_form_arrives_raw_and_the_status_of_a_raw_answer_is_kept(
    gateway: Gateway, client: httpx2.AsyncClient
) -> None:
    async def refuse_grant(request: Any, context: Any) -> None:
        await context.send_initial_metadata([("x-hub-http-status", "400")])

    gateway.service.behave["ExchangeToken"] = refuse_grant
    answer = await client.post("/api/v1/auth/token", data={"grant_type": "password", "username": "a b"})
    assert answer.status_code == 400
    assert "x-hub-http-status" not in answer.headers
    assert gateway.service.last.request.form.data == b"grant_type=password&username=a+b"
    assert gateway.service.last.request.form.content_type == "application/x-www-form-urlencoded"


async def test_only_raw_answers_choose_their_status(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    async def try_it(request: Any, context: Any) -> None:
        await context.send_initial_metadata([("x-hub-http-status", "418")])

    gateway.service.behave["GetItem"] = try_it
    assert (await client.get(f"{ITEMS}/7")).status_code == 200


async def test_large_answers_are_compressed(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    async def many(request: Any, context: Any) -> inventory.ListItemsResponse:
        answer = inventory.ListItemsResponse()
        for number in range(1000):
            answer.items.add(id=number)
        return answer

    gateway.service.behave["ListItems"] = many
    async with client.stream("GET", ITEMS, headers={"accept-encoding": "gzip"}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert len(gzip.decompress(raw)) > 10 * len(raw)


async def test_native_grpc_passes_untouched(gateway: Gateway) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{gateway.port}") as channel:
        get = channel.unary_unary("/usav.inventory.v1.InventoryService/GetItem")
        signed = [("authorization", f"Bearer {access_token()}")]
        await get(inventory.GetItemRequest(id=7).SerializeToString(), timeout=1.5, metadata=signed)
        assert gateway.service.last.request.id == 7
        assert gateway.service.last.seconds_left == pytest.approx(1.5, abs=0.3)
        gateway.service.behave["GetItem"] = refuse
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await get(b"", metadata=signed)
        assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert len(rpc_status.from_call(caught.value).details) == 3


@pytest.mark.parametrize("path", ["/usav.inventory.v1.InventoryService/Nothing", "/no.Such/Method", ITEMS])
async def test_an_unknown_grpc_method_is_unimplemented(gateway: Gateway, path: str) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{gateway.port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(path)(b"")
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
