"""Another signing key takes over: without a failed call, on schedule, by command, and at once when one was stolen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from usav.auth.v1 import auth_service_pb2 as pb
from usav.auth.v1 import token_pb2

from auth_svc.domain.key_schedule import KeyPolicy
from auth_svc.operations.rotate_keys import tend_keys
from auth_svc.servicers.auth_servicer import AuthServicer
from chassis.context import Principal, acting_as
from tests.factories.databases import Databases
from tests.integration.auth.bystander import Bystander, bystander, eventually
from tests.integration.auth.harness import PASSWORD, AuthHub, use_cheap_hashing

LEAD = timedelta(seconds=1)


@pytest.fixture
async def rotating(databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AuthHub]:
    """A hub of its own, where a new key signs after a second."""
    use_cheap_hashing(monkeypatch)
    async with databases.clone("auth") as url:
        hub = await AuthHub.start(url, tmp_path, key_lead=LEAD)
        yield hub
        await hub.stop()


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


async def published(hub: AuthHub) -> list[str]:
    return [key.kid for key in (await hub.stub.GetJwks(pb.GetJwksRequest())).keys]


async def rotate(hub: AuthHub, *, at_once: bool = False) -> token_pb2.SigningKey:
    key: token_pb2.SigningKey = await hub.stub.RotateKeys(
        pb.RotateKeysRequest(at_once=at_once), metadata=await hub.as_admin()
    )
    return key


async def tend(hub: AuthHub, policy: KeyPolicy | None = None) -> None:
    servicer: AuthServicer = hub.running.service.registrations[0].servicer
    with acting_as(Principal("client:auth-svc", "auth-svc", "SYSTEM_BOT")):
        await tend_keys(servicer.runtime, servicer.keys, policy or servicer.key_policy)


async def test_a_new_key_is_published_before_it_signs_and_the_former_stays(rotating: AuthHub) -> None:
    former = kid((await rotating.sign_in()).access_token)
    key = await rotate(rotating)
    assert set(await published(rotating)) == {former, key.kid}
    assert kid((await rotating.sign_in()).access_token) == former
    assert (await rotate(rotating)).kid == key.kid
    await asyncio.sleep(LEAD.total_seconds())
    assert kid((await rotating.sign_in()).access_token) == key.kid
    rotating.clock.offset = timedelta(minutes=18)
    await tend(rotating)
    assert await published(rotating) == [key.kid]


async def test_rotation_under_load_fails_no_call(rotating: AuthHub, monkeypatch: pytest.MonkeyPatch) -> None:
    user = await rotating.new_user()
    refresh_token = (await rotating.sign_in(user.username, PASSWORD)).refresh_token
    answers: list[str] = []
    kids: list[str] = []

    async def call_all(others: list[Bystander], stop: asyncio.Event) -> None:
        nonlocal refresh_token
        while not stop.is_set():
            tokens = await rotating.refresh(refresh_token)
            refresh_token = tokens.refresh_token
            kids.append(kid(tokens.access_token))
            answers.extend(await asyncio.gather(*(other.answer(tokens.access_token) for other in others)))

    port = rotating.running.port
    async with bystander(port, monkeypatch) as one, bystander(port, monkeypatch) as two:
        stop = asyncio.Event()
        load = asyncio.create_task(call_all([one, two], stop))
        stranger = asyncio.create_task(_show_made_up_keys([one, two], stop))
        for _ in range(2):
            key = await rotate(rotating)

            async def has_signed(wanted: str = key.kid) -> bool:
                return wanted in kids

            await eventually(has_signed)
        stop.set()
        await asyncio.gather(load, stranger)
    assert set(answers) == {user.username}
    assert len(set(kids)) == 3
    assert len(answers) > 20


async def _show_made_up_keys(others: list[Bystander], stop: asyncio.Event) -> None:
    """What a stranger does so that services refuse to fetch keys for a while."""
    number, made_up = 0, ec.generate_private_key(ec.SECP256R1())
    while not stop.is_set():
        number += 1
        forged = jwt.encode({"sub": "1"}, made_up, "ES256", headers={"kid": f"made-up-{number}", "typ": "at+jwt"})
        for other in others:
            assert "not valid" in await other.answer(forged)
        await asyncio.sleep(0.05)


async def test_a_stolen_key_is_replaced_at_once_and_sessions_go_on(
    rotating: AuthHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await rotating.new_user()
    tokens = await rotating.sign_in(user.username, PASSWORD)
    async with bystander(rotating.running.port, monkeypatch) as other:
        assert await other.answer(tokens.access_token) == user.username
        key = await rotate(rotating, at_once=True)
        assert await published(rotating) == [key.kid]

        async def refused() -> bool:
            return "not valid" in await other.answer(tokens.access_token)

        assert await eventually(refused) < 2
        await eventually(lambda: rotating.refuses(tokens.access_token, "TOKEN_INVALID"))
        fresh = await rotating.refresh(tokens.refresh_token)
        assert await other.answer(fresh.access_token) == user.username


async def test_keys_rotate_on_schedule_once_for_all_replicas(rotating: AuthHub) -> None:
    (first,) = await published(rotating)
    rotating.clock.offset = timedelta(days=29)
    await tend(rotating)
    assert await published(rotating) == [first]
    rotating.clock.offset = timedelta(days=31)
    await asyncio.gather(*(tend(rotating) for _ in range(5)))
    second, former = await published(rotating)
    assert former == first
    rotating.clock.offset = timedelta(days=31, minutes=20)
    await tend(rotating)
    assert await published(rotating) == [second]
    kinds = [row["kind"] for row in await rotating.rows("SELECT kind FROM auth.events WHERE kind LIKE 'SIGNING%'")]
    assert kinds == ["SIGNING_KEY_CREATED", "SIGNING_KEY_CREATED", "SIGNING_KEY_WITHDRAWN"]


async def test_a_repeat_with_the_same_request_id_makes_no_second_key(rotating: AuthHub) -> None:
    request = pb.RotateKeysRequest(at_once=True, request_id="replace-once")
    metadata = await rotating.as_admin()
    key = await rotating.stub.RotateKeys(request, metadata=metadata)
    metadata = await rotating.as_admin()
    assert (await rotating.stub.RotateKeys(request, metadata=metadata)).kid == key.kid
    assert await published(rotating) == [key.kid]
