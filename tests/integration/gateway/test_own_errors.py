"""What the gateway refuses by itself has the shape of every other error: google.rpc.Status as JSON, with a request id."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from tests.integration.gateway.conftest import Gateway

ITEMS = "/api/v1/inventory"


def assert_error(answer: httpx2.Response, status: int, code: int, reason: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body: dict[str, Any] = answer.json()
    assert body["code"] == code
    assert body["message"]
    info, request = body["details"]
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert (info["reason"], info["domain"]) == (reason, "gateway.usav")
    assert request["request_id"] == answer.headers["x-request-id"]
    return body


async def test_an_unknown_path_is_named(client: httpx2.AsyncClient) -> None:
    body = assert_error(await client.get("/api/v1/nothing?secret=1"), 404, 5, "PATH_UNKNOWN")
    assert "GET /api/v1/nothing" in body["message"]
    assert "secret" not in body["message"]


async def test_a_wrong_verb_is_told_the_right_ones(client: httpx2.AsyncClient) -> None:
    answer = await client.put(ITEMS)
    assert_error(answer, 405, 12, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (f"{ITEMS}/abc", "id"),
        (f"{ITEMS}/1.5", "id"),
        (f"{ITEMS}/{10**30}", "id"),
        (f"{ITEMS}?page_size=ten", "page_size"),
        (f"{ITEMS}?page_size={10**30}", "page_size"),
        (f"{ITEMS}?page_size=NaN", "page_size"),
        (f"{ITEMS}?unknown=1", "unknown"),
    ],
)
async def test_a_value_of_the_wrong_type_is_refused_by_its_field(
    client: httpx2.AsyncClient, path: str, named: str
) -> None:
    body = assert_error(await client.get(path), 400, 3, "REQUEST_MALFORMED")
    assert named in body["message"]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ('{"order_reference": {}}', "order_reference"),
        ('{"order_reference": 1}', "order_reference"),
        ('{"id": 10e30}', "id"),
    ],
)
async def test_a_body_field_of_the_wrong_type_is_named(client: httpx2.AsyncClient, content: str, named: str) -> None:
    body = assert_error(await client.post(f"{ITEMS}/7/reserve", content=content), 400, 3, "REQUEST_MALFORMED")
    assert named in body["message"]


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"nonsense", b'{"a": NaN}', b'{"a": "\xff"}', b'{"a": "\\ud800"}', b"\x00", b'{"a":' * 100_000],
)
async def test_malformed_json_is_refused(client: httpx2.AsyncClient, content: bytes) -> None:
    assert_error(await client.post(f"{ITEMS}/7/reserve", content=content), 400, 3, "REQUEST_MALFORMED")


async def test_the_body_cannot_name_another_resource_than_the_path(
    gateway: Gateway, client: httpx2.AsyncClient
) -> None:
    answer = await client.post(f"{ITEMS}/42/reserve", content='{"id": 7}')
    assert_error(answer, 400, 3, "REQUEST_MALFORMED")
    assert gateway.service.calls == []


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_beyond_the_limit_is_refused(client: httpx2.AsyncClient, chunked: bool) -> None:
    body = b'{"order_reference": "' + b"x" * 7_500_000 + b'"}'

    async def parts() -> Any:
        yield body

    answer = await client.post(f"{ITEMS}/7/reserve", content=parts() if chunked else body)
    assert_error(answer, 413, 8, "REQUEST_TOO_LARGE")


async def test_headers_beyond_the_limit_are_refused(client: httpx2.AsyncClient) -> None:
    answer = await client.get(ITEMS, headers={"x-long": "x" * 30_000})
    assert answer.status_code == 431
    assert answer.json()["details"][0]["reason"] == "HEADERS_TOO_LARGE"


async def test_a_service_that_is_down_is_unavailable(client: httpx2.AsyncClient) -> None:
    assert_error(await client.get("/api/v1/listings"), 503, 14, "SERVICE_UNAVAILABLE")


async def test_a_deadline_that_is_not_one_is_refused(client: httpx2.AsyncClient) -> None:
    body = assert_error(await client.get(ITEMS, headers={"grpc-timeout": "soon"}), 400, 3, "REQUEST_MALFORMED")
    assert "grpc-timeout" in body["message"]


async def test_a_service_that_ignores_its_deadline_is_given_up(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    async def hang(request: Any, context: Any) -> None:
        await asyncio.sleep(30)

    gateway.service.behave["GetItem"] = hang
    answer = await client.get(f"{ITEMS}/7")
    assert answer.status_code == 504
    assert answer.json()["code"] == 4


@pytest.mark.parametrize(
    "header", ["trace-bin: !", "grpc-encoding: none", "grpc-previous-rpc-attempts: x", "grpc-retry-pushback-ms: x"]
)
async def test_headers_meant_for_grpc_libraries_do_not_break_a_call(client: httpx2.AsyncClient, header: str) -> None:
    name, _, value = header.partition(": ")
    assert (await client.get(f"{ITEMS}/7", headers={name: value})).status_code == 200


@pytest.mark.parametrize("sent", [b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"])
async def test_what_is_not_http_is_refused_in_the_same_shape(gateway: Gateway, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"REQUEST_MALFORMED" in answer
