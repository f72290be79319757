"""What the sandbox takes and answers as Amazon agrees with Amazon's own models and schemas, where they are at hand."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox import Sandbox
from sandbox.amazon.queue import QUEUE_ARN, QUEUE_PATH
from sandbox.amazon.tokens import SELLER_ID
from sandbox.world import Purchase, WantedLine
from tests.contract.sandbox.recording import Recorder, undocumented
from tests.contract.sandbox.specifications import AMAZON, VARIABLE, Operation, Specifications, folder, problems
from tests.integration.sandbox.clients import (
    Reply,
    amazon,
    amazon_application,
    ask_queue,
    attributes,
    list_on_amazon,
    listing_path,
    stock_patch,
)

pytestmark = pytest.mark.skipif(
    folder("amazon") is None, reason=f"{VARIABLE} names no folder with Amazon's specifications"
)

_OUTSIDE = {"/auth/o2/token", "/apps/authorize/consent", "/sqs", QUEUE_PATH, "/documents/{document_id}"}
_EVERYTHING = "summaries,attributes,issues,offers,fulfillmentAvailability,relationships,productTypes"
_ORDERS = "/orders/2026-01-01/orders"
_FEEDS = "/feeds/2021-06-30"
_TYPE = "application/json; charset=UTF-8"


class AmazonRecorder(Recorder):
    """Checks the headers, too: a rate is told only where the model has it."""

    def judge(self, operation: Operation, body: Any, reply: Reply) -> list[str]:
        """What is wrong with an exchange."""
        told = {name.lower() for name in reply.headers if name.lower().startswith("x-amzn")}
        unknown = told - operation.headers(reply.status)
        return [
            *super().judge(operation, body, reply),
            *(f"header {name} is not documented" for name in sorted(unknown)),
        ]


@dataclass
class Stage:
    """A sandbox with recording clients that share what they noted."""

    box: Sandbox
    seller: AmazonRecorder
    application: AmazonRecorder


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """The stage; at the end nothing may have been noted."""
    specifications = Specifications(_folder(), AMAZON)
    async with Sandbox(0) as box, aiohttp.ClientSession() as session:
        box.switches.amazon.feed_delay_ms = 5.0
        seller, application = [
            AmazonRecorder(client.session, client.base, client.headers, specifications, box.amazon.router)
            for client in (await amazon(session, box), await amazon_application(session, box))
        ]
        application.problems = seller.problems
        yield Stage(box, seller, application)
        assert seller.problems == []


def _folder() -> Path:
    found = folder("amazon")
    assert found is not None
    return found


def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((_folder() / name).read_text())
    return schema


def test_every_operation_of_the_sandbox_is_documented() -> None:
    assert undocumented(Sandbox().amazon.router, Specifications(_folder(), AMAZON), _OUTSIDE) == []


async def test_listings(stage: Stage) -> None:
    seller, box = stage.seller, stage.box
    await list_on_amazon(seller, box, "A1")
    whole = {"productType": "PRODUCT", "requirements": "LISTING", "attributes": attributes()}
    await seller.put(listing_path("A2", "&mode=VALIDATION_PREVIEW"), whole)
    await seller.put(listing_path("A2"), {**whole, "attributes": {}})
    await seller.get(listing_path("A1", f"&includedData={_EVERYTHING}"))
    await seller.get(listing_path("none"))
    await seller.get(listing_path("A1", "&includedData=secrets"))
    await seller.call("PATCH", listing_path("A1"), stock_patch(2))
    box.faults.set("accepted_then_failed", platform="AMAZON", count=1)
    await seller.call("PATCH", listing_path("A1"), stock_patch(1))
    await asyncio.sleep(0.1)
    await seller.get(listing_path("", f"&includedData={_EVERYTHING}&pageSize=1").replace("/?", "?"))
    await seller.delete(listing_path("A1"))
    for _ in range(5):
        await seller.delete(listing_path("A1"))


async def test_orders(stage: Stage) -> None:
    seller, box = stage.seller, stage.box
    await list_on_amazon(seller, box, "A1", 9)
    order_id = box.amazon.buy(Purchase("MAIN", (("A1", 2),)))["order_id"]
    pending = box.amazon.buy(Purchase("MAIN", (("A1", 1),), paid=False))["order_id"]
    every = "BUYER,RECIPIENT,PROCEEDS,CANCELLATION,FULFILLMENT,PACKAGES"
    item_id = (await seller.get(f"{_ORDERS}/{order_id}")).body["order"]["orderItems"][0]["orderItemId"]
    detail = {
        "packageReferenceId": "1",
        "carrierCode": "UPS",
        "trackingNumber": "1Z",
        "shipDate": "2026-01-31T08:00:00Z",
        "orderItems": [{"orderItemId": item_id, "quantity": 1}],
    }
    path = f"/orders/v0/orders/{order_id}/shipmentConfirmation"
    await seller.post(path, {"marketplaceId": "ATVPDKIKX0DER", "packageDetail": detail})
    await seller.post(path, {"marketplaceId": "OTHER", "packageDetail": detail})
    box.amazon.cancel(pending)
    edited = box.amazon.buy(Purchase("MAIN", (("A1", 3),)))["order_id"]
    box.amazon.edit(edited, [WantedLine("A1", 1)])
    box.clock.advance(121)
    await seller.get(f"{_ORDERS}?lastUpdatedAfter=2026-01-01T00:00:00Z&maxResultsPerPage=1&includedData={every}")
    await seller.get(f"{_ORDERS}?includedData=BUYER")
    box.amazon.edit(edited, [])
    for known in (order_id, pending, edited, "111-0000000-0000000"):
        await seller.get(f"{_ORDERS}/{known}?includedData={every}")
    await seller.get("/sellers/v1/marketplaceParticipations")


async def test_feed_and_its_report(stage: Stage) -> None:
    seller, box = stage.seller, stage.box
    await list_on_amazon(seller, box, "A1", 9)
    report = {"includedData": ["summaries", "issues", "fulfillmentAvailability"], "apiVersion": "2021-08-01"}
    feed = {
        "header": {"sellerId": SELLER_ID, "version": "2.0", "report": report},
        "messages": [
            {"messageId": 1, "sku": "A1", "operationType": "PATCH", **stock_patch(3)},
            {"messageId": 2, "sku": "none", "operationType": "PATCH", **stock_patch(3)},
            {"messageId": 3, "sku": "A2", "operationType": "DELETE"},
        ],
    }
    assert problems(_schema("feeds/listings-feed-schema-v2.json"), feed) == []
    made = (await seller.post(f"{_FEEDS}/documents", {"contentType": _TYPE})).body
    async with seller.session.put(made["url"], json=feed, headers={"Content-Type": _TYPE}) as response:
        assert response.status == 200
    body = {
        "feedType": "JSON_LISTINGS_FEED",
        "marketplaceIds": ["ATVPDKIKX0DER"],
        "inputFeedDocumentId": made["feedDocumentId"],
    }
    feed_id = (await seller.post(f"{_FEEDS}/feeds", body)).body["feedId"]
    await seller.post(f"{_FEEDS}/feeds", {**body, "inputFeedDocumentId": "none"})
    await asyncio.sleep(0.2)
    await seller.get(f"{_FEEDS}/feeds?feedTypes=JSON_LISTINGS_FEED")
    await seller.delete(f"{_FEEDS}/feeds/{feed_id}")
    ended = (await seller.get(f"{_FEEDS}/feeds/{feed_id}")).body
    found = (await seller.get(f"{_FEEDS}/documents/{ended['resultFeedDocumentId']}")).body
    async with seller.session.get(found["url"]) as response:
        written = json.loads(gzip.decompress(await response.read()))
    assert problems(_schema("feeds/listings-feed-processing-report-schema-v2.json"), written) == []


async def test_subscribing(stage: Stage) -> None:
    seller, application = stage.seller, stage.application
    destination_id = await _subscribe(stage, "ORDER_CHANGE")
    await seller.post("/notifications/v1/subscriptions/ORDER_CHANGE", {"payloadVersion": "1.0", "destinationId": "x"})
    await application.get("/notifications/v1/destinations")
    await application.get(f"/notifications/v1/destinations/{destination_id}")
    found = (await seller.get("/notifications/v1/subscriptions/ORDER_CHANGE")).body["payload"]
    await seller.get("/notifications/v1/subscriptions/FEED_PROCESSING_FINISHED")
    path = f"/notifications/v1/subscriptions/ORDER_CHANGE/{found['subscriptionId']}"
    await application.get(path)
    await application.delete(path)
    await application.delete(f"/notifications/v1/destinations/{destination_id}")
    await application.get(f"/notifications/v1/destinations/{destination_id}")


async def test_notifications_fit_their_schemas(stage: Stage) -> None:
    seller, box = stage.seller, stage.box
    schemas = {
        "ORDER_CHANGE": "OrderChangeNotification",
        "FEED_PROCESSING_FINISHED": "FeedProcessingFinishedNotification",
        "LISTINGS_ITEM_MFN_QUANTITY_CHANGE": "ListingsItemMfnQuantityChange",
        "LISTINGS_ITEM_ISSUES_CHANGE": "ListingsItemIssuesChangeNotification",
    }
    await _subscribe(stage, *schemas)
    await list_on_amazon(seller, box, "A1", 9)
    box.faults.set("accepted_then_failed", platform="AMAZON", count=1)
    await seller.call("PATCH", listing_path("A1"), stock_patch(1))
    made = (await seller.post(f"{_FEEDS}/documents", {"contentType": _TYPE})).body
    async with seller.session.put(made["url"], data=b"{}", headers={"Content-Type": _TYPE}) as response:
        assert response.status == 200
    body = {"feedType": "X", "marketplaceIds": ["ATVPDKIKX0DER"], "inputFeedDocumentId": made["feedDocumentId"]}
    await seller.post(f"{_FEEDS}/feeds", body)
    order_id = box.amazon.buy(Purchase("MAIN", (("A1", 2),), paid=False))["order_id"]
    box.amazon.pay(order_id)
    box.amazon.edit(order_id, [WantedLine("A1", 1)])
    await asyncio.sleep(0.2)
    messages = (await ask_queue(seller, "ReceiveMessage", MaxNumberOfMessages=10)).body["Messages"]
    told = [json.loads(message["Body"]) for message in messages]
    assert {_type(one) for one in told} == set(schemas)
    for one in told:
        assert problems(_schema(f"notifications/{schemas[_type(one)]}.json"), one) == [], one


def _type(notification: dict[str, Any]) -> str:
    return str(notification.get("NotificationType") or notification["notificationType"])


async def _subscribe(stage: Stage, *types: str) -> str:
    body = {"name": "hub", "resourceSpecification": {"sqs": {"arn": QUEUE_ARN}}}
    created = await stage.application.post("/notifications/v1/destinations", body)
    await stage.application.post("/notifications/v1/destinations", body)
    destination_id = created.body["payload"]["destinationId"]
    for name in types:
        wanted = {"payloadVersion": "1.0", "destinationId": destination_id}
        await stage.seller.post(f"/notifications/v1/subscriptions/{name}", wanted)
    return str(destination_id)
