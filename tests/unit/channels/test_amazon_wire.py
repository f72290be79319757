"""Amazon's wire: tokens, a bucket for each operation, rates as Amazon says it applies them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sync_svc.channels.amazon import rates
from sync_svc.channels.amazon.adapter import AmazonChannel
from sync_svc.channels.amazon.client import AmazonClient
from sync_svc.channels.base import ChannelError, Outcome
from tests.unit.channels.doubles import Platform, amazon_account, reply

ITEMS = "/listings/2021-08-01/items/A1SELLER"
ITEM = f"{ITEMS}/A"
DENIED = {"errors": [{"code": "Unauthorized", "message": "denied", "details": "The access token has expired."}]}
EXCEEDED = {"errors": [{"code": "QuotaExceeded", "message": "You exceeded your quota."}]}


@pytest.fixture
def amazon() -> Platform:
    platform = Platform()
    platform.on("POST", "/token", (200, {"access_token": "t", "expires_in": 3600}))
    platform.on("GET", ITEMS, (200, {"items": []}))
    platform.on("GET", ITEM, (200, {"sku": "A"}))
    return platform


def client(platform: Platform) -> AmazonClient:
    return AmazonClient(amazon_account(), "ATVPDKIKX0DER", platform.transport)


async def test_refused_token_is_renewed_once(amazon: Platform) -> None:
    amazon.on("GET", ITEM, (403, DENIED), (200, {"sku": "A"}))
    await client(amazon).get_listing("A", ["summaries"])
    grants = amazon.seen("POST", "/token")
    assert len(grants) == 2
    assert b"grant_type=refresh_token" in grants[0].content


async def test_second_refusal_is_the_accounts(amazon: Platform) -> None:
    amazon.on("GET", ITEM, (403, DENIED))
    with pytest.raises(ChannelError) as refused:
        await client(amazon).get_listing("A", ["summaries"])
    assert refused.value.outcome is Outcome.AUTH
    assert len(amazon.seen("GET", ITEM)) == 2


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (400, {"error": "invalid_grant", "error_description": "revoked"}, Outcome.AUTH),
        (401, {"error": "invalid_client"}, Outcome.AUTH),
        (500, {"error": "server_error"}, Outcome.RETRY),
        (200, {"expires_in": 3600}, Outcome.RETRY),
    ],
)
async def test_token_that_is_not_given(amazon: Platform, status: int, body: Any, outcome: Outcome) -> None:
    amazon.on("POST", "/token", (status, body))
    with pytest.raises(ChannelError) as refused:
        await client(amazon).any_listing()
    assert refused.value.outcome is outcome


async def test_one_operation_that_ran_out_stops_no_other(amazon: Platform) -> None:
    amazon.on("GET", ITEM, (429, EXCEEDED))
    hub = client(amazon)
    with pytest.raises(ChannelError) as busy:
        await hub.get_listing("A", ["summaries"])
    assert (busy.value.outcome, busy.value.retry_after_s) == (Outcome.RETRY, None)
    assert hub.throttle.left("getListingsItem") == 0
    assert hub.throttle.paused_for() == 0
    await hub.any_listing()


async def test_rate_is_also_heeded_where_there_is_no_such_listing(amazon: Platform) -> None:
    absent = {"errors": [{"code": "NOT_FOUND", "message": "SKU 'A' not found in marketplace ATVPDKIKX0DER"}]}
    amazon.on("GET", ITEM, lambda call: reply(404, absent, **{"x-amzn-ratelimit-limit": "500"}))
    hub = client(amazon)
    bucket = hub.throttle._buckets["getListingsItem"]
    assert await hub.get_listing("A", ["summaries"]) is None
    assert bucket.limit.rate_per_s == pytest.approx(485)


async def test_retry_after_silences_the_account_all_the_same(amazon: Platform) -> None:
    amazon.on("GET", ITEM, lambda call: reply(429, EXCEEDED, retry_after="7"))
    hub = client(amazon)
    with pytest.raises(ChannelError) as busy:
        await hub.get_listing("A", ["summaries"])
    assert busy.value.retry_after_s == 7
    assert hub.throttle.paused_for() > 6


async def test_operation_without_calls_left_does_not_silence_the_account(amazon: Platform) -> None:
    hub = client(amazon)
    hub.throttle.adjust("getListingsItem", 0.001)
    hub.throttle.drain("getListingsItem")
    with pytest.raises(ChannelError) as spent:
        await hub.get_listing("A", ["summaries"])
    assert (spent.value.code, spent.value.retry_after_s) == ("QUOTA", None)
    assert not amazon.seen("GET", ITEM)


@pytest.mark.parametrize(
    ("header", "rate"), [("0.5", 0.485), ("string", None), ("", None), ("0", None), ("-1", None), ("nan", None)]
)
def test_applied_rate_is_read_with_caution(header: str, rate: float | None) -> None:
    assert rates.applied_rate(header) == (None if rate is None else pytest.approx(rate))


def test_absurd_rate_is_bounded() -> None:
    assert rates.applied_rate("inf") == rates.applied_rate("1e300")


async def test_rate_amazon_applies_goes_before_the_published_one(amazon: Platform) -> None:
    amazon.on("GET", ITEM, lambda call: reply(200, {"sku": "A"}, x_amzn_RateLimit_Limit="100.0"))
    hub = client(amazon)
    for _ in range(40):
        await hub.get_listing("A", ["summaries"])
    assert len(amazon.seen("GET", ITEM)) == 40


@pytest.mark.parametrize(
    "wrong",
    [
        {"credentials": {"client_id": "x"}},
        {"options": {"feed_from": "many"}},
        {"options": {"queue_url": "https://q.test", "queue_wait_s": 99}},
    ],
)
def test_wrong_settings_are_named_when_the_channel_is_built(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"Amazon|option"):
        AmazonChannel(replace(amazon_account(), **wrong))


async def test_check_reads_a_listing_and_tells_of_the_consent(amazon: Platform) -> None:
    account = amazon_account()
    credentials = {**account.credentials, "consent_expires_at": "2027-11-22"}
    hub = AmazonChannel(replace(account, credentials=credentials), transport=amazon.transport)
    health = await hub.check()
    assert health.consent_expires_at is not None
    assert (health.account_name, health.consent_expires_at.year) == ("US", 2027)
    assert hub.token_expires_at()
    assert {quota.name for quota in hub.quotas()} >= {"patchListingsItem", "searchOrders"}
    await hub.aclose()
