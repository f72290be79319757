"""What a web page meets: CORS, gRPC-web, and the documentation pages."""

from __future__ import annotations

import re
import struct

import httpx2
import pytest

from tests.integration.gateway.conftest import ORIGIN, Gateway

ITEMS = "/api/v1/inventory"
ASKS = {"access-control-request-method": "PATCH", "access-control-request-headers": "authorization"}


async def test_a_known_origin_may_call(client: httpx2.AsyncClient) -> None:
    answer = await client.options(f"{ITEMS}/7", headers={"origin": ORIGIN, **ASKS})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    assert "authorization" in answer.headers["access-control-allow-headers"]


async def test_any_other_origin_may_not(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    answer = await client.options(f"{ITEMS}/7", headers={"origin": "https://evil.example", **ASKS})
    assert "access-control-allow-origin" not in answer.headers
    assert gateway.service.calls == []


@pytest.mark.parametrize("path", [f"{ITEMS}/7", f"{ITEMS}/abc", "/api/v1/listings"])
async def test_a_page_can_read_answers_and_refusals(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "x-request-id" in answer.headers["access-control-expose-headers"]
    assert "origin" in answer.headers["vary"].lower()


async def test_grpc_web_over_http_1(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    message = b"\x08\x07"  # id = 7
    answer = await client.post(
        "/usav.inventory.v1.InventoryService/GetItem",
        content=struct.pack(">BI", 0, len(message)) + message,
        headers={"content-type": "application/grpc-web+proto", "x-grpc-web": "1", "origin": ORIGIN},
    )
    assert answer.headers["content-type"] == "application/grpc-web+proto"
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert gateway.service.last.request.id == 7
    flag, length = struct.unpack(">BI", answer.content[:5])
    trailers = answer.content[5 + length + 5 :]
    assert flag == 0
    assert b"grpc-status:0" in trailers.replace(b" ", b"")


@pytest.mark.parametrize("page", ["docs", "redoc"])
async def test_documentation_needs_no_other_host(client: httpx2.AsyncClient, page: str) -> None:
    answer = await client.get(f"/api/v1/{page}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    sources = re.findall(r"""(?:src|href|url)["']?\s*[=:]\s*["']([^"']+)""", answer.text)
    assert sources
    for source in sources:
        assert source.startswith(("/", "data:")), f"{page} asks {source}"
        if source.startswith("/"):
            assert (await client.get(source)).status_code == 200, source
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_the_openapi_document_is_served_whole(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/api/v1/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["openapi"].startswith("3.1")
    assert f"{ITEMS}/{{id}}" in answer.json()["paths"]


async def test_the_front_door_leads_to_the_documentation(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/")
    assert answer.status_code == 302
    assert answer.headers["location"].endswith("/api/v1/docs")
