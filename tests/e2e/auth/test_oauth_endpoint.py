"""The token endpoint as OAuth clients meet it: through the gateway, over HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import jwt
import pytest
from usav.auth.v1 import auth_service_pb2

from deploy.local.hub import Hub
from tests.e2e.auth.conftest import ADMIN_PASSWORD

TOKEN = "/api/v1/auth/token"
GOOD = {"username": "admin", "password": ADMIN_PASSWORD}


async def test_a_form_and_a_json_object_give_tokens(http: httpx2.AsyncClient) -> None:
    for answer in (
        await http.post(TOKEN, data=GOOD),
        await http.post(TOKEN, data={"grant_type": "password", **GOOD}),
        await http.post(TOKEN, json=GOOD),
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json()["token_type"] == "Bearer"


async def test_a_token_opens_me_and_is_checked_with_the_published_key(http: httpx2.AsyncClient) -> None:
    tokens = (await http.post(TOKEN, data=GOOD)).json()
    keys = (await http.get("/.well-known/jwks.json")).json()["keys"]
    key_id = jwt.get_unverified_header(tokens["access_token"])["kid"]
    (key,) = (item for item in keys if item["kid"] == key_id)
    claims = jwt.decode(
        tokens["access_token"], jwt.PyJWK(key).key, algorithms=["ES256"], audience="usav-hub", issuer="usav-hub"
    )
    me = await http.get("/api/v1/auth/me", headers={"authorization": f"Bearer {tokens['access_token']}"})
    assert me.json()["id"] == claims["sub"]
    assert me.json()["role"] == "ADMIN"
    refreshed = await http.post(TOKEN, data={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]})
    assert refreshed.json()["refresh_token"] != tokens["refresh_token"]


@pytest.mark.parametrize(
    ("body", "content_type", "status", "error"),
    [
        (b"username=admin&password=wrong", "application/x-www-form-urlencoded", 400, "invalid_grant"),
        (b"grant_type=refresh_token&refresh_token=x", "application/x-www-form-urlencoded", 400, "invalid_grant"),
        (b"grant_type=x", "application/x-www-form-urlencoded", 400, "unsupported_grant_type"),
        (b"username=a&password=b&scope=c", "application/x-www-form-urlencoded", 400, "invalid_scope"),
        (b"", "application/x-www-form-urlencoded", 400, "invalid_request"),
        (b"username=%00&password=%00", "application/x-www-form-urlencoded", 400, "invalid_request"),
        (b"username=" + b"a" * 1_000_000, "application/x-www-form-urlencoded", 400, "invalid_request"),
        (b"{", "application/json", 400, "invalid_request"),
        (b'{"username": NaN, "password": 1e999}', "application/json", 400, "invalid_request"),
        (b"\xff\xfe\x00", "application/json", 400, "invalid_request"),
        (b"<a/>", "application/xml", 400, "invalid_request"),
        (
            b"grant_type=client_credentials&client_id=a&client_secret=b",
            "application/x-www-form-urlencoded",
            401,
            "invalid_client",
        ),
    ],
)
async def test_a_refusal_has_the_status_and_the_body_of_the_rfc(
    http: httpx2.AsyncClient, body: bytes, content_type: str, status: int, error: str
) -> None:
    answer = await http.post(TOKEN, content=body, headers={"content-type": content_type})
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.json()["error"] == error
    assert answer.headers["cache-control"] == "no-store"
    assert "x-hub-http-status" not in answer.headers


async def test_a_client_authenticates_with_basic(auth_hub: Hub, http: httpx2.AsyncClient) -> None:
    environment = auth_hub.environments.service(_spec(), 1)
    name, secret, _ = environment["HUB_SERVICE_ACCOUNTS"].split(",")[0].split(":")
    form = {"grant_type": "client_credentials"}
    assert set((await http.post(TOKEN, data=form, auth=(name, secret))).json()) == {
        "access_token",
        "token_type",
        "expires_in",
    }
    refused = await http.post(TOKEN, data=form, auth=(name, "wrong"))
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic ")


async def test_guessing_is_answered_429_with_the_time_to_wait_but_not_to_the_owner_elsewhere(
    auth_hub: Hub, http: httpx2.AsyncClient, admin: dict[str, str]
) -> None:
    user = {"username": "guessed", "password": "nine purple lanterns", "role": "SALES_REP"}
    assert (await http.post("/api/v1/auth/users", json=user, headers=admin)).status_code == 200
    guesses = [await http.post(TOKEN, data={"username": "guessed", "password": f"guess {n}"}) for n in range(7)]
    assert [answer.status_code for answer in guesses] == [400] * 5 + [429] * 2
    assert int(guesses[-1].headers["retry-after"]) >= 1
    forged = {"x-forwarded-for": "10.0.0.1", "x-client-address": "10.0.0.1"}
    assert (await http.post(TOKEN, data=user, headers=forged)).status_code == 429
    elsewhere = httpx2.AsyncHTTPTransport(local_address="127.0.0.2")
    async with httpx2.AsyncClient(base_url=auth_hub.gateway_url, transport=elsewhere) as owner:
        form = {"username": "guessed", "password": user["password"]}
        assert (await owner.post(TOKEN, data=form)).status_code == 200


async def test_a_revoked_session_is_over(http: httpx2.AsyncClient) -> None:
    tokens = (await http.post(TOKEN, data=GOOD)).json()
    revoked = await http.post("/api/v1/auth/revoke", data={"token": tokens["refresh_token"]})
    assert (revoked.status_code, revoked.json()) == (200, {})
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert (await http.post(TOKEN, data=form)).json()["error"] == "invalid_grant"
    empty = await http.post("/api/v1/auth/revoke", data={})
    assert (empty.status_code, empty.json()["error"]) == (400, "invalid_request")


async def test_the_logs_hold_no_secret_that_went_through(auth_hub: Hub, http: httpx2.AsyncClient) -> None:
    tokens: dict[str, Any] = (await http.post(TOKEN, json=GOOD)).json()
    await asyncio.sleep(0.5)
    logs = "".join(file.read_text(errors="replace") for file in (auth_hub.settings.state / "logs").glob("*.log"))
    assert auth_service_pb2.DESCRIPTOR.package in logs
    for secret in (ADMIN_PASSWORD, json.dumps(ADMIN_PASSWORD), tokens["access_token"], tokens["refresh_token"]):
        assert secret not in logs


def _spec() -> Any:
    from deploy.local.topology import SERVICES

    return SERVICES[0]
