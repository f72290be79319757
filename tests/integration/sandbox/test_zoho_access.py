"""Zoho's tokens and limits: ten tokens in ten minutes, a minute and a day that only the message tells apart."""

from __future__ import annotations

import aiohttp
import pytest

from sandbox import Sandbox
from sandbox.zoho.tokens import REFRESH_TOKEN
from tests.integration.sandbox.clients import Client, ZohoClient, zoho_token


async def test_token_tells_where_the_api_is(box: Sandbox, session: aiohttp.ClientSession) -> None:
    body = (await zoho_token(session, box)).body
    assert (body["api_domain"], body["expires_in"]) == (f"{box.url}/zoho", 3600)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_secret": "x"}, "invalid_client"),
        ({"refresh_token": "x"}, "invalid_code"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
async def test_refusals_of_the_token_endpoint_come_with_status_200(
    box: Sandbox, session: aiohttp.ClientSession, changes: dict[str, str], error: str
) -> None:
    reply = await zoho_token(session, box, **changes)
    assert (reply.status, reply.body) == (200, {"error": error})


async def test_eleventh_token_in_ten_minutes_is_refused(box: Sandbox, session: aiohttp.ClientSession) -> None:
    assert [(await zoho_token(session, box)).status for _ in range(10)] == [200] * 10
    refused = await zoho_token(session, box)
    assert (refused.status, refused.body["error"]) == (400, "Access Denied")
    assert box.zoho.usage.over_quota == 1
    box.clock.advance(601)
    assert "access_token" in (await zoho_token(session, box)).body


async def test_only_zohos_own_scheme_and_a_living_token_are_taken(box: Sandbox, zoho: ZohoClient) -> None:
    token = zoho.headers["Authorization"].partition(" ")[2]
    bearer = ZohoClient(zoho.session, zoho.base, {"Authorization": f"Bearer {token}"})
    assert (await bearer.get("/items")).status == 401
    assert (await zoho.get("/items")).status == 200
    box.clock.advance(3601)
    expired = await zoho.get("/items")
    assert (expired.status, expired.body["code"]) == (401, 14)


async def test_organization_must_be_named_except_to_list_it(zoho: ZohoClient) -> None:
    bare = Client(zoho.session, zoho.base, zoho.headers)
    assert (await bare.get("/items")).body["code"] == 6
    assert (await bare.get("/items?organization_id=5")).status == 400
    assert len((await bare.get("/organizations")).body["organizations"]) == 1


async def test_minute_and_day_are_told_apart_by_the_message(box: Sandbox, zoho: ZohoClient) -> None:
    box.switches.zoho.requests_per_minute = 2
    box.switches.zoho.requests_per_day = 3
    assert [(await zoho.get("/items")).status for _ in range(2)] == [200, 200]
    minute = await zoho.get("/items")
    assert (minute.status, "per minute" in minute.body["message"]) == (429, True)
    assert "Retry-After" not in minute.headers
    box.clock.advance(61)
    assert (await zoho.get("/items")).status == 200
    box.clock.advance(61)
    day = await zoho.get("/items")
    assert (day.status, "per day" in day.body["message"]) == (429, True)
    assert box.zoho.usage.over_quota == 2


async def test_fault_with_status_200_shows_in_the_code_alone(box: Sandbox, zoho: ZohoClient) -> None:
    box.faults.set("error_in_200", platform="ZOHO", count=1)
    reply = await zoho.get("/items")
    assert (reply.status, reply.body["code"]) == (200, 1000)


async def test_revoked_consent_ends_tokens_and_refresh(
    box: Sandbox, zoho: ZohoClient, session: aiohttp.ClientSession
) -> None:
    box.faults.set("token_revoked", platform="ZOHO", count=1)
    assert (await zoho.get("/items")).status == 401
    assert (await zoho_token(session, box, refresh_token=REFRESH_TOKEN)).body == {"error": "invalid_code"}


async def test_form_with_jsonstring_is_taken_too(zoho: ZohoClient) -> None:
    form = b"JSONString=%7B%22name%22%3A%22Wave%22%7D"
    reply = await zoho.call("POST", "/items", form, Content_Type="application/x-www-form-urlencoded")
    assert reply.status == 201
