"""The password and client_credentials grants, and what slows guessing down."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from datetime import timedelta

import argon2
import grpc
import jwt
import pytest
from usav.auth.v1 import auth_service_pb2 as pb

from tests.integration.auth.harness import (
    ADMIN_PASSWORD,
    CLIENT_SECRET,
    PASSWORD,
    AuthHub,
    bearer,
    from_address,
    refusal,
)


async def test_the_access_token_holds_what_other_services_check(hub: AuthHub) -> None:
    tokens = await hub.sign_in("ADMIN")
    keys = await hub.stub.GetJwks(pb.GetJwksRequest())
    key = jwt.PyJWK({name.name: value for name, value in keys.keys[0].ListFields()})
    claims = jwt.decode(tokens.access_token, key.key, algorithms=["ES256"], audience="usav-hub", issuer="usav-hub")
    assert jwt.get_unverified_header(tokens.access_token)["kid"] == keys.keys[0].kid
    assert (claims["sub"], claims["name"], claims["role"]) == ("1", "admin", "ADMIN")
    assert claims["exp"] - claims["iat"] == tokens.expires_in == 900
    assert claims["jti"]
    assert claims["sid"]
    assert tokens.token_type == "Bearer"


async def test_each_sign_in_is_written_down_with_its_address_and_without_the_password(hub: AuthHub) -> None:
    user = await hub.new_user()
    await hub.sign_in(user.username, PASSWORD, "10.1.2.3")
    await refusal(hub.sign_in(user.username, "a wrong password", "10.1.2.4"))
    rows = await hub.rows("SELECT * FROM auth.events WHERE subject_id = $1 ORDER BY id", str(user.id))
    assert [(row["kind"], row["address"]) for row in rows[1:]] == [
        ("SIGNED_IN", "10.1.2.3"),
        ("SIGN_IN_FAILED", "10.1.2.4"),
    ]
    assert PASSWORD not in str(rows)
    assert "argon2" not in str(rows)


@pytest.mark.parametrize(("username", "password"), [("admin", "wrong wrong wrong"), ("nobody_here", PASSWORD)])
async def test_a_wrong_name_and_a_wrong_password_are_told_alike(hub: AuthHub, username: str, password: str) -> None:
    refused = await refusal(hub.sign_in(username, password, "10.2.0.1"))
    assert (refused.code, refused.reason) == ("UNAUTHENTICATED", "CREDENTIALS_WRONG")
    assert refused.message == "The username or the password is wrong."


async def test_an_unknown_name_is_not_written_down(hub: AuthHub) -> None:
    await refusal(hub.sign_in("my secret pass phrase", "x", "10.2.0.2"))
    assert not await hub.rows("SELECT 1 FROM auth.events WHERE subject_name LIKE '%phrase%'")
    assert not await hub.rows("SELECT 1 FROM auth.sign_in_throttles WHERE key LIKE '%phrase%'")


async def test_a_deactivated_user_cannot_sign_in(hub: AuthHub) -> None:
    user = await hub.new_user(is_active=False)
    assert (await refusal(hub.sign_in(user.username, PASSWORD))).reason == "CREDENTIALS_WRONG"


async def test_guessing_is_slowed_down_more_and_more_but_not_for_the_owner_elsewhere(hub: AuthHub) -> None:
    user = await hub.new_user()
    reasons = [
        (await refusal(hub.sign_in(user.username, f"wrong guess {number}", "10.3.0.1"))).reason for number in range(8)
    ]
    assert reasons == ["CREDENTIALS_WRONG"] * 5 + ["SIGN_IN_THROTTLED"] * 3
    refused = await refusal(hub.sign_in(user.username, PASSWORD, "10.3.0.1"))
    assert refused.code == "RESOURCE_EXHAUSTED"
    assert 0 < refused.retry_after_s <= 1
    assert (await hub.sign_in(user.username, PASSWORD, "10.3.0.2")).access_token
    hub.clock.offset = timedelta(seconds=2)
    try:
        assert (await refusal(hub.sign_in(user.username, "wrong again", "10.3.0.1"))).reason == "CREDENTIALS_WRONG"
        assert 1 < (await refusal(hub.sign_in(user.username, PASSWORD, "10.3.0.1"))).retry_after_s <= 2
        hub.clock.offset = timedelta(seconds=5)
        assert (await hub.sign_in(user.username, PASSWORD, "10.3.0.1")).access_token
    finally:
        hub.clock.offset = timedelta()
    assert not await hub.rows("SELECT 1 FROM auth.sign_in_throttles WHERE key LIKE '%@10.3.0.1' AND key NOT LIKE '*%'")


async def test_guesses_that_arrive_together_do_not_slip_past_the_throttle(hub: AuthHub) -> None:
    user = await hub.new_user()
    refused = await asyncio.gather(
        *(refusal(hub.sign_in(user.username, f"wrong guess {number}", "10.4.0.1")) for number in range(40))
    )
    tried = sum(item.reason == "CREDENTIALS_WRONG" for item in refused)
    assert 5 <= tried <= 8
    assert tried + sum(item.reason == "SIGN_IN_THROTTLED" for item in refused) == 40


async def test_an_address_that_tries_many_accounts_waits_but_not_those_known_there(hub: AuthHub) -> None:
    known, new = await hub.new_user(), await hub.new_user()
    await hub.sign_in(known.username, PASSWORD, "10.5.0.1")
    for number in range(100):
        await refusal(hub.sign_in(f"spray_{number}", PASSWORD, "10.5.0.1"))
    assert (await refusal(hub.sign_in(new.username, PASSWORD, "10.5.0.1"))).reason == "SIGN_IN_THROTTLED"
    assert (await hub.sign_in(known.username, PASSWORD, "10.5.0.1")).access_token


@pytest.mark.parametrize("guesses", [600, pytest.param(10_000, marks=pytest.mark.long)])
async def test_during_an_attack_the_owner_signs_in_from_elsewhere(hub: AuthHub, guesses: int) -> None:
    user = await hub.new_user()
    attack = asyncio.create_task(_guess(hub, user.username, guesses, lambda _: "10.8.0.1"))
    while not attack.done():
        assert (await hub.sign_in(user.username, PASSWORD, "10.8.0.2")).access_token
        await asyncio.sleep(0.2)
    reasons = await attack
    tried = reasons.count("CREDENTIALS_WRONG")
    assert tried < 20
    assert tried + reasons.count("SIGN_IN_THROTTLED") + reasons.count("TOO_MANY_CALLS") == guesses
    assert (await refusal(hub.sign_in(user.username, PASSWORD, "10.8.0.1"))).reason == "SIGN_IN_THROTTLED"
    assert (await hub.sign_in(user.username, PASSWORD, "10.8.0.3")).access_token


async def test_guesses_from_many_addresses_slow_new_addresses_down_and_not_the_owners(hub: AuthHub) -> None:
    user = await hub.new_user()
    await hub.sign_in(user.username, PASSWORD, "10.9.0.1")
    await _guess(hub, user.username, 60, lambda number: f"10.9.{number}.2")
    held = await refusal(hub.sign_in(user.username, PASSWORD, "10.9.0.3"))
    assert held.reason == "SIGN_IN_THROTTLED"
    assert 0 < held.retry_after_s <= 60
    assert (await hub.sign_in(user.username, PASSWORD, "10.9.0.1")).access_token
    hub.clock.offset = timedelta(seconds=61)
    try:
        # More guesses meanwhile make others wait, but not who has waited.
        await _guess(hub, user.username, 20, lambda number: f"10.9.{number}.4")
        assert (await hub.sign_in(user.username, PASSWORD, "10.9.0.3")).access_token
    finally:
        hub.clock.offset = timedelta()


async def test_an_alarm_treats_unknown_names_alike(hub: AuthHub) -> None:
    await _guess(hub, "nobody_at_all", 60, lambda number: f"10.10.{number}.1")
    assert (await refusal(hub.sign_in("nobody_at_all", PASSWORD, "10.10.0.9"))).reason == "SIGN_IN_THROTTLED"


async def test_a_hash_of_former_parameters_is_renewed_at_sign_in_and_sessions_go_on(hub: AuthHub) -> None:
    user = await hub.new_user()
    before = await hub.sign_in(user.username, PASSWORD)
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=32, parallelism=1).hash(PASSWORD)
    await hub.rows("UPDATE auth.users SET password_hash = $1 WHERE id = $2", weak, user.id)
    tokens = await asyncio.gather(*(hub.sign_in(user.username, PASSWORD) for _ in range(10)))
    assert all(item.access_token for item in tokens)
    (row,) = await hub.rows("SELECT password_hash, version FROM auth.users WHERE id = $1", user.id)
    assert "m=64,t=1" in row["password_hash"]
    assert row["version"] == 1
    assert (await hub.refresh(before.refresh_token)).access_token
    assert (await hub.kinds_of(user)).count("PASSWORD_REHASHED") == 1


async def _guess(hub: AuthHub, username: str, guesses: int, address: Callable[[int], str]) -> list[str]:
    """The reasons of that many refusals, some dozens at a time."""
    numbers = iter(range(guesses))
    reasons: list[str] = []

    async def guess() -> None:
        for number in numbers:
            refused = await refusal(hub.sign_in(username, f"wrong guess {number}", address(number)))
            reasons.append(refused.reason)

    await asyncio.gather(*(guess() for _ in range(40)))
    return reasons


async def test_many_sign_ins_of_one_user_at_once_all_succeed(hub: AuthHub) -> None:
    user = await hub.new_user()
    tokens = await asyncio.gather(*(hub.sign_in(user.username, PASSWORD, "10.6.0.1") for _ in range(30)))
    assert len({item.refresh_token for item in tokens}) == 30


async def test_a_service_account_signs_in_and_is_told_who_it_is(hub: AuthHub) -> None:
    request = pb.IssueTokenRequest(grant_type="client_credentials", client_id="sync-svc", client_secret=CLIENT_SECRET)
    tokens = await hub.stub.IssueToken(request)
    assert not tokens.HasField("refresh_token")
    claims = jwt.decode(tokens.access_token, options={"verify_signature": False})
    assert (claims["sub"], claims["role"]) == ("client:sync-svc", "SYSTEM_BOT")
    me = await hub.stub.GetMe(pb.GetMeRequest(), metadata=bearer(tokens.access_token))
    assert (me.id, me.username) == (0, "sync-svc")
    change = pb.ChangeMyPasswordRequest(current_password=CLIENT_SECRET, new_password=PASSWORD)
    refused = await refusal(hub.stub.ChangeMyPassword(change, metadata=bearer(tokens.access_token)))
    assert (refused.code, refused.reason) == ("FAILED_PRECONDITION", "NOT_A_USER")


@pytest.mark.parametrize(("client", "secret"), [("sync-svc", CLIENT_SECRET + "x"), ("no-such", CLIENT_SECRET)])
async def test_a_wrong_client_is_refused_and_slowed_down(hub: AuthHub, client: str, secret: str) -> None:
    request = pb.IssueTokenRequest(grant_type="client_credentials", client_id=client, client_secret=secret)
    refused = [await refusal(hub.stub.IssueToken(request, metadata=from_address("10.7.0.1"))) for _ in range(6)]
    assert [item.reason for item in refused] == ["CLIENT_WRONG"] * 5 + ["SIGN_IN_THROTTLED"]


@pytest.mark.parametrize(
    ("request_", "reason", "field"),
    [
        (pb.IssueTokenRequest(), "TOKEN_REQUEST_INVALID", "grant_type"),
        (pb.IssueTokenRequest(username="admin"), "TOKEN_REQUEST_INVALID", "password"),
        (pb.IssueTokenRequest(grant_type="refresh_token"), "TOKEN_REQUEST_INVALID", "refresh_token"),
        (pb.IssueTokenRequest(grant_type="client_credentials"), "TOKEN_REQUEST_INVALID", "client_id"),
        (pb.IssueTokenRequest(grant_type="authorization_code"), "GRANT_TYPE_UNSUPPORTED", "grant_type"),
        (pb.IssueTokenRequest(username="a", password="b", scope="all"), "SCOPE_UNKNOWN", "scope"),
        (pb.IssueTokenRequest(username="a\0", password="b"), "FIELD_INVALID", "username"),
        (pb.IssueTokenRequest(username="a", password="b" * 1_000_000), "FIELD_INVALID", "password"),
        (
            pb.IssueTokenRequest(username="'; DROP TABLE auth.users;--", password=""),
            "TOKEN_REQUEST_INVALID",
            "password",
        ),
    ],
)
async def test_a_grant_that_cannot_be_right_names_the_field(
    hub: AuthHub, request_: pb.IssueTokenRequest, reason: str, field: str
) -> None:
    refused = await refusal(hub.stub.IssueToken(request_))
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", reason)
    assert field in refused.fields


async def test_hashing_leaves_the_event_loop_free(hub: AuthHub) -> None:
    health = hub.stub.GetJwks
    signing_in = [asyncio.ensure_future(hub.sign_in(password=ADMIN_PASSWORD)) for _ in range(20)]
    await asyncio.wait_for(health(pb.GetJwksRequest()), 2)
    await asyncio.gather(*signing_in)
    assert isinstance(hub.channel, grpc.aio.Channel)


async def test_every_character_of_a_long_password_counts_and_no_keyboard_matters(hub: AuthHub) -> None:
    long = "Ünïque lanterns " * 11 + "at the very end"
    user = await hub.new_user(password=unicodedata.normalize("NFC", long))
    await hub.sign_in(user.username, unicodedata.normalize("NFD", long))
    with pytest.raises(grpc.aio.AioRpcError):
        await hub.sign_in(user.username, unicodedata.normalize("NFC", long)[:-1])
