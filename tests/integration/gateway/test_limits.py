"""How much one caller may ask for: rates by address and by user, half-open requests, sizes of bodies."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest
from usav.inventory.v1 import inventory_service_pb2 as inventory
from usav.inventory.v1 import inventory_service_pb2_grpc

from deploy.gateway.settings import Certificate, RateLimits
from deploy.local.certificates import LocalCertificate
from tests.factories.access_tokens import access_token
from tests.integration.gateway.conftest import Gateway, another_gateway, keys_are_known

ITEM = "/api/v1/inventory/7"


async def statuses(client: httpx2.AsyncClient, count: int, **headers: str) -> list[int]:
    return [(await client.get(ITEM, headers=headers)).status_code for _ in range(count)]


async def at_once(client: httpx2.AsyncClient, headers: Sequence[Mapping[str, str]]) -> list[httpx2.Response]:
    """Too fast for any bucket to fill meanwhile, however slow the machine is."""
    return await asyncio.gather(*(client.get(ITEM, headers=one) for one in headers))


def bearer(user: str) -> str:
    return f"Bearer {access_token(sub=user)}"


async def test_a_user_who_asks_too_often_waits_and_others_do_not(gateway: Gateway, tmp_path: Path) -> None:
    limits = RateLimits(per_address=1000, per_user=5)
    async with another_gateway(tmp_path, gateway.service, rate_limits=limits) as settings:
        url = f"http://127.0.0.1:{settings.port}"
        async with httpx2.AsyncClient(base_url=url) as client:
            await keys_are_known(client)
            answers = await at_once(client, [{"authorization": bearer("8")}] * 30)
            refused = next(answer for answer in answers if answer.status_code == 429)
            assert_told_when_to_return(refused)
            assert set(await statuses(client, 5, authorization=bearer("9"))) == {200}
            await asyncio.sleep(int(refused.headers["retry-after"]))
            assert set(await statuses(client, 4, authorization=bearer("8"))) == {200}


def assert_told_when_to_return(answer: httpx2.Response) -> None:
    assert answer.status_code == 429
    body = answer.json()
    assert body["code"] == 8
    assert body["details"][0]["reason"] == "TOO_MANY_REQUESTS"
    assert body["details"][2] == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retry_delay": "1s"}
    assert answer.headers["retry-after"] == "1"


async def test_an_address_is_counted_before_anybody_signs_in(gateway: Gateway, tmp_path: Path) -> None:
    limits = RateLimits(per_address=5, per_user=0)
    async with another_gateway(tmp_path, gateway.service, rate_limits=limits, trusted_proxies=1) as settings:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as client:
            answers = await at_once(client, [{"x-forwarded-for": "203.0.113.1"}] * 30)
            assert 429 in [answer.status_code for answer in answers]
            assert 429 not in await statuses(client, 5, **{"x-forwarded-for": "203.0.113.2"})
            answers = await at_once(client, [{"x-forwarded-for": f"2001:db8::{number:x}"} for number in range(1, 31)])
            assert 429 in [answer.status_code for answer in answers]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{settings.port}") as channel:
            stub = inventory_service_pb2_grpc.InventoryServiceStub(channel)
            codes = await asyncio.gather(*(code_of(stub) for _ in range(30)))
    assert grpc.StatusCode.RESOURCE_EXHAUSTED in codes


async def code_of(stub: Any) -> grpc.StatusCode:
    try:
        await stub.GetItem(inventory.GetItemRequest(id=7), metadata=[("authorization", bearer("7"))])
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def test_a_thousand_calls_in_a_moment_are_fine_by_default(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    async def some() -> set[int]:
        return set(await statuses(client, 20))

    assert set().union(*await asyncio.gather(*(some() for _ in range(50)))) == {200}


async def test_headers_that_do_not_come_to_an_end_are_not_waited_for(gateway: Gateway, tmp_path: Path) -> None:
    async with another_gateway(tmp_path, gateway.service, header_seconds=1) as settings:
        reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
        writer.write(b"GET /api/v1/inventory/7 HTTP/1.1\r\nhost: x\r\nx-slow: ")
        began = time.monotonic()
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        assert time.monotonic() - began < 3
        assert b" 408 " in answer.split(b"\r\n")[0]
        assert b"REQUEST_TOO_SLOW" in answer


async def test_a_body_that_drips_is_not_waited_for(gateway: Gateway, tmp_path: Path) -> None:
    async with another_gateway(tmp_path, gateway.service, upload_seconds=0, call_seconds=0) as settings:
        reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
        head = (
            f"POST {ITEM}/reserve HTTP/1.1\r\nhost: x\r\nauthorization: {bearer('7')}\r\ncontent-length: 9999\r\n\r\n"
        )
        writer.write(head.encode())
        answer = b""
        for _ in range(40):
            writer.write(b"{")
            try:
                answer = await asyncio.wait_for(reader.read(100), 0.2)
                break
            except TimeoutError:
                continue
        writer.close()
    assert answer.startswith((b"HTTP/1.1 408", b"HTTP/1.1 504"))


async def test_a_compressed_body_is_not_unpacked(client: httpx2.AsyncClient) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    answer = await client.post(f"{ITEM}/reserve", content=bomb, headers=headers)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("path", [ITEM, "/api/v1/nothing", "/health"])
async def test_browsers_are_told_to_be_careful(client: httpx2.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in headers


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    made = LocalCertificate(tmp_path / "tls")
    made.make()
    return Certificate(made.chain, made.key)


async def closed_after(port: int, first: bytes = b"") -> float:
    """Seconds until the gateway closes a connection on which nothing follows."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)
    began = time.monotonic()
    try:
        await asyncio.wait_for(reader.read(), 15)
    except ConnectionResetError:
        pass
    finally:
        writer.close()
    return time.monotonic() - began


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "TLS"])
async def test_who_connects_and_says_nothing_is_not_waited_for(
    gateway: Gateway, tmp_path: Path, certificate: Certificate, encrypted: bool
) -> None:
    tls = certificate if encrypted else None
    async with another_gateway(tmp_path, gateway.service, header_seconds=1, tls=tls) as settings:
        assert await closed_after(settings.port) < 4
        assert await closed_after(settings.port, b"\x16" if encrypted else b"G") < 4


async def test_a_connection_that_is_not_used_any_more_is_closed(gateway: Gateway, tmp_path: Path) -> None:
    async with another_gateway(tmp_path, gateway.service, idle_seconds=1) as settings:
        request = b"GET /api/v1/nothing HTTP/1.1\r\nhost: x\r\n\r\n"
        # Envoy takes leave first, for five seconds.
        assert await closed_after(settings.port, request) < 12


async def test_all_places_taken_by_the_silent_are_free_again_soon(gateway: Gateway, tmp_path: Path) -> None:
    async with another_gateway(tmp_path, gateway.service, header_seconds=2, max_connections=30) as settings:
        silent = [await asyncio.open_connection("127.0.0.1", settings.port) for _ in range(60)]
        closed_at_once = sum([await is_closed(reader) for reader, _ in silent])
        assert closed_at_once >= 30
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as client:
            with pytest.raises(httpx2.TransportError):
                await client.get("/health")
            await asyncio.sleep(3)
            assert (await client.get("/api/v1/nothing")).status_code == 404
        for _, writer in silent:
            writer.close()


async def is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(1), 0.02) == b""
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True
