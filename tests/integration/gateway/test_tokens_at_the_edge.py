"""What certainly is no good token never reaches a service; what the gateway cannot judge does, and is judged there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import httpx2
import jwt
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from usav.inventory.v1 import inventory_service_pb2 as inventory
from usav.inventory.v1 import inventory_service_pb2_grpc

from tests.factories.access_tokens import KEY_ID, STRANGERS_KEY, access_token
from tests.factories.stand_in import StandIn
from tests.integration.gateway.conftest import Gateway, another_gateway, keys_are_known, publish_keys

ITEM = "/api/v1/inventory/7"
_UNSIGNED = jwt.encode({"iss": "usav-hub", "aud": "usav-hub"}, "", algorithm="none")


@pytest.fixture
async def stranger(gateway: Gateway) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=gateway.url, timeout=10) as made:
        yield made


# Made when they are used: the whole suite may take longer than a token lives.
BAD: list[tuple[Callable[[], str], str]] = [
    (lambda: "", "TOKEN_MISSING"),
    (lambda: "Basic YWRtaW46YWRtaW4=", "TOKEN_MISSING"),
    (lambda: f"Bearer {access_token(exp=int(time.time()) - 60)}", "TOKEN_EXPIRED"),
    (lambda: f"Bearer {access_token(nbf=int(time.time()) + 600)}", "TOKEN_INVALID"),
    (lambda: f"Bearer {access_token(STRANGERS_KEY)}", "TOKEN_INVALID"),
    (lambda: f"Bearer {access_token(iss='somebody')}", "TOKEN_INVALID"),
    (lambda: f"Bearer {access_token(aud='something')}", "TOKEN_INVALID"),
    (lambda: f"Bearer {access_token(aud=None)}", "TOKEN_INVALID"),
    (lambda: f"Bearer {_UNSIGNED}", "TOKEN_INVALID"),
    (lambda: f"Bearer {access_token()[:-3]}abc", "TOKEN_INVALID"),
    (lambda: "Bearer abc", "TOKEN_INVALID"),
    (lambda: "Bearer a.b.c", "TOKEN_INVALID"),
]


@pytest.mark.parametrize(("make", "reason"), BAD)
async def test_a_bad_token_is_refused_in_the_words_of_the_services(
    gateway: Gateway, stranger: httpx2.AsyncClient, make: Callable[[], str], reason: str
) -> None:
    authorization = make()
    headers = {"authorization": authorization} if authorization else {}
    answer = await stranger.get(ITEM, headers=headers)
    assert answer.status_code == 401
    body = answer.json()
    assert body["code"] == 16
    assert (body["details"][0]["reason"], body["details"][0]["domain"]) == (reason, "hub.usav")
    assert body["details"][1]["request_id"] == answer.headers["x-request-id"]
    assert gateway.service.calls == []


async def test_grpc_callers_get_the_same_answer(gateway: Gateway) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{gateway.port}") as channel:
        stub = inventory_service_pb2_grpc.InventoryServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetItem(inventory.GetItemRequest(id=7))
        signed = [("authorization", f"Bearer {access_token()}")]
        await stub.GetItem(inventory.GetItemRequest(id=7), metadata=signed)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    info = error_details_pb2.ErrorInfo()
    assert rpc_status.from_call(refused.value).details[0].Unpack(info)
    assert info.reason == "TOKEN_MISSING"
    assert len(gateway.service.calls) == 1


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_a_good_token_passes(gateway: Gateway, stranger: httpx2.AsyncClient, scheme: str) -> None:
    answer = await stranger.get(ITEM, headers={"authorization": f"{scheme} {access_token()}"})
    assert answer.status_code == 200
    assert gateway.service.last.metadata["authorization"].startswith(scheme)


@pytest.mark.parametrize(
    ("key", "key_id", "algorithm"),
    [(STRANGERS_KEY, "made-a-moment-ago", "ES256"), ("s" * 40, KEY_ID, "HS256")],
    ids=["a key that may be new", "a key of another kind"],
)
async def test_what_the_gateway_cannot_judge_is_left_to_the_service(
    gateway: Gateway, stranger: httpx2.AsyncClient, key: Any, key_id: str, algorithm: str
) -> None:
    await stranger.get(ITEM, headers={"authorization": f"Bearer {access_token(key, key_id, algorithm)}"})
    assert len(gateway.service.calls) == 1


async def test_a_token_in_the_query_is_none(gateway: Gateway, stranger: httpx2.AsyncClient) -> None:
    answer = await stranger.get(ITEM, params={"access_token": access_token()})
    assert answer.status_code == 401
    assert gateway.service.calls == []


@pytest.mark.parametrize("path", ["/health", "/.well-known/jwks.json", "/api/v1/docs"])
@pytest.mark.parametrize("token", ["", access_token(STRANGERS_KEY)])
async def test_public_paths_do_not_ask(stranger: httpx2.AsyncClient, path: str, token: str) -> None:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    assert (await stranger.get(path, headers=headers)).status_code == 200


async def test_while_auth_is_down_the_gateway_judges_by_its_keys_and_then_leaves_it_to_the_services(
    tmp_path: Path,
) -> None:
    service = StandIn(always={"GetJwks": publish_keys})
    await service.start()
    forged = {"authorization": f"Bearer {access_token(STRANGERS_KEY)}"}
    async with (
        another_gateway(tmp_path, service, jwks_seconds=8) as settings,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}", timeout=10) as client,
    ):
        await keys_are_known(client)
        await service.stop()
        good = {"authorization": f"Bearer {access_token()}"}
        assert (await client.get(ITEM, headers=good)).status_code == 503
        assert (await client.get(ITEM, headers=forged)).status_code == 401
        assert await becomes(503, client, forged)
        assert (await client.get(ITEM)).status_code == 401


async def becomes(status: int, client: httpx2.AsyncClient, headers: dict[str, str]) -> bool:
    """Whether the answer is of that status within twenty seconds."""
    for _ in range(40):
        if (await client.get(ITEM, headers=headers)).status_code == status:
            return True
        await asyncio.sleep(0.5)
    return False
