"""Sessions as their owner and an admin see and end them."""

from __future__ import annotations

import uuid
from datetime import timedelta

import jwt
import pytest
from usav.auth.v1 import auth_service_pb2 as pb

from tests.integration.auth.harness import CLIENT_SECRET, PASSWORD, AuthHub, bearer, refusal


def sid(access_token: str) -> str:
    return str(jwt.decode(access_token, options={"verify_signature": False})["sid"])


async def test_a_user_sees_the_own_sessions_newest_first_and_which_is_the_present_one(hub: AuthHub) -> None:
    user = await hub.new_user()
    first = await hub.sign_in(user.username, PASSWORD, "10.20.0.1")
    second = await hub.sign_in(user.username, PASSWORD, "10.20.0.2")
    page = await hub.stub.ListMySessions(pb.ListMySessionsRequest(), metadata=bearer(first.access_token))
    assert [(item.id, item.address, item.is_current) for item in page.items] == [
        (sid(second.access_token), "10.20.0.2", False),
        (sid(first.access_token), "10.20.0.1", True),
    ]
    assert page.total_size == 2
    assert page.items[0].create_time.ToDatetime() <= page.items[0].last_use_time.ToDatetime()


async def test_sessions_come_in_pages(hub: AuthHub) -> None:
    user = await hub.new_user()
    wanted = [sid((await hub.sign_in(user.username, PASSWORD)).access_token) for _ in range(5)]
    found, token = [], ""
    while True:
        request = pb.ListUserSessionsRequest(user_id=user.id, page_size=2, page_token=token)
        page = await hub.stub.ListUserSessions(request, metadata=await hub.as_admin())
        found += [item.id for item in page.items]
        token = page.next_page_token
        if not token:
            break
    assert found == wanted[::-1]


async def test_an_ended_session_gets_no_more_tokens_and_leaves_the_list(hub: AuthHub) -> None:
    user = await hub.new_user()
    kept, ended = [await hub.sign_in(user.username, PASSWORD) for _ in range(2)]
    metadata = bearer(kept.access_token)
    await hub.stub.EndMySession(pb.EndMySessionRequest(id=sid(ended.access_token)), metadata=metadata)
    assert (await refusal(hub.refresh(ended.refresh_token))).reason == "REFRESH_TOKEN_INVALID"
    assert (await hub.refresh(kept.refresh_token)).access_token
    page = await hub.stub.ListMySessions(pb.ListMySessionsRequest(), metadata=metadata)
    assert [item.id for item in page.items] == [sid(kept.access_token)]
    again = await refusal(hub.stub.EndMySession(pb.EndMySessionRequest(id=sid(ended.access_token)), metadata=metadata))
    assert (again.code, again.reason) == ("NOT_FOUND", "SESSION_NOT_FOUND")
    assert (await hub.kinds_of(user)).count("SESSION_ENDED") == 1


async def test_a_repeat_with_the_same_request_id_gets_the_first_answer(hub: AuthHub) -> None:
    user = await hub.new_user()
    kept, ended = [await hub.sign_in(user.username, PASSWORD) for _ in range(2)]
    request = pb.EndMySessionRequest(id=sid(ended.access_token), request_id="end-it-once")
    for _ in range(2):
        await hub.stub.EndMySession(request, metadata=bearer(kept.access_token))


async def test_nobody_ends_a_session_of_somebody_else(hub: AuthHub) -> None:
    victim, thief = await hub.new_user(), await hub.new_user()
    tokens = await hub.sign_in(victim.username, PASSWORD)
    metadata = bearer((await hub.sign_in(thief.username, PASSWORD)).access_token)
    refused = await refusal(
        hub.stub.EndMySession(pb.EndMySessionRequest(id=sid(tokens.access_token)), metadata=metadata)
    )
    assert refused.reason == "SESSION_NOT_FOUND"
    mixed = pb.EndUserSessionRequest(user_id=thief.id, id=sid(tokens.access_token))
    assert (await refusal(hub.stub.EndUserSession(mixed, metadata=await hub.as_admin()))).code == "NOT_FOUND"
    assert (await hub.refresh(tokens.refresh_token)).access_token


async def test_an_admin_ends_one_session_or_all_of_a_user(hub: AuthHub) -> None:
    user = await hub.new_user()
    tokens = [await hub.sign_in(user.username, PASSWORD) for _ in range(3)]
    metadata = await hub.as_admin()
    one = pb.EndUserSessionRequest(user_id=user.id, id=sid(tokens[0].access_token).upper())
    await hub.stub.EndUserSession(one, metadata=metadata)
    assert (await hub.refresh(tokens[1].refresh_token)).access_token
    await hub.stub.EndUserSessions(pb.EndUserSessionsRequest(user_id=user.id), metadata=metadata)
    assert (await refusal(hub.refresh(tokens[2].refresh_token))).reason == "REFRESH_TOKEN_INVALID"
    rows = await hub.rows(
        "SELECT actor_name, after FROM auth.events WHERE kind = 'SESSION_ENDED' AND subject_id = $1", str(user.id)
    )
    assert [row["actor_name"] for row in rows] == ["admin", "admin"]


async def test_an_expired_session_is_in_no_list(hub: AuthHub) -> None:
    user = await hub.new_user()
    hub.clock.offset = timedelta(days=-61)
    try:
        await hub.sign_in(user.username, PASSWORD)
    finally:
        hub.clock.offset = timedelta()
    request = pb.ListUserSessionsRequest(user_id=user.id)
    assert not (await hub.stub.ListUserSessions(request, metadata=await hub.as_admin())).items


@pytest.mark.parametrize("session_id", ["", "x", "1' OR '1'='1", str(uuid.uuid4())[:-1]])
async def test_what_is_no_session_id_is_refused(hub: AuthHub, session_id: str) -> None:
    refused = await refusal(hub.stub.EndMySession(pb.EndMySessionRequest(id=session_id), metadata=await hub.as_admin()))
    assert (refused.code, refused.fields) == ("INVALID_ARGUMENT", ("id",))


async def test_unknown_users_have_no_sessions(hub: AuthHub) -> None:
    metadata = await hub.as_admin()
    for call in (
        hub.stub.ListUserSessions(pb.ListUserSessionsRequest(user_id=999_999), metadata=metadata),
        hub.stub.EndUserSessions(pb.EndUserSessionsRequest(user_id=999_999), metadata=metadata),
    ):
        assert (await refusal(call)).reason == "USER_NOT_FOUND"


async def test_a_service_account_has_no_sessions(hub: AuthHub) -> None:
    grant = pb.IssueTokenRequest(grant_type="client_credentials", client_id="sync-svc", client_secret=CLIENT_SECRET)
    metadata = bearer((await hub.stub.IssueToken(grant)).access_token)
    assert not (await hub.stub.ListMySessions(pb.ListMySessionsRequest(), metadata=metadata)).items
    ended = await refusal(hub.stub.EndMySession(pb.EndMySessionRequest(id=str(uuid.uuid4())), metadata=metadata))
    assert ended.reason == "SESSION_NOT_FOUND"
