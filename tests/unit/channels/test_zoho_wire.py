"""Zoho's wire: tokens within their limit, where they go, quotas told apart by words, and errors within a success."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from sync_svc.channels.base import ChannelAccount, ChannelError, Outcome
from sync_svc.channels.http import Answer
from sync_svc.channels.zoho import errors, places
from sync_svc.channels.zoho.adapter import ZohoChannel
from sync_svc.channels.zoho.client import ZohoClient
from tests.unit.channels.doubles import Platform, zoho_account

API = "/inventory/v1"
OK = {"code": 0, "message": "success"}
TOKEN = {"access_token": "t", "expires_in": 3600}


@pytest.fixture
def zoho() -> Platform:
    platform = Platform()
    platform.on("POST", "/token", (200, TOKEN))
    platform.on("GET", f"{API}/items", (200, {**OK, "items": []}))
    platform.on("GET", f"{API}/organizations", (200, {**OK, "organizations": []}))
    return platform


def client(platform: Platform, account: ChannelAccount | None = None) -> ZohoClient:
    return ZohoClient(account or zoho_account(), platform.transport)


async def failure(platform: Platform) -> ChannelError:
    with pytest.raises(ChannelError) as raised:
        await client(platform).any_item()
    return raised.value


async def test_many_callers_share_one_token(zoho: Platform) -> None:
    hub = client(zoho)
    await asyncio.gather(*(hub.find_item(str(number)) for number in range(12)))
    (call,) = zoho.seen("POST", "/token")
    assert b"refresh_token=1000.refresh" in call.content
    assert call.query == {}


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, {"error": "invalid_code"}, Outcome.AUTH),
        (400, {"error": "invalid_client"}, Outcome.AUTH),
        (500, {"error": "general_error"}, Outcome.RETRY),
        (200, {"token": "?"}, Outcome.RETRY),
        (400, {"error": "Access Denied", "error_description": "You have made too many requests."}, Outcome.RETRY),
    ],
)
async def test_token_that_is_not_given(zoho: Platform, status: int, body: Any, outcome: Outcome) -> None:
    zoho.on("POST", "/token", (status, body))
    assert (await failure(zoho)).outcome is outcome


async def test_refused_token_quota_is_not_asked_again_at_once(zoho: Platform) -> None:
    zoho.on("POST", "/token", (400, {"error": "Access Denied", "error_description": "too many requests"}))
    hub = client(zoho)
    for _ in range(3):
        with pytest.raises(ChannelError):
            await hub.any_item()
    assert len(zoho.seen("POST", "/token")) == 1


async def test_token_that_ended_is_renewed_once(zoho: Platform) -> None:
    zoho.on("GET", f"{API}/items", (401, {"code": 14, "message": "Invalid value passed for authtoken."}), (200, OK))
    await client(zoho).any_item()
    assert len(zoho.seen("POST", "/token")) == 2


@pytest.mark.parametrize("code", [6, 57])
async def test_missing_right_costs_no_token(zoho: Platform, code: int) -> None:
    zoho.on("GET", f"{API}/items", (400, {"code": code, "message": "You are not authorized."}))
    assert (await failure(zoho)).outcome is Outcome.AUTH
    assert len(zoho.seen("POST", "/token")) == 1


@pytest.mark.parametrize(
    ("status", "body", "outcome", "code"),
    [
        (200, {"code": 9, "message": "No."}, Outcome.PERMANENT, "9"),
        (200, {"code": 1000, "message": "internal"}, Outcome.RETRY, "1000"),
        (404, {"code": 1002, "message": "Item does not exist."}, Outcome.PERMANENT, errors.NOT_FOUND),
        (404, {"code": 5, "message": "Invalid URL Passed"}, Outcome.PERMANENT, errors.NOT_FOUND),
        (500, {"code": 1000, "message": "internal"}, Outcome.RETRY, "1000"),
        (405, None, Outcome.PERMANENT, "http_405"),
        (429, {"code": 44, "message": "exceeded the maximum number of requests per minute"}, Outcome.RETRY, "44"),
        (429, {"message": "exceeded the maximum API requests allowed per day"}, Outcome.RETRY, "45"),
        (429, None, Outcome.RETRY, "44"),
    ],
)
async def test_answers_are_sorted(zoho: Platform, status: int, body: Any, outcome: Outcome, code: str) -> None:
    zoho.on("GET", f"{API}/items", (status, body))
    error = await failure(zoho)
    assert (error.outcome, error.code) == (outcome, code)


def test_day_and_minute_are_told_apart_by_their_words() -> None:
    minute = Answer(429, {}, {"code": 44, "message": "the maximum number of requests per minute"})
    day = Answer(429, {}, {"code": 99, "message": "You have reached your Daily limit."})
    assert errors.silence_after(minute) == errors.MINUTE_S
    assert errors.silence_after(day) == errors.DAY_S


async def test_429_silences_the_organization(zoho: Platform) -> None:
    zoho.on("GET", f"{API}/items", (429, {"code": 44, "message": "per minute"}))
    error = await failure(zoho)
    assert error.retry_after_s == errors.MINUTE_S


async def test_day_keeps_its_last_tenth_for_stock(zoho: Platform) -> None:
    zoho.on("PUT", f"{API}/items/1", (200, OK))
    hub = client(zoho, zoho_account(requests_per_day=10))
    for _ in range(9):
        await hub.any_item()
    with pytest.raises(ChannelError) as spent:
        await hub.update_item("1", {})
    assert spent.value.code == "QUOTA"
    await hub.any_item()
    assert hub.left_today() == 0


async def test_api_domain_of_the_token_is_followed(zoho: Platform) -> None:
    zoho.on("POST", "/token", (200, {**TOKEN, "api_domain": "https://zoho.test/elsewhere"}))
    zoho.on("GET", "/elsewhere/inventory/v1/items", (200, OK))
    await client(zoho).any_item()
    assert zoho.calls[-1].path == "/elsewhere/inventory/v1/items"


@pytest.mark.parametrize(
    ("api", "domain", "followed"),
    [
        ("https://www.zohoapis.com/inventory/v1", "https://www.zohoapis.eu", "https://www.zohoapis.eu/inventory/v1"),
        ("https://www.zohoapis.com/inventory/v1", "http://www.zohoapis.eu", "https://www.zohoapis.com/inventory/v1"),
        ("https://www.zohoapis.com/inventory/v1", "https://zohoapis.evil.com", "https://www.zohoapis.com/inventory/v1"),
        (
            "https://www.zohoapis.com/inventory/v1",
            "https://a.zohoapis.com.evil",
            "https://www.zohoapis.com/inventory/v1",
        ),
        ("http://127.0.0.1:9/zoho/inventory/v1", "https://www.zohoapis.com", "http://127.0.0.1:9/zoho/inventory/v1"),
        ("http://127.0.0.1:9/zoho/inventory/v1", "http://127.0.0.1:9/z", "http://127.0.0.1:9/z/inventory/v1"),
        ("http://127.0.0.1:9/inventory/v1", "http://[", "http://127.0.0.1:9/inventory/v1"),
        ("http://127.0.0.1:9/inventory/v1", 7, "http://127.0.0.1:9/inventory/v1"),
    ],
)
def test_tokens_go_to_no_strange_place(api: str, domain: object, followed: str) -> None:
    assert places.followed(api, domain) == followed


@pytest.mark.parametrize(
    ("site", "token_url", "api_url"),
    [
        ("", "https://accounts.zoho.com/oauth/v2/token", "https://www.zohoapis.com/inventory/v1"),
        ("US", "https://accounts.zoho.com/oauth/v2/token", "https://www.zohoapis.com/inventory/v1"),
        (".eu", "https://accounts.zoho.eu/oauth/v2/token", "https://www.zohoapis.eu/inventory/v1"),
        ("CA", "https://accounts.zohocloud.ca/oauth/v2/token", "https://www.zohoapis.ca/inventory/v1"),
    ],
)
def test_data_centers_have_their_own_servers(site: str, token_url: str, api_url: str) -> None:
    assert (places.token_url("", site), places.api_url("", site)) == (token_url, api_url)


@pytest.mark.parametrize(
    "wrong",
    [
        {"site": "xy", "token_url": ""},
        {"options": {"requests_per_minute": "many"}},
        {"options": {"stock_field": "stock"}},
        {"credentials": {"client_id": "x"}},
    ],
)
def test_wrong_settings_are_named_when_the_channel_is_built(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"Zoho|option"):
        ZohoChannel(replace(zoho_account(), **wrong))


async def test_check_reads_the_organization_or_else_an_item(zoho: Platform) -> None:
    hub = ZohoChannel(zoho_account(), transport=zoho.transport)
    own = [{"organization_id": 10229182, "name": "USAV"}]
    zoho.on("GET", f"{API}/organizations", (200, {**OK, "organizations": own}), (400, {"code": 57, "message": "no"}))
    assert (await hub.check()).account_name == "USAV"
    assert (await hub.check()).account_name == "BOOKS"
    assert hub.token_expires_at()
    assert {quota.name for quota in hub.quotas()} == {"requests", "token"}
    await hub.aclose()


async def test_nothing_secret_is_logged_or_told(zoho: Platform, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    zoho.on("POST", "/token", (200, {"error": "invalid_code"}))
    error = await failure(zoho)
    assert "1000.refresh" not in caplog.text + str(error)
    assert "app-secret" not in caplog.text + repr(zoho_account())


async def test_unreachable_server_is_tried_again(zoho: Platform) -> None:
    def refuse(call: object) -> httpx2.Response:
        raise httpx2.ConnectError("no")

    zoho.on("GET", f"{API}/items", refuse)
    assert (await failure(zoho)).outcome is Outcome.RETRY
