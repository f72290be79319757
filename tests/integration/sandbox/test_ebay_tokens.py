"""eBay's tokens: grants, scopes, expiry, revocation."""

import aiohttp
import pytest

from sandbox import Sandbox
from sandbox.ebay.tokens import INVENTORY, PUBLIC, refresh_token_of
from tests.integration.sandbox.clients import Client, ebay_seller, request_token

_ITEMS = "/sell/inventory/v1/inventory_item"


async def test_refresh_gives_a_user_token_of_two_hours(session: aiohttp.ClientSession, box: Sandbox) -> None:
    reply = await request_token(
        session, box, {"grant_type": "refresh_token", "refresh_token": refresh_token_of("DRAGON"), "scope": INVENTORY}
    )
    assert reply.status == 200
    assert reply.body["expires_in"] == 7200
    assert reply.body["token_type"] == "User Access Token"


@pytest.mark.parametrize(
    ("form", "secret", "status", "error"),
    [
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "", 400, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": refresh_token_of("USAV")}, "no", 401, "invalid_client"),
        ({"grant_type": "password"}, "", 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "scope": INVENTORY}, "", 400, "invalid_scope"),
        (
            {"grant_type": "refresh_token", "refresh_token": refresh_token_of("USAV"), "scope": PUBLIC + "/buy"},
            "",
            400,
            "invalid_scope",
        ),
    ],
)
async def test_wrong_grant_is_refused(
    session: aiohttp.ClientSession, box: Sandbox, form: dict[str, str], secret: str, status: int, error: str
) -> None:
    reply = await request_token(session, box, form, secret)
    assert (reply.status, reply.body["error"]) == (status, error)


async def test_token_stops_working_when_its_life_is_over(box: Sandbox, seller: Client) -> None:
    assert (await seller.get(_ITEMS)).status == 200
    box.clock.advance(7201)
    reply = await seller.get(_ITEMS)
    assert reply.status == 401
    assert reply.body["errors"][0]["errorId"] == 1001


async def test_missing_token_is_401_and_missing_scope_403(
    session: aiohttp.ClientSession, box: Sandbox, application: Client
) -> None:
    nobody = Client(session, f"{box.url}/ebay", {})
    assert (await nobody.get(_ITEMS)).body["errors"][0]["errorId"] == 1002
    reply = await application.get(_ITEMS)
    assert (reply.status, reply.body["errors"][0]["errorId"]) == (403, 1100)


async def test_sellers_do_not_see_each_other(session: aiohttp.ClientSession, box: Sandbox, seller: Client) -> None:
    await seller.put(f"{_ITEMS}/A1", {"product": {"title": "x"}})
    other = await ebay_seller(session, box, "DRAGON")
    assert (await other.get(f"{_ITEMS}/A1")).status == 404
    assert (await seller.get(f"{_ITEMS}/A1")).status == 200


async def test_revoked_consent_ends_tokens_and_refresh(
    session: aiohttp.ClientSession, box: Sandbox, seller: Client
) -> None:
    box.faults.set("token_revoked", platform="EBAY", account="USAV", operation="ebay.get_items", count=1)
    assert (await seller.get(_ITEMS)).status == 401
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token_of("USAV")}
    assert (await request_token(session, box, form)).body["error"] == "invalid_grant"
    other = await ebay_seller(session, box, "DRAGON")
    assert (await other.get(_ITEMS)).status == 200


async def test_token_quota_of_the_day(session: aiohttp.ClientSession, box: Sandbox) -> None:
    box.switches.ebay.refresh_tokens_per_day = 1
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token_of("USAV")}
    assert (await request_token(session, box, form)).status == 200
    assert (await request_token(session, box, form)).status == 429
