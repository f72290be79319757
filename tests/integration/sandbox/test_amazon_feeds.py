"""Amazon's feeds: an address that holds five minutes, work done later, a report by message, and endings that tell little."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.amazon.tokens import SELLER_ID
from tests.integration.sandbox.clients import Client, Reply, attributes, list_on_amazon, stock_patch

_FEEDS = "/feeds/2021-06-30/feeds"
_DOCUMENTS = "/feeds/2021-06-30/documents"
_TYPE = "application/json; charset=UTF-8"
_MARKET = "ATVPDKIKX0DER"


@pytest.fixture(autouse=True)
def quick_feeds(box: Sandbox) -> None:
    """Feeds are begun at once."""
    box.switches.amazon.feed_delay_ms = 5.0


async def _upload(amazon: Client, contents: bytes, content_type: str = _TYPE, **headers: str) -> tuple[str, int]:
    made = (await amazon.post(_DOCUMENTS, {"contentType": _TYPE})).body
    sent = {"Content-Type": content_type, **headers}
    async with amazon.session.put(made["url"], data=contents, headers=sent) as response:
        return made["feedDocumentId"], response.status


async def _feed(amazon: Client, messages: list[Any], *, parts: tuple[str, ...] = (), **header: Any) -> Reply:
    whole: dict[str, Any] = {"sellerId": SELLER_ID, "version": "2.0", **header}
    if parts:
        whole["report"] = {"includedData": list(parts), "apiVersion": "2021-08-01"}
    document_id, status = await _upload(amazon, json.dumps({"header": whole, "messages": messages}).encode())
    assert status == 200
    return await _create(amazon, document_id)


async def _create(amazon: Client, document_id: str, feed_type: str = "JSON_LISTINGS_FEED") -> Reply:
    body = {"feedType": feed_type, "marketplaceIds": [_MARKET], "inputFeedDocumentId": document_id}
    return await amazon.post(_FEEDS, body)


async def _ended(amazon: Client, feed_id: str) -> tuple[str, Any]:
    """The status a feed ends with, and its report."""
    for _ in range(200):
        feed = (await amazon.get(f"{_FEEDS}/{feed_id}")).body
        if not feed["processingStatus"].startswith("IN_"):
            break
        await asyncio.sleep(0.02)
    if "resultFeedDocumentId" not in feed:
        return feed["processingStatus"], None
    found = (await amazon.get(f"{_DOCUMENTS}/{feed['resultFeedDocumentId']}")).body
    async with amazon.session.get(found["url"]) as response:
        raw = await response.read()
    zipped = found.get("compressionAlgorithm") == "GZIP"
    return feed["processingStatus"], json.loads(gzip.decompress(raw) if zipped else raw)


def _set(number: int, sku: str, quantity: int) -> dict[str, Any]:
    return {"messageId": number, "sku": sku, "operationType": "PATCH", **stock_patch(quantity)}


@pytest.mark.parametrize("zipped", [True, False])
async def test_messages_are_applied_and_reported_by_number(box: Sandbox, amazon: Client, zipped: bool) -> None:
    box.switches.amazon.gzip_reports = zipped
    await list_on_amazon(amazon, box, "A1", 5)
    partial = {"fulfillment_availability": [{"fulfillment_channel_code": "DEFAULT", "quantity": 2}]}
    new = {"operationType": "UPDATE", "productType": "PRODUCT", "attributes": attributes(4)}
    messages = [
        {
            "messageId": 1,
            "sku": "A1",
            "operationType": "PARTIAL_UPDATE",
            "productType": "PRODUCT",
            "attributes": partial,
        },
        _set(2, "none", 1),
        {"messageId": 3, "sku": "A2", **new},
        {"messageId": 4, "sku": "A3", "operationType": "EXPLODE", "productType": "PRODUCT", "attributes": partial},
    ]
    created = await _feed(amazon, messages, parts=("issues", "fulfillmentAvailability"))
    assert created.status == 202
    status, report = await _ended(amazon, created.body["feedId"])
    assert status == "DONE"
    assert [issue["messageId"] for issue in report["issues"]] == [2, 4]
    counts = ("messagesProcessed", "messagesAccepted", "messagesInvalid", "errors")
    assert [report["summary"][name] for name in counts] == [4, 2, 2, 2]
    assert {item["sku"]: item["fulfillmentAvailability"][0]["quantity"] for item in report["items"]} == {
        "A1": 2,
        "A2": 4,
    }
    shown = {entry.sku: entry.quantity for entry in box.shelves.find("AMAZON")}
    assert shown == {"A1": 2, "A2": 4}


async def test_issue_after_acceptance_is_reported_with_the_items(box: Sandbox, amazon: Client) -> None:
    await list_on_amazon(amazon, box, "A1", 5)
    box.faults.set("accepted_then_failed", platform="AMAZON", count=1)
    created = await _feed(amazon, [_set(1, "A1", 3)], parts=("issues",))
    _, report = await _ended(amazon, created.body["feedId"])
    assert (report["issues"], report["summary"]["messagesAccepted"]) == ([], 1)
    assert report["summary"]["itemSummary"]["errors"] == len(report["items"][0]["issues"]) == 1


async def test_fatal_feed_may_have_applied_half(box: Sandbox, amazon: Client) -> None:
    for sku in ("A1", "A2"):
        await list_on_amazon(amazon, box, sku, 5)
    box.faults.set("feed_fatal", platform="AMAZON", count=1)
    created = await _feed(amazon, [_set(1, "A1", 1), _set(2, "A2", 1)])
    status, _ = await _ended(amazon, created.body["feedId"])
    assert status == "FATAL"
    assert [shown.quantity for shown in box.shelves.find("AMAZON")] == [1, 5]


@pytest.mark.parametrize("header", [{"version": "1.0"}, {"sellerId": "A3OTHER"}])
async def test_feed_that_is_wrong_as_a_whole_ends_fatal(amazon: Client, header: dict[str, Any]) -> None:
    created = await _feed(amazon, [_set(1, "A1", 1)], **header)
    status, report = await _ended(amazon, created.body["feedId"])
    assert (status, "messageId" in report["issues"][0]) == ("FATAL", False)


async def test_feeds_of_before_end_fatal(amazon: Client) -> None:
    document_id, _ = await _upload(amazon, b"<xml/>")
    created = await _create(amazon, document_id, "POST_PRODUCT_DATA")
    assert (await _ended(amazon, created.body["feedId"]))[0] == "FATAL"


async def test_address_holds_five_minutes_for_its_own_content_type_and_no_token(box: Sandbox, amazon: Client) -> None:
    assert (await _upload(amazon, b"{}", "text/plain"))[1] == 403
    assert (await _upload(amazon, b"{}", **amazon.headers))[1] == 403
    made = (await amazon.post(_DOCUMENTS, {"contentType": _TYPE})).body
    box.clock.advance(301)
    async with amazon.session.put(made["url"], data=b"{}", headers={"Content-Type": _TYPE}) as response:
        assert response.status == 403
    later = made["url"].replace("X-Amz-Expires=1", "X-Amz-Expires=9")
    async with amazon.session.put(later, data=b"{}", headers={"Content-Type": _TYPE}) as response:
        assert response.status == 403


async def test_feed_needs_an_uploaded_document_and_known_marketplaces(amazon: Client) -> None:
    made = (await amazon.post(_DOCUMENTS, {"contentType": _TYPE})).body["feedDocumentId"]
    assert (await _create(amazon, made)).status == 400
    document_id, _ = await _upload(amazon, b"{}")
    for marketplaces in ([], ["X"], [_MARKET] * 26, "x"):
        body = {"feedType": "JSON_LISTINGS_FEED", "marketplaceIds": marketplaces, "inputFeedDocumentId": document_id}
        assert (await amazon.post(_FEEDS, body)).status == 400


async def test_only_a_waiting_feed_can_be_cancelled(box: Sandbox, amazon: Client) -> None:
    box.switches.amazon.feed_delay_ms = 60_000.0
    waiting = (await _feed(amazon, [_set(1, "A1", 1)])).body["feedId"]
    assert (await amazon.delete(f"{_FEEDS}/{waiting}")).status == 200
    assert (await amazon.delete(f"{_FEEDS}/{waiting}")).status == 400
    assert (await _ended(amazon, waiting))[0] == "CANCELLED"
    listed = (await amazon.get(f"{_FEEDS}?processingStatuses=CANCELLED")).body["feeds"]
    assert [feed["feedId"] for feed in listed] == [waiting]


async def test_sixth_listings_feed_in_five_minutes_is_refused(box: Sandbox, amazon: Client) -> None:
    document_id, _ = await _upload(amazon, b"{}")
    assert [(await _create(amazon, document_id)).status for _ in range(6)] == [202] * 5 + [429]
    assert box.amazon.usage.over_quota == 1
    box.clock.advance(61)
    assert (await _create(amazon, document_id)).status == 202
