"""Attacks that hold resources: while each lasts, others are served as if nothing happened."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import grpc
import httpx2
import pytest

from deploy.local.hub import Hub

FAMILIES = "/api/v1/families"
# A call takes some milliseconds; this leaves room for a busy machine, and none for a hub that hangs.
PATIENCE_SECONDS = 3.0
HALF_OPEN = 1500


async def others_are_served(client: httpx2.AsyncClient) -> None:
    """Twenty ordinary calls, each in time."""
    for _ in range(20):
        began = time.monotonic()
        answer = await client.get(FAMILIES, params={"page_size": 1})
        assert answer.status_code == 200, answer.text
        assert time.monotonic() - began < PATIENCE_SECONDS


Writers = list[asyncio.StreamWriter]


@asynccontextmanager
async def connections(hub: Hub, count: int, first: bytes) -> AsyncIterator[Writers]:
    """Connections that have sent their first bytes and leave it at that."""
    address = urlsplit(hub.gateway_url)
    writers: Writers = []

    async def one() -> None:
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(first)
        writers.append(writer)

    for _ in range(0, count, 100):
        await asyncio.gather(*(one() for _ in range(100)))
    try:
        yield writers
    finally:
        for writer in writers:
            writer.transport.abort()


HALF_HEADERS = b"GET /health HTTP/1.1\r\nhost: hub\r\nx-slow: "
HALF_BODY = b"POST /api/v1/auth/token HTTP/1.1\r\nhost: hub\r\ncontent-length: 1000000\r\n\r\ngrant_type="
HALF_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0\0\0\7\1\4\0\0\0\1"


@pytest.mark.parametrize("first", [HALF_HEADERS, HALF_BODY, HALF_HTTP2, b""], ids=["headers", "body", "http2", "none"])
async def test_half_open_requests(hub: Hub, admin: httpx2.AsyncClient, first: bytes) -> None:
    async with connections(hub, HALF_OPEN, first) as writers:
        for writer in writers[::10]:
            writer.write(b"x")
        await others_are_served(admin)


async def test_headers_without_end_and_without_measure(hub: Hub, admin: httpx2.AsyncClient) -> None:
    flood = HALF_HEADERS + b"x" * 200_000
    async with connections(hub, 300, flood):
        await others_are_served(admin)
    many = {f"x-header-{number}": "x" for number in range(500)}
    assert (await admin.get(FAMILIES, headers=many)).status_code == 431


async def send_all(admin: httpx2.AsyncClient, request: Callable[[], Awaitable[httpx2.Response]]) -> set[int]:
    """Forty at once, ten at a time, while others go about their business; the answers' statuses."""
    slots = asyncio.Semaphore(10)

    async def one() -> int:
        async with slots:
            return (await request()).status_code

    sent = asyncio.gather(*(one() for _ in range(40)))
    await others_are_served(admin)
    return set(await sent)


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"family":' * 100_000, b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}"],
    ids=["open lists", "open objects", "closed lists"],
)
async def test_deep_json(admin: httpx2.AsyncClient, body: bytes) -> None:
    assert await send_all(admin, lambda: admin.post(FAMILIES, content=body)) == {400}


async def test_compression_bombs(admin: httpx2.AsyncClient) -> None:
    bomb = gzip.compress(b'{"name": "' + b"x" * 100_000_000 + b'"}')
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    assert await send_all(admin, lambda: admin.post(FAMILIES, content=bomb, headers=headers)) == {400}


async def test_a_compressed_grpc_message_is_bounded_by_its_real_size(hub: Hub, admin_token: str) -> None:
    async with grpc.aio.insecure_channel(
        hub.addresses["catalog"], compression=grpc.Compression.Gzip, options=[("grpc.max_send_message_length", -1)]
    ) as channel:
        call = channel.unary_unary("/usav.catalog.v1.CatalogService/CreateFamily")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(b"\x0a" + b"\0" * 60_000_000, metadata=[("authorization", f"Bearer {admin_token}")], timeout=20)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_bodies_beyond_the_limit(admin: httpx2.AsyncClient) -> None:
    body = b'{"name": "' + b"x" * 9_000_000 + b'"}'
    assert await send_all(admin, lambda: admin.post(FAMILIES, content=body)) == {413}


