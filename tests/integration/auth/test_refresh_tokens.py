"""Refresh tokens: used once, repeated when the answer was lost, and the end of the session when stolen."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import jwt
import pytest
from google.api.httpbody_pb2 import HttpBody
from usav.auth.v1 import auth_service_pb2 as pb

from auth_svc.domain.session import RETRY_GRACE
from tests.integration.auth.harness import PASSWORD, AuthHub, refusal

LATER = RETRY_GRACE + timedelta(seconds=1)


@pytest.fixture(autouse=True)
def clock_set_back(hub: AuthHub) -> Iterator[None]:
    yield
    hub.clock.offset = timedelta()


def session_of(access_token: str) -> str:
    return str(jwt.decode(access_token, options={"verify_signature": False})["sid"])


async def test_each_exchange_gives_another_token_of_the_same_session(hub: AuthHub) -> None:
    first = await hub.sign_in()
    second = await hub.refresh(first.refresh_token)
    third = await hub.refresh(second.refresh_token)
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert session_of(first.access_token) == session_of(third.access_token)


async def test_a_repeat_within_the_grace_gets_the_same_successor_which_works(hub: AuthHub) -> None:
    first = await hub.sign_in()
    lost = await hub.refresh(first.refresh_token)
    again = await hub.refresh(first.refresh_token)
    assert again.refresh_token == lost.refresh_token
    assert (await hub.refresh(again.refresh_token)).access_token


async def test_a_token_shown_again_later_ends_the_session_for_thief_and_owner(hub: AuthHub) -> None:
    user = await hub.new_user()
    stolen = await hub.sign_in(user.username, PASSWORD)
    owner = await hub.refresh(stolen.refresh_token)
    hub.clock.offset = LATER
    assert (await refusal(hub.refresh(stolen.refresh_token))).reason == "REFRESH_TOKEN_INVALID"
    refused = await refusal(hub.refresh(owner.refresh_token))
    assert (refused.code, refused.reason) == ("UNAUTHENTICATED", "REFRESH_TOKEN_INVALID")
    assert "REFRESH_TOKEN_REUSED" in await hub.kinds_of(user)


async def test_another_session_of_the_same_user_survives_a_theft(hub: AuthHub) -> None:
    user = await hub.new_user()
    stolen, other = [await hub.sign_in(user.username, PASSWORD) for _ in range(2)]
    await hub.refresh(stolen.refresh_token)
    hub.clock.offset = LATER
    await refusal(hub.refresh(stolen.refresh_token))
    assert (await hub.refresh(other.refresh_token)).access_token


async def test_one_token_refreshed_many_times_at_once_keeps_one_line(hub: AuthHub) -> None:
    first = await hub.sign_in()
    answers = await asyncio.gather(*(hub.refresh(first.refresh_token) for _ in range(20)))
    assert len({item.refresh_token for item in answers}) == 1
    rows = await hub.rows(
        "SELECT count(*) AS all, count(used_at) AS used FROM auth.refresh_tokens WHERE session_id = $1::uuid",
        session_of(first.access_token),
    )
    assert (rows[0]["all"], rows[0]["used"]) == (2, 1)
    assert (await hub.refresh(answers[0].refresh_token)).access_token


async def test_tokens_are_stored_as_hashes_only(hub: AuthHub) -> None:
    tokens = await hub.sign_in()
    rows = await hub.rows("SELECT token_hash FROM auth.refresh_tokens")
    assert tokens.refresh_token.encode() not in b"".join(bytes(row["token_hash"]) for row in rows)
    assert all(len(row["token_hash"]) == 32 for row in rows)


async def test_an_unused_token_expires_and_a_session_ends_in_any_case(hub: AuthHub) -> None:
    tokens = await hub.sign_in()
    hub.clock.offset = timedelta(days=13)
    tokens = await hub.refresh(tokens.refresh_token)
    hub.clock.offset = timedelta(days=28)
    assert (await refusal(hub.refresh(tokens.refresh_token))).reason == "REFRESH_TOKEN_INVALID"


async def test_a_session_ends_after_its_longest_time_however_often_it_is_refreshed(hub: AuthHub) -> None:
    tokens = await hub.sign_in()
    for days in range(10, 60, 10):
        hub.clock.offset = timedelta(days=days)
        tokens = await hub.refresh(tokens.refresh_token)
    hub.clock.offset = timedelta(days=61)
    assert (await refusal(hub.refresh(tokens.refresh_token))).reason == "REFRESH_TOKEN_INVALID"


@pytest.mark.parametrize("token", ["x", "☃", "A" * 256, "' OR 1=1 --"])
async def test_an_unknown_token_is_refused(hub: AuthHub, token: str) -> None:
    assert (await refusal(hub.refresh(token))).reason == "REFRESH_TOKEN_INVALID"


async def test_an_access_token_is_no_refresh_token_and_the_other_way_round(hub: AuthHub) -> None:
    tokens = await hub.sign_in()
    refused = await refusal(hub.refresh(tokens.access_token))
    assert refused.code in {"UNAUTHENTICATED", "INVALID_ARGUMENT"}
    metadata = [("authorization", f"Bearer {tokens.refresh_token}")]
    assert (await refusal(hub.stub.GetMe(pb.GetMeRequest(), metadata=metadata))).reason == "TOKEN_INVALID"


async def test_a_revoked_token_ends_its_session_and_an_unknown_one_is_answered_alike(hub: AuthHub) -> None:
    user = await hub.new_user()
    tokens = await hub.sign_in(user.username, PASSWORD)
    for token in (tokens.refresh_token, tokens.refresh_token, "unknown", tokens.access_token):
        form = HttpBody(content_type="application/x-www-form-urlencoded", data=f"token={token}".encode())
        assert (await hub.stub.RevokeToken(pb.RevokeTokenRequest(form=form))).data == b"{}"
    assert (await refusal(hub.refresh(tokens.refresh_token))).reason == "REFRESH_TOKEN_INVALID"
    assert (await hub.kinds_of(user)).count("SESSION_ENDED") == 1
