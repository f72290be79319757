"""Amazon's tokens and rates: one header, one bucket per operation, and rates told only where the models say so."""

from __future__ import annotations

import aiohttp
import pytest

from sandbox import Sandbox
from tests.integration.sandbox.clients import Client, amazon_token, listing_path

_RATE = "x-amzn-RateLimit-Limit"
_PARTICIPATIONS = "/sellers/v1/marketplaceParticipations"


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_secret": "x"}, 401, "invalid_client"),
        ({"refresh_token": "x"}, 400, "invalid_grant"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "scope": "everything"}, 400, "invalid_scope"),
    ],
)
async def test_token_endpoint_refuses(
    box: Sandbox, session: aiohttp.ClientSession, changes: dict[str, str], status: int, error: str
) -> None:
    reply = await amazon_token(session, box, **changes)
    assert (reply.status, reply.body["error"]) == (status, error)


async def test_token_lasts_an_hour(box: Sandbox, amazon: Client) -> None:
    assert (await amazon.get(_PARTICIPATIONS)).status == 200
    box.clock.advance(3601)
    expired = await amazon.get(_PARTICIPATIONS)
    assert (expired.status, expired.body["errors"][0]["code"]) == (403, "Unauthorized")
    assert "expired" in expired.body["errors"][0]["details"]
    assert _RATE not in expired.headers


async def test_tokens_of_seller_and_application_do_not_stand_in_for_each_other(
    amazon: Client, amazon_application: Client
) -> None:
    assert (await amazon_application.get(_PARTICIPATIONS)).status == 403
    assert (await amazon.get("/notifications/v1/destinations")).status == 403
    assert (await Client(amazon.session, amazon.base, {}).get(_PARTICIPATIONS)).status == 403


async def test_bucket_empties_and_fills_at_the_published_rate(box: Sandbox, amazon: Client) -> None:
    path = listing_path("none")
    answers = [await amazon.get(path) for _ in range(11)]
    assert [reply.status for reply in answers] == [404] * 10 + [429]
    assert [reply.headers.get(_RATE) for reply in (answers[0], answers[-1])] == ["5", None]
    assert answers[-1].body["errors"][0]["code"] == "QuotaExceeded"
    assert "Retry-After" not in answers[-1].headers
    assert box.amazon.usage.over_quota == 1
    box.clock.advance(0.21)
    assert (await amazon.get(path)).status == 404
    assert (await amazon.get(_PARTICIPATIONS)).status == 200, "another operation has a bucket of its own"


async def test_rates_can_be_scaled_and_lifted(box: Sandbox, amazon: Client) -> None:
    box.switches.amazon.rate_scale = 2.0
    answers = [await amazon.get(listing_path("none")) for _ in range(15)]
    assert {(reply.status, reply.headers[_RATE]) for reply in answers} == {(404, "10")}
    box.switches.amazon.rate_scale = 0.0
    answers = [await amazon.get(listing_path("none")) for _ in range(50)]
    assert {(reply.status, _RATE in reply.headers) for reply in answers} == {(404, False)}


async def test_revoked_authorization_ends_tokens_and_refresh(
    box: Sandbox, amazon: Client, session: aiohttp.ClientSession
) -> None:
    box.faults.set("token_revoked", platform="AMAZON", count=1)
    assert (await amazon.get(_PARTICIPATIONS)).status == 403
    assert (await amazon_token(session, box)).body["error"] == "invalid_grant"


async def test_faults_tell_no_rate_and_have_amazons_shape(box: Sandbox, amazon: Client) -> None:
    box.faults.set("rate_limited", platform="AMAZON", count=1)
    box.faults.set("server_error", platform="AMAZON", count=1, status=503)
    limited, unavailable = await amazon.get(_PARTICIPATIONS), await amazon.get(_PARTICIPATIONS)
    assert (limited.status, limited.body["errors"][0]["code"], _RATE in limited.headers) == (
        429,
        "QuotaExceeded",
        False,
    )
    assert (unavailable.status, unavailable.body["errors"][0]["code"]) == (503, "ServiceUnavailable")