async def test_huge_pages_are_cut_to_measure(admin: httpx2.AsyncClient) -> None:
    for size in ("1001", "2147483647"):
        answer = await admin.get(FAMILIES, params={"page_size": size})
        assert answer.status_code == 200
        assert len(answer.json()["items"]) <= 1000
    assert (await admin.get(FAMILIES, params={"page_size": "99999999999"})).status_code == 400


async def test_a_flood_of_streams_on_one_connection(hub: Hub, admin: httpx2.AsyncClient, admin_token: str) -> None:
    """Opened and dropped at once, as in the attack that is called rapid reset."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(urlsplit(hub.gateway_url).netloc, options=options) as channel:
        call = channel.unary_unary("/usav.catalog.v1.CatalogService/ListFamilies")
        signed = [("authorization", f"Bearer {admin_token}")]
        for _ in range(20):
            flood = [call(b"", metadata=signed) for _ in range(200)]
            await asyncio.sleep(0)
            for one in flood:
                one.cancel()
            await asyncio.gather(*flood, return_exceptions=True)
        await others_are_served(admin)


async def test_watchers_that_read_nothing(hub: Hub, admin: httpx2.AsyncClient, admin_token: str) -> None:
    first = f"GET /api/v1/catalog/watch HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {admin_token}\r\n\r\n".encode()
    async with connections(hub, 200, first):
        await others_are_served(admin)


def memory_megabytes(hub: Hub, process: str) -> float:
    """The peak so far of what the process has had in memory."""
    lines = Path(f"/proc/{hub.processes[process].pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


async def test_two_hundred_sign_ins_at_once(hub: Hub, admin: httpx2.AsyncClient) -> None:
    """Each hash takes 32 MiB and a core for a while; no more than two are made at a time, and nothing else waits for them."""
    await others_are_served(admin)  # signed in from here on
    alone, before = await sign_in_seconds(hub, admin), memory_megabytes(hub, "auth")
    address, request = urlsplit(hub.gateway_url), sign_in_request(hub)
    crowd = [await asyncio.open_connection(address.hostname, address.port) for _ in range(200)]
    try:
        for _, writer in crowd:
            writer.write(request)
        await others_are_served(admin)
        for _ in range(5):
            began = time.monotonic()
            assert (await admin.get("/api/v1/auth/me")).status_code == 200
            # Behind the others it would take a hundred times as long as a sign-in alone.
            assert time.monotonic() - began < 10 * alone + 1
        answered = sum([await is_answered(reader) for reader, _ in crowd])
        assert answered < 150, "they are over too soon to show anything"
        assert memory_megabytes(hub, "auth") < before + 150
    finally:
        for _, writer in crowd:
            writer.transport.abort()
    # Whoever goes away before his turn takes none: else this one would wait for the others' hashes, two at a time.
    assert await sign_in_seconds(hub, admin) < 20 * alone + 1


def sign_in_request(hub: Hub) -> bytes:
    form = urlencode({"grant_type": "password", "username": hub.admin_user, "password": hub.admin_password})
    kind = "content-type: application/x-www-form-urlencoded"
    return (
        f"POST /api/v1/auth/token HTTP/1.1\r\nhost: hub\r\n{kind}\r\ncontent-length: {len(form)}\r\n\r\n{form}".encode()
    )


async def sign_in_seconds(hub: Hub, client: httpx2.AsyncClient) -> float:
    form = {"grant_type": "password", "username": hub.admin_user, "password": hub.admin_password}
    began = time.monotonic()
    answer = await client.post("/api/v1/auth/token", data=form)
    assert answer.status_code == 200, answer.text
    return time.monotonic() - began


async def is_answered(reader: asyncio.StreamReader) -> bool:
    """Whether anything has come by now."""
    try:
        return bool(await asyncio.wait_for(reader.read(1), 0.001))
    except TimeoutError:
        return False
