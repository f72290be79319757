"""Feeds of Amazon: when one is used, what it says, and what becomes of its listings; never two ways at once for one SKU."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from sync_svc.channels.amazon import feeds, listings
from sync_svc.channels.amazon.adapter import AmazonChannel
from sync_svc.channels.amazon.feeds import FEED, PENDING
from sync_svc.channels.base import ListingPhase, ListingState, Outcome, PushResult
from tests.unit.channels.doubles import Platform, amazon_account, fails, state

FEEDS, DOCUMENTS = "/feeds/2021-06-30/feeds", "/feeds/2021-06-30/documents"
ITEMS = "/listings/2021-08-01/items/A1SELLER"
COUNT = listings._MOST_SINGLE + 1
KNOWN = {"listing_id": "B1", "product_type": "SPEAKERS"}
ACCEPTED = {"sku": "S1", "status": "ACCEPTED", "submissionId": "s"}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "_CONFIRM_AFTER_S", ())


@pytest.fixture
def amazon() -> Platform:
    platform = Platform()
    platform.on("POST", "/token", (200, {"access_token": "t", "expires_in": 3600}))
    platform.on("POST", DOCUMENTS, (201, {"feedDocumentId": "doc-1", "url": "https://storage.test/upload"}))
    platform.on("PUT", "/upload", (200, None))
    platform.on("POST", FEEDS, (202, {"feedId": "501"}))
    platform.on("GET", FEEDS, (200, {"feeds": []}))
    return platform


def channel(platform: Platform) -> AmazonChannel:
    return AmazonChannel(amazon_account(), transport=platform.transport)


def one(number: int = 1, **changes: Any) -> ListingState:
    fields = {"listing_id": number, "platform_sku": f"S{number}", "external_ids": KNOWN, "content_changed": False}
    return state(**{**fields, **changes})


def waiting(result: PushResult, number: int = 1, **changes: Any) -> ListingState:
    return one(number, external_ids={**KNOWN, **result.external_ids}, **changes)


async def sent(amazon: Platform) -> tuple[AmazonChannel, list[PushResult]]:
    hub = channel(amazon)
    return hub, await hub.push([one(number) for number in range(1, COUNT + 1)])


def finished(amazon: Platform, *issues: dict[str, Any], status: str = "DONE", zipped: bool = True) -> None:
    feed = {"feedId": "501", "processingStatus": status, "resultFeedDocumentId": "doc-2"}
    amazon.on("GET", f"{FEEDS}/501", (200, feed))
    described = {"feedDocumentId": "doc-2", "url": "https://storage.test/report"}
    amazon.on(
        "GET", f"{DOCUMENTS}/doc-2", (200, {**described, "compressionAlgorithm": "GZIP"} if zipped else described)
    )
    report = json.dumps({"header": {}, "issues": list(issues)}).encode()
    content = gzip.compress(report) if zipped else report
    amazon.on("GET", "/report", lambda call: httpx2.Response(200, content=content))


async def test_many_go_out_as_one_feed_and_are_not_done_yet(amazon: Platform) -> None:
    _, results = await sent(amazon)
    assert {(result.outcome, result.code, result.wait_s) for result in results} == {(Outcome.RETRY, PENDING, 60.0)}
    assert results[0].external_ids[FEED] == "501:1:2@49.99"
    (upload,) = amazon.seen("PUT", "/upload")
    assert upload.headers["content-type"] == "application/json; charset=UTF-8"
    assert "x-amz-access-token" not in upload.headers
    feed = upload.json
    assert feed["header"] == {
        "sellerId": "A1SELLER",
        "version": "2.0",
        "issueLocale": "en_US",
        "report": {"includedData": ["issues"], "apiVersion": "2021-08-01"},
    }
    assert len(feed["messages"]) == COUNT
    first = feed["messages"][0]
    assert (first["messageId"], first["sku"], first["operationType"]) == (1, "S1", "PATCH")
    (start,) = amazon.seen("POST", FEEDS)
    assert start.json["feedType"] == "JSON_LISTINGS_FEED"


async def test_nothing_else_is_sent_for_a_listing_whose_feed_is_under_way(amazon: Platform) -> None:
    hub, results = await sent(amazon)
    amazon.on("GET", f"{FEEDS}/501", (200, {"processingStatus": "IN_PROGRESS"}))
    batch = [waiting(result, number, quantity=0) for number, result in enumerate(results[:9], 1)]
    again = await hub.push(batch)
    assert {(result.outcome, result.code) for result in again} == {(Outcome.RETRY, PENDING)}
    assert len(amazon.seen("GET", f"{FEEDS}/501")) == 1
    assert not amazon.seen("PATCH", f"{ITEMS}/S1")


@pytest.mark.parametrize("zipped", [True, False])
async def test_report_tells_what_became_of_each_message(amazon: Platform, zipped: bool) -> None:
    hub, results = await sent(amazon)
    issue = {"messageId": 2, "sku": "S2", "code": "90225", "severity": "ERROR", "message": "Not so."}
    warning = {"messageId": 1, "sku": "S1", "code": "1", "severity": "WARNING", "message": "Well."}
    finished(amazon, issue, warning, zipped=zipped)
    good, bad = await hub.push([waiting(results[0]), waiting(results[1], 2)])
    assert (good.outcome, good.external_ids) == (Outcome.DONE, {FEED: ""})
    assert (bad.outcome, bad.code, bad.message) == (Outcome.PERMANENT, "90225", "Not so.")
    assert len(amazon.seen("GET", "/report")) == 1


async def test_listing_that_has_changed_since_is_patched_when_its_feed_has_ended(amazon: Platform) -> None:
    hub, results = await sent(amazon)
    finished(amazon)
    amazon.on("PATCH", f"{ITEMS}/S1", (200, ACCEPTED))
    (result,) = await hub.push([waiting(results[0], quantity=0)])
    assert (result.outcome, result.external_ids[FEED]) == (Outcome.DONE, "")
    assert len(amazon.seen("PATCH", f"{ITEMS}/S1")) == 1


@pytest.mark.parametrize("status", ["FATAL", "CANCELLED"])
async def test_feed_that_broke_off_is_unknown_and_read_back(amazon: Platform, status: str) -> None:
    hub, results = await sent(amazon)
    finished(amazon, status=status)
    (result,) = await hub.push([waiting(results[0])])
    assert (result.outcome, result.external_ids) == (Outcome.UNKNOWN, {FEED: ""})


async def test_feed_amazon_has_forgotten_is_unknown(amazon: Platform) -> None:
    hub, results = await sent(amazon)
    amazon.on("GET", f"{FEEDS}/501", (404, None))
    (result,) = await hub.push([waiting(results[0])])
    assert result.outcome is Outcome.UNKNOWN


async def test_feed_that_cannot_be_asked_about_stays_pending(amazon: Platform) -> None:
    hub, results = await sent(amazon)
    amazon.on("GET", f"{FEEDS}/501", (503, None))
    (result,) = await hub.push([waiting(results[0])])
    assert (result.outcome, FEED in result.external_ids) == (Outcome.RETRY, False)


@pytest.mark.parametrize(
    ("lost", "outcome"),
    [
        (fails(httpx2.ReadTimeout), Outcome.UNKNOWN),
        ((500, {"errors": [{"code": "InternalFailure", "message": "?"}]}), Outcome.UNKNOWN),
        ((429, {"errors": [{"code": "QuotaExceeded", "message": "?"}]}), Outcome.RETRY),
        ((202, {}), Outcome.UNKNOWN),
    ],
)
async def test_feed_whose_start_was_not_answered_is_unknown(amazon: Platform, lost: Any, outcome: Outcome) -> None:
    amazon.on("POST", FEEDS, lost)
    _, results = await sent(amazon)
    assert {result.outcome for result in results} == {outcome}


async def test_failed_upload_starts_no_feed(amazon: Platform) -> None:
    amazon.on("PUT", "/upload", (403, "<Error/>"))
    _, results = await sent(amazon)
    assert Outcome.DONE not in {result.outcome for result in results}
    assert not amazon.seen("POST", FEEDS)


async def test_listing_in_doubt_waits_for_unfinished_feeds_of_a_dead_worker(amazon: Platform) -> None:
    amazon.on("GET", FEEDS, (200, {"feeds": [{"feedId": "9", "processingStatus": "IN_QUEUE"}]}))
    hub = channel(amazon)
    for _ in range(3):
        (result,) = await hub.push([one(in_doubt=True)])
        assert (result.outcome, result.code) == (Outcome.RETRY, PENDING)
    assert len(amazon.seen("GET", FEEDS)) == 1


def test_backlog_is_noticed_by_full_batches_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    backlog = feeds.Backlog(break_even=30, batch=10)
    for size in (10, 10, 9, 10, 10):
        backlog.note(size)
        assert not backlog.wants_feed
    backlog.note(10)
    assert backlog.wants_feed
    backlog.fed()
    assert not backlog.wants_feed
    never = feeds.Backlog(break_even=0, batch=10)
    never.note(10)
    assert not never.wants_feed


async def test_channel_takes_many_at_once_only_when_a_feed_pays(amazon: Platform) -> None:
    hub = AmazonChannel(amazon_account(feed_from=listings.BATCH), transport=amazon.transport)
    assert hub.max_batch == listings.BATCH
    for number in range(listings.BATCH):
        amazon.on("PATCH", f"{ITEMS}/S{number}", (200, ACCEPTED))
    await hub.push([one(number) for number in range(listings.BATCH)])
    assert hub.max_batch == feeds.FEED_BATCH
    await hub.push([one(number) for number in range(1, COUNT + 1)])
    assert hub.max_batch == listings.BATCH


def test_ticket_is_read_as_it_was_written() -> None:
    ticket = feeds.Ticket("501", 7, "2@49.99")
    assert feeds.ticket_of(one(external_ids={FEED: str(ticket)})) == ticket
    for text in ("", "501", "501:x:1", "501:"):
        assert feeds.ticket_of(one(external_ids={FEED: text})) is None
    ended = one(phase=ListingPhase.ENDED)
    assert (
        len({feeds.asks_for(asked) for asked in (one(), one(quantity=1), replace(one(), price=Decimal(1)), ended)}) == 4
    )
