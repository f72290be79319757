"""The OAuth endpoint as the gateway calls it: raw bodies in, raw bodies and headers out."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from google.api.httpbody_pb2 import HttpBody
from usav.auth.v1 import auth_service_pb2 as pb

from tests.integration.auth.harness import ADMIN_PASSWORD, CLIENT_SECRET, AuthHub

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


async def post(
    hub: AuthHub, body: bytes, kind: str = FORM, authorization: str = ""
) -> tuple[dict[str, Any], dict[str, str]]:
    """The JSON that comes back, and the headers."""
    metadata = [("authorization", authorization)] if authorization else []
    call = hub.stub.ExchangeToken(
        pb.ExchangeTokenRequest(form=HttpBody(content_type=kind, data=body)), metadata=metadata
    )
    answer = await call
    headers = {key: str(value) for key, value in await call.initial_metadata()}
    return json.loads(answer.data), headers


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (f"grant_type=password&username=admin&password={ADMIN_PASSWORD.replace(' ', '+')}".encode(), FORM),
        (f"username=admin&password={ADMIN_PASSWORD.replace(' ', '%20')}&scope=".encode(), FORM),
        (json.dumps({"username": "admin", "password": ADMIN_PASSWORD}).encode(), JSON),
    ],
)
async def test_a_form_and_json_give_tokens_that_nobody_may_keep(hub: AuthHub, body: bytes, kind: str) -> None:
    answer, headers = await post(hub, body, kind)
    assert set(answer) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert headers["cache-control"] == "no-store"
    assert "x-hub-http-status" not in headers


async def test_a_refresh_token_is_exchanged(hub: AuthHub) -> None:
    tokens = await hub.sign_in()
    answer, _ = await post(hub, f"grant_type=refresh_token&refresh_token={tokens.refresh_token}".encode())
    assert answer["refresh_token"] != tokens.refresh_token


async def test_a_client_authenticates_in_the_header_or_in_the_body(hub: AuthHub) -> None:
    credentials = base64.b64encode(f"sync-svc:{CLIENT_SECRET.replace(' ', '+')}".encode()).decode()
    in_header, _ = await post(hub, b"grant_type=client_credentials", authorization=f"Basic {credentials}")
    fields = f"grant_type=client_credentials&client_id=sync-svc&client_secret={CLIENT_SECRET.replace(' ', '+')}"
    in_body, _ = await post(hub, fields.encode())
    assert in_header.keys() == in_body.keys() == {"access_token", "token_type", "expires_in"}


@pytest.mark.parametrize(
    ("body", "kind", "error", "status"),
    [
        (b"username=admin&password=wrong", FORM, "invalid_grant", "400"),
        (b"grant_type=refresh_token&refresh_token=x", FORM, "invalid_grant", "400"),
        (b"grant_type=client_credentials&client_id=a&client_secret=b", FORM, "invalid_client", "401"),
        (b"grant_type=implicit", FORM, "unsupported_grant_type", "400"),
        (b"username=admin&password=x&scope=admin", FORM, "invalid_scope", "400"),
        (b"", FORM, "invalid_request", "400"),
        (b"username=admin", FORM, "invalid_request", "400"),
        (b"username=a&username=b", FORM, "invalid_request", "400"),
        (b"username=%00&password=%00", FORM, "invalid_request", "400"),
        (b"{", JSON, "invalid_request", "400"),
        (b'{"username": 1e30}', JSON, "invalid_request", "400"),
        (b"a" * 1_000_000, FORM, "invalid_request", "400"),
        (b"<xml/>", "text/xml", "invalid_request", "400"),
    ],
)
async def test_a_refusal_is_the_error_of_the_rfc_with_its_status(
    hub: AuthHub, body: bytes, kind: str, error: str, status: str
) -> None:
    answer, headers = await post(hub, body, kind)
    assert set(answer) == {"error", "error_description"}
    assert answer["error"] == error
    assert headers["x-hub-http-status"] == status
    assert headers["cache-control"] == "no-store"


async def test_a_client_that_is_wrong_in_the_header_is_told_how_to_authenticate(hub: AuthHub) -> None:
    _, headers = await post(hub, b"grant_type=client_credentials", authorization="Basic !!!")
    assert headers["x-hub-http-status"] == "401"
    assert headers["www-authenticate"].startswith("Basic ")
