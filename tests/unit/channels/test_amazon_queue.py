"""The queue of Amazon's notifications: what messages mean, how it is read and emptied, and AWS's signature."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sync_svc.channels.amazon import notifications
from sync_svc.channels.amazon.adapter import AmazonChannel
from sync_svc.channels.amazon.sigv4 import AwsKeys, signed_headers
from sync_svc.channels.base import ChannelError, HintKind, HintQueue, Outcome, WebhookRefused
from tests.unit.channels.doubles import Platform, amazon_account

QUEUE = "/000000000000/hub"
ARN = "arn:aws:sqs:us-east-1:000000000000:hub"
DESTINATIONS = "/notifications/v1/destinations"
SUBSCRIPTIONS = "/notifications/v1/subscriptions"


def order_change(**changes: Any) -> dict[str, Any]:
    change = {
        "SellerId": "A1SELLER",
        "AmazonOrderId": "902-1",
        "OrderChangeType": "OrderStatusChange",
        "Summary": {"FulfillmentType": "MFN"},
        **changes,
    }
    return {
        "NotificationType": "ORDER_CHANGE",
        "EventTime": "2026-11-22T08:00:00Z",
        "Payload": {"OrderChangeNotification": change},
        "NotificationMetadata": {"NotificationId": "n-1"},
    }


def in_small(message: Any) -> Any:
    """The same with names that begin small, as some types are written."""
    if isinstance(message, dict):
        return {name[:1].lower() + name[1:]: in_small(value) for name, value in message.items()}
    return message


@pytest.mark.parametrize("spelled", [order_change(), in_small(order_change())])
def test_order_is_pointed_at_in_either_spelling(spelled: dict[str, Any]) -> None:
    hint = notifications.hint_of(json.dumps(spelled), "A1SELLER")
    assert (hint.event_id, hint.kind, hint.external_id) == ("n-1", HintKind.ORDER, "902-1")


@pytest.mark.parametrize(
    "message",
    [
        order_change(SellerId="A2OTHER"),
        order_change(Summary={"FulfillmentType": "AFN"}),
        order_change(AmazonOrderId=""),
        order_change(AmazonOrderId=7),
        {"notificationType": "FEED_PROCESSING_FINISHED", "payload": {}},
        {"NotificationType": "LISTINGS_ITEM_MFN_QUANTITY_CHANGE", "Payload": {"SellerId": "A2OTHER", "Sku": "A"}},
        [],
        "no json",
        None,
    ],
)
def test_what_is_not_ours_is_ignored_and_never_fails(message: Any) -> None:
    hint = notifications.hint_of(message if message == "no json" else json.dumps(message), "A1SELLER")
    assert (hint.kind, hint.external_id) == (HintKind.IGNORED, "")
    assert hint.event_id


def test_change_of_a_listing_is_pointed_at_by_its_sku() -> None:
    payload = {"SellerId": "A1SELLER", "Sku": "00845BK", "Quantity": 3}
    message = {"NotificationType": "LISTINGS_ITEM_MFN_QUANTITY_CHANGE", "Payload": payload}
    hint = notifications.hint_of(json.dumps(message), "A1SELLER")
    assert (hint.kind, hint.external_id) == (HintKind.LISTING, "00845BK")


@pytest.fixture
def amazon() -> Platform:
    platform = Platform()
    platform.on("POST", "/token", (200, {"access_token": "t", "expires_in": 3600}))
    return platform


def channel(platform: Platform, *, signed: bool = False, **options: Any) -> AmazonChannel:
    account = amazon_account(queue_url=f"https://sqs.eu-west-1.amazonaws.com{QUEUE}", queue_arn=ARN, **options)
    if signed:
        keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "aws-secret"}
        object.__setattr__(account, "credentials", {**account.credentials, **keys})
    return AmazonChannel(account, transport=platform.transport)


async def test_messages_are_received_and_settled(amazon: Platform) -> None:
    messages = [{"Body": json.dumps(order_change()), "ReceiptHandle": f"r{number}"} for number in range(12)]
    amazon.on("POST", QUEUE, (200, {"Messages": messages}), (200, {"Successful": []}))
    hub = channel(amazon)
    assert isinstance(hub, HintQueue)
    assert hub.has_queue
    queued = await hub.receive_hints()
    assert {hint.external_id for hint in queued.hints} == {"902-1"}
    await hub.settle_hints(queued)
    receive, first, second = amazon.calls
    assert receive.headers["x-amz-target"] == "AmazonSQS.ReceiveMessage"
    assert receive.headers["content-type"] == "application/x-amz-json-1.0"
    assert "authorization" not in receive.headers
    assert [len(call.json["Entries"]) for call in (first, second)] == [10, 2]


async def test_empty_queue_is_no_failure(amazon: Platform) -> None:
    amazon.on("POST", QUEUE, (200, {}))
    queued = await channel(amazon).receive_hints()
    assert (queued.hints, queued.receipts) == ([], [])


async def test_calls_are_signed_when_there_are_keys(amazon: Platform) -> None:
    amazon.on("POST", QUEUE, (200, {}))
    await channel(amazon, signed=True).receive_hints()
    proof = amazon.calls[0].headers["authorization"]
    assert proof.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-west-1/sqs/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, " in proof


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (403, {"__type": "com.amazonaws.sqs#InvalidClientTokenId", "message": "?"}, Outcome.AUTH),
        (400, {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "?"}, Outcome.PERMANENT),
        (500, {"__type": "InternalFailure"}, Outcome.RETRY),
    ],
)
async def test_queue_that_refuses(amazon: Platform, status: int, body: Any, outcome: Outcome) -> None:
    amazon.on("POST", QUEUE, (status, body))
    with pytest.raises(ChannelError) as refused:
        await channel(amazon).receive_hints()
    assert refused.value.outcome is outcome


async def test_message_that_stays_in_the_queue_is_told(amazon: Platform) -> None:
    messages = [{"Body": "{}", "ReceiptHandle": "r"}]
    amazon.on("POST", QUEUE, (200, {"Messages": messages}), (200, {"Failed": [{"Id": "0"}]}))
    hub = channel(amazon)
    queued = await hub.receive_hints()
    with pytest.raises(ChannelError):
        await hub.settle_hints(queued)


def test_signature_is_the_one_of_awss_own_example() -> None:
    headers = signed_headers(
        AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        method="GET",
        url="https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
        region="us-east-1",
        service="iam",
        headers={"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
        body=b"",
        now=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    )
    assert headers["authorization"].endswith(
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )
    assert "wJalr" not in repr(AwsKeys("A", "wJalr"))


async def test_subscribing_makes_what_is_missing_with_the_right_tokens(amazon: Platform) -> None:
    amazon.on(
        "POST",
        "/token",
        (200, {"access_token": "app", "expires_in": 3600}),
        (200, {"access_token": "seller", "expires_in": 3600}),
    )
    amazon.on("GET", DESTINATIONS, (200, {"payload": []}))
    amazon.on("POST", DESTINATIONS, (200, {"payload": {"destinationId": "d-1"}}))
    for kind in notifications.SUBSCRIBED:
        amazon.on("GET", f"{SUBSCRIPTIONS}/{kind}", (404, {"errors": [{"code": "NotFound", "message": "?"}]}))
        amazon.on("POST", f"{SUBSCRIPTIONS}/{kind}", (200, {"payload": {"subscriptionId": "s"}}))
    assert await channel(amazon).connect_webhooks("https://hub.test/x") == {"destination_id": "d-1"}
    (made,) = amazon.seen("POST", DESTINATIONS)
    assert made.headers["x-amz-access-token"] == "app"
    assert made.json["resourceSpecification"] == {"sqs": {"arn": ARN}}
    (subscribed,) = amazon.seen("POST", f"{SUBSCRIPTIONS}/ORDER_CHANGE")
    assert subscribed.headers["x-amz-access-token"] == "seller"
    assert subscribed.json == {"payloadVersion": "1.0", "destinationId": "d-1"}
    grants = [call.content.decode() for call in amazon.seen("POST", "/token")]
    assert "scope=sellingpartnerapi%3A%3Anotifications" in grants[0]


async def test_what_exists_is_used(amazon: Platform) -> None:
    known = {"destinationId": "d-0", "resource": {"sqs": {"arn": ARN}}}
    amazon.on("GET", DESTINATIONS, (200, {"payload": []}), (200, {"payload": [known]}))
    amazon.on("POST", DESTINATIONS, (409, {"errors": [{"code": "Conflict", "message": "?"}]}))
    for kind in notifications.SUBSCRIBED:
        amazon.on("GET", f"{SUBSCRIPTIONS}/{kind}", (200, {"payload": {"subscriptionId": "s"}}))
    assert await channel(amazon).connect_webhooks("") == {"destination_id": "d-0"}


async def test_seller_without_a_queue_has_none(amazon: Platform) -> None:
    hub = AmazonChannel(amazon_account(), transport=amazon.transport)
    assert not hub.has_queue
    assert await hub.connect_webhooks("") == {}
    assert not (await hub.receive_hints()).hints
    for refused in (hub.answer_challenge,):
        with pytest.raises(WebhookRefused):
            refused("", "")
    with pytest.raises(WebhookRefused):
        await hub.verify_webhook({}, b"")
