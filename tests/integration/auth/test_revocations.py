"""Ended sessions are refused by every service within moments, whatever ended them, and also while auth is down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api.httpbody_pb2 import HttpBody
from usav.auth.v1 import auth_service_pb2 as pb
from usav.auth.v1 import token_pb2, user_pb2
from usav.inventory.v1 import inventory_service_pb2

from tests.factories.databases import Databases
from tests.integration.auth.bystander import Bystander, bystander, eventually
from tests.integration.auth.harness import PASSWORD, AuthHub, bearer, use_cheap_hashing

# The hub promises a minute; while all is up it takes moments.
PROMPT_SECONDS = 2.0


@pytest.fixture
async def other(hub: AuthHub, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bystander]:
    async with bystander(hub.running.port, monkeypatch) as made:
        yield made


async def signed_in(hub: AuthHub, other: Bystander, role: str = "SALES_REP") -> tuple[user_pb2.User, Any]:
    """A fresh user with tokens that are good at the other service."""
    user = await hub.new_user(role)
    tokens = await hub.sign_in(user.username, PASSWORD)
    assert await other.answer(tokens.access_token) == user.username
    return user, tokens


async def shut_out(other: Bystander, tokens: token_pb2.TokenResponse) -> float:
    async def refused() -> bool:
        return not await other.lets_in(tokens.access_token)

    return await eventually(refused)


async def deactivate(hub: AuthHub, user: user_pb2.User, tokens: Any) -> None:
    await hub.stub.DeactivateUser(pb.DeactivateUserRequest(id=user.id), metadata=await hub.as_admin())


async def delete(hub: AuthHub, user: user_pb2.User, tokens: Any) -> None:
    await hub.stub.DeleteUser(pb.DeleteUserRequest(id=user.id), metadata=await hub.as_admin())


async def change_role(hub: AuthHub, user: user_pb2.User, tokens: Any) -> None:
    changed = user_pb2.User(id=user.id, role=user_pb2.User.WAREHOUSE_OP)
    await hub.stub.UpdateUser(pb.UpdateUserRequest(user=changed), metadata=await hub.as_admin())


async def set_password(hub: AuthHub, user: user_pb2.User, tokens: Any) -> None:
    changed = user_pb2.User(id=user.id, password="eleven yellow buckets")
    await hub.stub.UpdateUser(pb.UpdateUserRequest(user=changed), metadata=await hub.as_admin())


async def revoke(hub: AuthHub, user: user_pb2.User, tokens: Any) -> None:
    form = HttpBody(content_type="application/x-www-form-urlencoded", data=f"token={tokens.refresh_token}".encode())
    await hub.stub.RevokeToken(pb.RevokeTokenRequest(form=form))


async def end_all(hub: AuthHub, user: user_pb2.User, tokens: Any) -> None:
    await hub.stub.EndUserSessions(pb.EndUserSessionsRequest(user_id=user.id), metadata=await hub.as_admin())


Ending = Callable[[AuthHub, user_pb2.User, Any], Awaitable[None]]


@pytest.mark.parametrize("ending", [deactivate, delete, change_role, set_password, revoke, end_all])
async def test_whatever_ends_a_session_shuts_its_tokens_out_everywhere(
    hub: AuthHub, other: Bystander, ending: Ending
) -> None:
    user, tokens = await signed_in(hub, other)
    await ending(hub, user, tokens)
    assert await shut_out(other, tokens) < PROMPT_SECONDS
    await eventually(lambda: hub.refuses(tokens.access_token, "TOKEN_REVOKED"))


async def test_who_signs_in_again_at_once_is_let_in(hub: AuthHub, other: Bystander) -> None:
    user, tokens = await signed_in(hub, other)
    await change_role(hub, user, tokens)
    again = await hub.sign_in(user.username, PASSWORD)
    await shut_out(other, tokens)
    assert await other.answer(again.access_token) == user.username


async def test_the_session_of_a_password_change_goes_on_and_the_others_end(hub: AuthHub, other: Bystander) -> None:
    user, tokens = await signed_in(hub, other)
    elsewhere = await hub.sign_in(user.username, PASSWORD)
    change = pb.ChangeMyPasswordRequest(current_password=PASSWORD, new_password="eleven yellow buckets")
    await hub.stub.ChangeMyPassword(change, metadata=bearer(tokens.access_token))
    await shut_out(other, elsewhere)
    assert await other.answer(tokens.access_token) == user.username


async def test_an_open_stream_ends_with_its_session(hub: AuthHub, other: Bystander) -> None:
    user, tokens = await signed_in(hub, other)
    stream = other.stub.WatchStock(inventory_service_pb2.WatchStockRequest(), metadata=bearer(tokens.access_token))
    steps = aiter(stream)
    assert (await anext(steps)).resume_token == "1"
    await deactivate(hub, user, tokens)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await asyncio.wait_for(_drain(steps), 10)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_service_that_starts_later_learns_what_ended_before(
    hub: AuthHub, other: Bystander, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, tokens = await signed_in(hub, other)
    await deactivate(hub, user, tokens)
    async with bystander(hub.running.port, monkeypatch) as late:
        assert await shut_out(late, tokens) < PROMPT_SECONDS


async def test_what_a_service_knows_holds_while_auth_is_down_and_it_catches_up_afterwards(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_cheap_hashing(monkeypatch)
    async with databases.clone("auth") as url:
        hub = await AuthHub.start(url, tmp_path)
        port = hub.running.port
        async with bystander(port, monkeypatch) as other:
            gone, gone_tokens = await signed_in(hub, other)
            stays, stays_tokens = await signed_in(hub, other)
            await deactivate(hub, gone, gone_tokens)
            await shut_out(other, gone_tokens)
            await hub.stop()
            assert not await other.lets_in(gone_tokens.access_token)
            assert await other.answer(stays_tokens.access_token) == stays.username

            # The other replica, on a port the service does not know, ends the session meanwhile.
            hub = await AuthHub.start(url, tmp_path)
            await deactivate(hub, stays, stays_tokens)
            await hub.stop()
            assert await other.answer(stays_tokens.access_token) == stays.username
            hub = await AuthHub.start(url, tmp_path, port=port)
            await shut_out(other, stays_tokens)
        await hub.stop()


async def test_the_feed_starts_with_keys_and_a_checkpoint(hub: AuthHub) -> None:
    call = hub.stub.WatchRevocations(pb.WatchRevocationsRequest(), metadata=await hub.as_admin())
    first = await call.read()
    assert [key.kid for key in first.keys.keys] == [
        key.kid for key in (await hub.stub.GetJwks(pb.GetJwksRequest())).keys
    ]
    while (await call.read()).WhichOneof("event") != "checkpoint":
        pass
    call.cancel()


async def _drain(stream: Any) -> None:
    async for _ in stream:
        pass
