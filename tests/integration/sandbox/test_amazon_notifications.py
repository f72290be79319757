"""Amazon's notifications: destinations of the application, subscriptions of the seller, and a queue that may say things twice."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.amazon.queue import QUEUE_ARN, QUEUE_PATH
from sandbox.amazon.signatures import signature
from sandbox.amazon.sqs import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from sandbox.amazon.tokens import SELLER_ID
from sandbox.world import Purchase, WantedLine
from tests.integration.sandbox.clients import Client, ask_queue, list_on_amazon

_DESTINATIONS = "/notifications/v1/destinations"
_SUBSCRIPTIONS = "/notifications/v1/subscriptions"
_DESTINATION = {"name": "hub", "resourceSpecification": {"sqs": {"arn": QUEUE_ARN}}}


async def _subscribe(amazon: Client, application: Client, *types: str, **more: Any) -> str:
    destination_id = (await application.post(_DESTINATIONS, _DESTINATION)).body["payload"]["destinationId"]
    for name in types:
        body = {"payloadVersion": "1.0", "destinationId": destination_id, **more}
        assert (await amazon.post(f"{_SUBSCRIPTIONS}/{name}", body)).status == 200
    return str(destination_id)


async def _received(client: Client, **body: Any) -> list[dict[str, Any]]:
    reply = await ask_queue(client, "ReceiveMessage", MaxNumberOfMessages=10, **body)
    assert reply.status == 200
    return list(reply.body.get("Messages", []))


def _buy(box: Sandbox) -> str:
    return str(box.amazon.buy(Purchase("MAIN", (("A1", 1),)))["order_id"])


@pytest.fixture
async def subscribed(box: Sandbox, amazon: Client, amazon_application: Client) -> Client:
    """A seller with a listing and a subscription to changes of orders."""
    await list_on_amazon(amazon, box, "A1", 9)
    await _subscribe(amazon, amazon_application, "ORDER_CHANGE")
    return amazon


async def test_destinations_take_the_applications_token_and_come_once(
    amazon: Client, amazon_application: Client
) -> None:
    assert (await amazon.post(_DESTINATIONS, _DESTINATION)).status == 403
    made = (await amazon_application.post(_DESTINATIONS, _DESTINATION)).body["payload"]
    assert made["resource"] == {"sqs": {"arn": QUEUE_ARN}}
    assert (await amazon_application.post(_DESTINATIONS, _DESTINATION)).status == 409
    other = {"name": "x", "resourceSpecification": {"sqs": {"arn": "arn:aws:sqs:us-east-1:1:other"}}}
    assert (await amazon_application.post(_DESTINATIONS, other)).status == 400
    assert (await amazon_application.get(_DESTINATIONS)).body["payload"] == [made]
    path = f"{_DESTINATIONS}/{made['destinationId']}"
    assert (await amazon_application.get(path)).status == 200
    assert (await amazon_application.delete(path)).status == 200
    assert (await amazon_application.get(path)).status == 404


async def test_subscription_comes_once_per_type(amazon: Client, amazon_application: Client) -> None:
    destination_id = await _subscribe(amazon, amazon_application, "ORDER_CHANGE")
    body = {"payloadVersion": "1.0", "destinationId": destination_id}
    assert (await amazon.post(f"{_SUBSCRIPTIONS}/ORDER_CHANGE", body)).status == 409
    assert (await amazon.post(f"{_SUBSCRIPTIONS}/NOTHING", body)).status == 400
    assert (await amazon.get(f"{_SUBSCRIPTIONS}/FEED_PROCESSING_FINISHED")).status == 404
    found = (await amazon.get(f"{_SUBSCRIPTIONS}/ORDER_CHANGE")).body["payload"]
    assert (await amazon_application.delete(f"{_DESTINATIONS}/{destination_id}")).status == 409
    path = f"{_SUBSCRIPTIONS}/ORDER_CHANGE/{found['subscriptionId']}"
    assert (await amazon.delete(path)).status == 403
    assert (await amazon_application.get(path)).body["payload"] == found
    assert (await amazon_application.delete(path)).status == 200
    assert (await amazon.get(f"{_SUBSCRIPTIONS}/ORDER_CHANGE")).status == 404


async def test_sale_comes_through_the_queue_until_it_is_deleted(box: Sandbox, subscribed: Client) -> None:
    order_id = _buy(box)
    [message] = await _received(subscribed)
    told = json.loads(message["Body"])
    change = told["Payload"]["OrderChangeNotification"]
    assert (told["NotificationType"], change["AmazonOrderId"], change["SellerId"]) == (
        "ORDER_CHANGE",
        order_id,
        SELLER_ID,
    )
    assert (change["Summary"]["OrderStatus"], change["Summary"]["OrderItems"][0]["SellerSKU"]) == ("Unshipped", "A1")
    assert await _received(subscribed) == [], "hidden while someone works on it"
    box.clock.advance(31)
    [again] = await _received(subscribed)
    assert (again["MessageId"], again["Attributes"]["ApproximateReceiveCount"]) == (message["MessageId"], "2")
    await ask_queue(subscribed, "DeleteMessage", ReceiptHandle=again["ReceiptHandle"])
    box.clock.advance(31)
    assert await _received(subscribed) == []


async def test_every_change_of_an_order_is_told_unless_kept_quiet(box: Sandbox, subscribed: Client) -> None:
    order_id = _buy(box)
    box.amazon.cancel(order_id, webhook=False)
    box.amazon.buy(Purchase("MAIN", (("A1", 1),), webhook=False))
    assert len(await _received(subscribed)) == 1


async def test_receiving_waits_for_what_comes(box: Sandbox, subscribed: Client) -> None:
    waiting = asyncio.create_task(_received(subscribed, WaitTimeSeconds=5))
    await asyncio.sleep(0.05)
    _buy(box)
    assert len(await asyncio.wait_for(waiting, 2)) == 1


async def test_visibility_can_be_changed_and_batches_deleted(box: Sandbox, subscribed: Client) -> None:
    for _ in range(2):
        _buy(box)
    found = await _received(subscribed)
    await ask_queue(subscribed, "ChangeMessageVisibility", ReceiptHandle=found[0]["ReceiptHandle"], VisibilityTimeout=0)
    assert [message["MessageId"] for message in await _received(subscribed, VisibilityTimeout=0)] == [
        found[0]["MessageId"]
    ]
    entries = [
        {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
        for index, message in enumerate([found[1], *await _received(subscribed)])
    ]
    reply = await ask_queue(subscribed, "DeleteMessageBatch", Entries=entries)
    assert len(reply.body["Successful"]) == 2
    counts = (await ask_queue(subscribed, "GetQueueAttributes")).body["Attributes"]
    assert (counts["ApproximateNumberOfMessages"], counts["ApproximateNumberOfMessagesNotVisible"]) == ("0", "0")


async def test_faults_of_webhooks_strike_the_queue(box: Sandbox, subscribed: Client) -> None:
    box.faults.set("dropped", platform="AMAZON", operation="webhook.ORDER_CHANGE", count=1)
    box.faults.set("doubled", platform="AMAZON", operation="webhook.ORDER_CHANGE", count=1)
    box.faults.set("forged", platform="AMAZON", operation="webhook.ORDER_CHANGE", count=1)
    for _ in range(3):
        _buy(box)
    told = [json.loads(message["Body"]) for message in await _received(subscribed)]
    ids = [one["NotificationMetadata"]["NotificationId"] for one in told]
    sellers = [one["Payload"]["OrderChangeNotification"]["SellerId"] for one in told]
    assert (len(ids), len(set(ids))) == (4, 3)
    assert sellers.count(SELLER_ID) == 3


async def test_reordered_and_late_ones_come_behind_and_aged(box: Sandbox, subscribed: Client) -> None:
    box.faults.set("reordered", platform="AMAZON", count=1)
    first, second = _buy(box), _buy(box)
    told = [
        json.loads(message["Body"])["Payload"]["OrderChangeNotification"] for message in await _received(subscribed)
    ]
    assert [one["AmazonOrderId"] for one in told] == [second, first]
    box.faults.set("late", platform="AMAZON", count=1, age_s=7 * 86_400)
    _buy(box)
    [message] = await _received(subscribed, WaitTimeSeconds=2)
    assert json.loads(message["Body"])["EventTime"] < box.clock.now().isoformat()[:10]


async def test_own_writes_are_told_with_the_quantity(box: Sandbox, amazon: Client, amazon_application: Client) -> None:
    await _subscribe(amazon, amazon_application, "LISTINGS_ITEM_MFN_QUANTITY_CHANGE", "LISTINGS_ITEM_ISSUES_CHANGE")
    await list_on_amazon(amazon, box, "A1", 9)
    [message] = await _received(amazon)
    payload = json.loads(message["Body"])["Payload"]
    assert (payload["Sku"], payload["Quantity"]) == ("A1", 9)


async def test_event_filter_is_heeded(box: Sandbox, amazon: Client, amazon_application: Client) -> None:
    await list_on_amazon(amazon, box, "A1", 9)
    wanted = {"eventFilterType": "ORDER_CHANGE", "orderChangeTypes": ["BuyerRequestedChange"]}
    await _subscribe(amazon, amazon_application, "ORDER_CHANGE", processingDirective={"eventFilter": wanted})
    _buy(box)
    assert await _received(amazon) == []


@pytest.mark.parametrize(
    ("action", "body", "code"),
    [
        ("ReceiveMessage", {"QueueUrl": "http://other/queue"}, "QueueDoesNotExist"),
        ("ReceiveMessage", {"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
        ("DeleteMessage", {}, "MissingParameter"),
        ("ChangeMessageVisibility", {"ReceiptHandle": "x"}, "ReceiptHandleIsInvalid"),
        ("DeleteMessageBatch", {"Entries": []}, "EmptyBatchRequest"),
        ("PurgeEverything", {}, "InvalidAction"),
    ],
)
async def test_wrong_calls_of_the_queue(amazon: Client, action: str, body: dict[str, Any], code: str) -> None:
    reply = await ask_queue(amazon, action, **body)
    assert (reply.status, reply.body["__type"]) == (400, f"com.amazonaws.sqs#{code}")


async def test_signed_calls_of_the_queue_must_be_signed_rightly(amazon: Client) -> None:
    body = json.dumps({}).encode()
    host = amazon.base.removeprefix("http://").partition("/")[0]
    headers = {"Host": host, "X-Amz-Date": "20260131T080000Z", "X-Amz-Target": "AmazonSQS.GetQueueAttributes"}
    scope, signed = "20260131/us-east-1/sqs/aws4_request", ("host", "x-amz-date", "x-amz-target")
    statuses = []
    for key, secret in ((ACCESS_KEY_ID, SECRET_ACCESS_KEY), (ACCESS_KEY_ID, "guess"), ("AKIAOTHER", SECRET_ACCESS_KEY)):
        proof = signature(
            secret,
            scope,
            method="POST",
            path=f"/amazon{QUEUE_PATH}",
            raw_query="",
            headers=headers,
            signed_headers=signed,
            body=body,
        )
        credential = f"Credential={key}/{scope}, SignedHeaders={';'.join(signed)}, Signature={proof}"
        sent = {**headers, "Authorization": f"AWS4-HMAC-SHA256 {credential}"}
        async with amazon.session.post(amazon.base + QUEUE_PATH, data=body, headers=sent) as response:
            statuses.append(response.status)
    assert statuses == [200, 403, 403]


async def test_units_that_the_seller_cancels_are_told(box: Sandbox, subscribed: Client) -> None:
    order_id = str(box.amazon.buy(Purchase("MAIN", (("A1", 3),), webhook=False))["order_id"])
    for units, webhook in ((3, True), (2, False), (1, True), (1, True)):
        box.amazon.edit(order_id, [WantedLine("A1", units)], webhook)
    [message] = await _received(subscribed)
    told = json.loads(message["Body"])["Payload"]["OrderChangeNotification"]
    assert (told["AmazonOrderId"], told["Summary"]["NumberOfItemsUnshipped"]) == (order_id, 1)
    assert [item["Quantity"] for item in told["Summary"]["OrderItems"]] == [1]
