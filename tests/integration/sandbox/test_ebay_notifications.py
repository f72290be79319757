"""eBay's notifications: the challenge, subscriptions, and signed pushes that come once per line and may go astray."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from sandbox import Sandbox
from sandbox.world import Purchase
from tests.integration.sandbox.clients import Client, ebay_seller, list_on_ebay
from tests.integration.sandbox.receivers import VERIFICATION_TOKEN, Received, Receiver

_BASE = "/commerce/notification/v1"
_PAYLOAD = {"format": "JSON", "schemaVersion": "1.0", "deliveryProtocol": "HTTPS"}


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    """An endpoint."""
    async with Receiver() as receiver:
        yield receiver


def _destination(url: str, token: str = VERIFICATION_TOKEN) -> dict[str, Any]:
    return {
        "name": "hub",
        "status": "ENABLED",
        "deliveryConfig": {"endpoint": url, "verificationToken": token},
    }


async def _subscribe(application: Client, seller: Client, url: str) -> str:
    await application.put(f"{_BASE}/config", {"alertEmail": "a@b.example"})
    created = await application.post(f"{_BASE}/destination", _destination(url))
    assert created.status == 201, created.body
    destination_id = created.headers["Location"].rpartition("/")[2]
    body = {
        "topicId": "ORDER_CONFIRMATION",
        "status": "ENABLED",
        "destinationId": destination_id,
        "payload": _PAYLOAD,
    }
    subscribed = await seller.post(f"{_BASE}/subscription", body)
    assert subscribed.status == 201, subscribed.body
    return subscribed.headers["Location"].rpartition("/")[2]


async def _is_genuine(application: Client, message: Received) -> bool:
    header = json.loads(base64.b64decode(message.headers["X-EBAY-SIGNATURE"]))
    text = (await application.get(f"{_BASE}/public_key/{header['kid']}")).body["key"]
    pem = text.replace("KEY-----", "KEY-----\n", 1).replace("-----END", "\n-----END")
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    try:
        key.verify(base64.b64decode(header["signature"]), message.body, ec.ECDSA(hashes.SHA1()))
    except Exception:
        return False
    return True


async def test_destination_needs_config_and_a_right_answer_to_the_challenge(
    application: Client, hook: Receiver
) -> None:
    body = _destination(hook.url)
    assert (await application.post(f"{_BASE}/destination", body)).body["errors"][0]["errorId"] == 195003
    await application.put(f"{_BASE}/config", {"alertEmail": "a@b.example"})
    hook.token = "another"
    assert (await application.post(f"{_BASE}/destination", body)).body["errors"][0]["errorId"] == 195020
    hook.token = VERIFICATION_TOKEN
    assert (await application.post(f"{_BASE}/destination", body)).status == 201
    assert (await application.post(f"{_BASE}/destination", body)).body["errors"][0]["errorId"] == 195021
    listed = (await application.get(f"{_BASE}/destination")).body["destinations"]
    assert [entry["deliveryConfig"]["endpoint"] for entry in listed] == [hook.url]


@pytest.mark.parametrize(
    ("url", "token", "error_id"),
    [
        ("https://hub.example/hook", VERIFICATION_TOKEN, 195017),
        ("file:///etc/passwd", VERIFICATION_TOKEN, 195017),
        ("http://127.0.0.1:9/hook", "short", 195019),
        ("http://127.0.0.1:9/hook", VERIFICATION_TOKEN, 195020),
    ],
)
async def test_wrong_destination_is_refused(application: Client, url: str, token: str, error_id: int) -> None:
    await application.put(f"{_BASE}/config", {"alertEmail": "a@b.example"})
    reply = await application.post(f"{_BASE}/destination", _destination(url, token))
    assert reply.body["errors"][0]["errorId"] == error_id


async def test_order_pushes_one_signed_message_per_line(
    box: Sandbox, application: Client, seller: Client, hook: Receiver
) -> None:
    await _subscribe(application, seller, hook.url)
    await list_on_ebay(seller, "A1")
    await list_on_ebay(seller, "A2")
    order = box.ebay.buy(Purchase("USAV", (("A1", 1), ("A2", 2))))
    messages = await hook.wait_for(2)
    told = [message.document["notification"]["data"]["order"] for message in messages]
    assert {entry["orderId"] for entry in told} == {order["order_id"]}
    assert sorted(entry["orderLineItems"][0]["quantity"] for entry in told) == [1, 2]
    assert messages[0].document["metadata"]["topic"] == "ORDER_CONFIRMATION"
    assert all([await _is_genuine(application, message) for message in messages])


async def test_only_the_subscribed_seller_is_told(
    box: Sandbox, session: aiohttp.ClientSession, application: Client, seller: Client, hook: Receiver
) -> None:
    await _subscribe(application, seller, hook.url)
    other = await ebay_seller(session, box, "DRAGON")
    await list_on_ebay(other, "A1", seller="DRAGON")
    box.ebay.buy(Purchase("DRAGON", (("A1", 1),)))
    await box.courier.idle()
    assert hook.received == []


async def test_refused_push_is_tried_three_times_more(
    box: Sandbox, application: Client, seller: Client, hook: Receiver
) -> None:
    box.switches.webhook_time_scale = 1e-5
    await _subscribe(application, seller, hook.url)
    await list_on_ebay(seller, "A1")
    hook.statuses = [500] * 10
    box.ebay.buy(Purchase("USAV", (("A1", 1),)))
    await box.courier.idle()
    assert [message.document["notification"]["publishAttemptCount"] for message in hook.received] == [1, 2, 3, 4]
    ids = {message.document["notification"]["notificationId"] for message in hook.received}
    assert len(ids) == 1
    assert box.courier.counts["given_up"] == 1


async def test_faults_of_delivery(box: Sandbox, application: Client, seller: Client, hook: Receiver) -> None:
    await _subscribe(application, seller, hook.url)
    await list_on_ebay(seller, "A1", 9)
    for kind, more in {"dropped": {}, "doubled": {"times": 3}, "forged": {}, "late": {"age_s": 7 * 86_400}}.items():
        box.faults.set(kind, operation="webhook.ORDER_CONFIRMATION", count=1, **more)
        box.ebay.buy(Purchase("USAV", (("A1", 1),)))
        await box.courier.idle()
    assert len(hook.received) == 0 + 3 + 2 + 1
    genuine = [await _is_genuine(application, message) for message in hook.received]
    assert genuine.count(False) == 1
    old, new = (hook.received[index].document["notification"]["eventDate"] for index in (-1, 0))
    assert old < new


async def test_reordered_push_comes_after_the_next(
    box: Sandbox, application: Client, seller: Client, hook: Receiver
) -> None:
    await _subscribe(application, seller, hook.url)
    await list_on_ebay(seller, "A1", 9)
    box.faults.set("reordered", count=1)
    bought = [box.ebay.buy(Purchase("USAV", (("A1", 1),)))["order_id"] for _ in range(2)]
    messages = await hook.wait_for(2)
    told = [message.document["notification"]["data"]["order"]["orderId"] for message in messages]
    assert told == list(reversed(bought))


async def test_test_call_sends_a_mock_message(application: Client, seller: Client, hook: Receiver) -> None:
    subscription_id = await _subscribe(application, seller, hook.url)
    assert (await seller.post(f"{_BASE}/subscription/{subscription_id}/test")).status == 202
    [message] = await hook.wait_for(1)
    assert await _is_genuine(application, message)


async def test_topics_belong_to_users_or_to_the_application(
    application: Client, seller: Client, hook: Receiver
) -> None:
    await _subscribe(application, seller, hook.url)
    destination_id = (await application.get(f"{_BASE}/destination")).body["destinations"][0]["destinationId"]
    body = {
        "topicId": "ORDER_CONFIRMATION",
        "status": "ENABLED",
        "destinationId": destination_id,
        "payload": _PAYLOAD,
    }
    assert (await application.post(f"{_BASE}/subscription", body)).body["errors"][0]["errorId"] == 195011
    assert (await seller.post(f"{_BASE}/subscription", body)).body["errors"][0]["errorId"] == 195012
    assert (await application.delete(f"{_BASE}/destination/{destination_id}")).body["errors"][0]["errorId"] == 195024


async def test_rate_limits_are_told(application: Client, seller: Client) -> None:
    await seller.get("/sell/inventory/v1/inventory_item")
    reply = await application.get("/developer/analytics/v1_beta/rate_limit/?api_context=sell&api_name=inventory")
    [limit] = reply.body["rateLimits"]
    assert limit["resources"][0]["rates"][0]["count"] == 1
    reply = await seller.get("/developer/analytics/v1_beta/user_rate_limit/")
    assert reply.status == 200
