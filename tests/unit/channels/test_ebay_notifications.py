"""eBay's notifications: the challenge, the signature over raw and compact bodies, the key cache, subscribing."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sync_svc.channels.base import ChannelError, HintKind, WebhookRefused
from sync_svc.channels.ebay import signature
from sync_svc.channels.ebay.adapter import EbayChannel
from tests.unit.channels.doubles import Platform, ebay_account, reply

KEY_ID = "9936261a-7d7b-4621-a0f1-964bfc5fbd35"
KEY_PATH = f"/commerce/notification/v1/public_key/{KEY_ID}"
ENDPOINT = "https://hub.test/api/v1/webhooks/ebay/7"
PRIVATE_KEY = ec.generate_private_key(ec.SECP256R1())
PEM = (
    PRIVATE_KEY.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
ONE_LINE_PEM = PEM.replace("\n", "")


def notification(topic: str = "ORDER_CONFIRMATION", **data: Any) -> dict[str, Any]:
    return {
        "metadata": {"topic": topic, "schemaVersion": "1.0", "deprecated": False},
        "notification": {
            "notificationId": "49feeaeb-4982-42d9-a377-9645b8479411",
            "eventDate": "2026-11-22T08:00:00.000Z",
            "publishDate": "2026-11-22T08:00:01.000Z",
            "publishAttemptCount": 1,
            "data": data,
        },
    }


def header(body: bytes, digest: str = "SHA1", key_id: str = KEY_ID) -> dict[str, str]:
    algorithm = {"SHA1": hashes.SHA1(), "SHA256": hashes.SHA256()}[digest]
    signed = base64.b64encode(PRIVATE_KEY.sign(body, ec.ECDSA(algorithm))).decode()
    fields = {"alg": "ecdsa", "kid": key_id, "signature": signed, "digest": digest}
    return {"x-ebay-signature": base64.b64encode(json.dumps(fields).encode()).decode()}


def make_platform() -> Platform:
    platform = Platform()
    platform.on("POST", "/token", (200, {"access_token": "app", "expires_in": 7200}))
    platform.on("GET", KEY_PATH, (200, {"key": ONE_LINE_PEM, "algorithm": "ECDSA", "digest": "SHA1"}))
    return platform


def make_channel(platform: Platform, **options: Any) -> EbayChannel:
    return EbayChannel(ebay_account(**options), transport=platform.transport)


@pytest.mark.parametrize("digest", ["SHA1", "SHA256"])
async def test_signed_body_points_at_its_order(digest: str) -> None:
    body = json.dumps(notification(orderId="12-09876-54321", username="seller")).encode()
    (hint,) = await make_channel(make_platform()).verify_webhook(header(body, digest), body)
    assert (hint.kind, hint.external_id) == (HintKind.ORDER, "12-09876-54321")
    assert hint.event_id == "49feeaeb-4982-42d9-a377-9645b8479411"


async def test_order_in_an_object_of_its_own_is_found() -> None:
    body = json.dumps(
        notification(user={"username": "seller"}, order={"orderId": "12-1", "orderLineItems": []})
    ).encode()
    (hint,) = await make_channel(make_platform()).verify_webhook(header(body), body)
    assert (hint.kind, hint.external_id) == (HintKind.ORDER, "12-1")


async def test_body_signed_in_its_compact_form_verifies_however_it_is_spaced() -> None:
    parsed = notification(orderId="1", title="Bose® — Lautsprecher")
    compact = json.dumps(parsed, separators=(",", ":"), ensure_ascii=False).encode()
    spaced = json.dumps(parsed, indent=2).encode()
    (hint,) = await make_channel(make_platform()).verify_webhook(header(compact), spaced)
    assert hint.kind is HintKind.ORDER


async def test_changed_body_is_refused() -> None:
    body = json.dumps(notification(orderId="1")).encode()
    with pytest.raises(WebhookRefused):
        await make_channel(make_platform()).verify_webhook(header(body), body.replace(b'"1"', b'"2"'))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "not base64!",
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b'{"kid": "k"}').decode(),
        base64.b64encode(b'{"kid": "../../order", "signature": "AAAA"}').decode(),
        base64.b64encode(b'{"kid": "k", "signature": "AAAA", "digest": "MD5"}').decode(),
        "A" * 5000,
    ],
)
async def test_forged_header_is_refused_without_asking_for_a_key(value: str) -> None:
    platform = make_platform()
    with pytest.raises(WebhookRefused):
        await make_channel(platform).verify_webhook({"x-ebay-signature": value}, b"{}")
    assert not platform.calls


async def test_key_is_asked_for_once_and_with_the_applications_token() -> None:
    platform = make_platform()
    channel = make_channel(platform)
    body = json.dumps(notification(orderId="1")).encode()
    for _ in range(3):
        await channel.verify_webhook(header(body), body)
    assert len(platform.seen("GET", KEY_PATH)) == 1
    assert b"grant_type=client_credentials" in platform.seen("POST", "/token")[0].content


async def test_unknown_key_is_refused_and_not_asked_for_again() -> None:
    platform = make_platform()
    platform.on("GET", KEY_PATH, (404, {"errors": [{"errorId": 195001, "category": "REQUEST"}]}))
    channel = make_channel(platform)
    body = json.dumps(notification(orderId="1")).encode()
    for _ in range(2):
        with pytest.raises(WebhookRefused):
            await channel.verify_webhook(header(body), body)
    assert len(platform.seen("GET", KEY_PATH)) == 1


async def test_key_that_cannot_be_read_now_is_no_verdict() -> None:
    platform = make_platform()
    platform.on("GET", KEY_PATH, (500, {"errors": [{"errorId": 195000, "category": "APPLICATION"}]}))
    body = json.dumps(notification(orderId="1")).encode()
    with pytest.raises(ChannelError):
        await make_channel(platform).verify_webhook(header(body), body)


@pytest.mark.parametrize("topic", ["MARKETPLACE_ACCOUNT_DELETION", "SOMETHING_NEW"])
async def test_other_topics_are_genuine_and_ignored(topic: str) -> None:
    body = json.dumps(notification(topic, userId="1")).encode()
    (hint,) = await make_channel(make_platform()).verify_webhook(header(body), body)
    assert hint.kind is HintKind.IGNORED


async def test_signed_body_without_an_id_is_refused() -> None:
    body = b'{"metadata": {"topic": "ORDER_CONFIRMATION"}}'
    with pytest.raises(WebhookRefused):
        await make_channel(make_platform()).verify_webhook(header(body), body)


def test_challenge_is_answered_over_code_token_and_endpoint_in_that_order() -> None:
    account = ebay_account()
    object.__setattr__(account, "webhook", {"verification_token": "t" * 40})
    answer = EbayChannel(account).answer_challenge(ENDPOINT, "a8628072")
    expected = hashlib.sha256(f"a8628072{'t' * 40}{ENDPOINT}".encode()).hexdigest()
    assert json.loads(answer) == {"challengeResponse": expected}


def test_key_of_another_kind_is_refused() -> None:
    with pytest.raises(signature.SignatureRefused):
        signature.load_key("-----BEGIN PUBLIC KEY-----bm9uc2Vuc2U=-----END PUBLIC KEY-----")
    assert signature.load_key(PEM).public_numbers() == PRIVATE_KEY.public_key().public_numbers()
    assert signature.load_key(ONE_LINE_PEM).public_numbers() == PRIVATE_KEY.public_key().public_numbers()


async def test_connecting_makes_destination_and_subscription() -> None:
    platform = make_platform()
    api = "/commerce/notification/v1"
    platform.on("GET", f"{api}/destination", (200, {"destinations": [], "total": 0}))
    platform.on(
        "POST", f"{api}/destination", lambda call: reply(201, {}, Location=f"https://ebay.test{api}/destination/d1")
    )
    platform.on("GET", f"{api}/subscription", (200, {"subscriptions": []}))
    platform.on("GET", f"{api}/topic/ORDER_CONFIRMATION", (200, {"supportedPayloads": [{"schemaVersion": "1.1"}]}))
    platform.on("POST", f"{api}/subscription", (201, {"subscriptionId": "s1"}))
    channel = make_channel(platform)
    learned = await channel.connect_webhooks(ENDPOINT)
    assert (learned["destination_id"], learned["subscription_id"]) == ("d1", "s1")
    token = learned["verification_token"]
    assert 32 <= len(token) <= 80
    expected = hashlib.sha256(f"c{token}{ENDPOINT}".encode()).hexdigest()
    assert json.loads(channel.answer_challenge(ENDPOINT, "c")) == {"challengeResponse": expected}
    subscribed = platform.seen("POST", f"{api}/subscription")[0].json
    assert subscribed["topicId"] == "ORDER_CONFIRMATION"
    assert subscribed["payload"] == {"format": "JSON", "schemaVersion": "1.1", "deliveryProtocol": "HTTPS"}


async def test_connecting_again_finds_what_is_there_and_switches_it_on() -> None:
    platform = make_platform()
    api = "/commerce/notification/v1"
    destination = {"destinationId": "d1", "deliveryConfig": {"endpoint": ENDPOINT}}
    subscription = {
        "subscriptionId": "s1",
        "topicId": "ORDER_CONFIRMATION",
        "status": "DISABLED",
        "destinationId": "d0",
    }
    platform.on(
        "GET", f"{api}/destination", (200, {"destinations": [], "next": "p2"}), (200, {"destinations": [destination]})
    )
    platform.on("GET", f"{api}/subscription", (200, {"subscriptions": [subscription]}))
    platform.on("PUT", f"{api}/subscription/s1", (204, None))
    learned = await make_channel(platform).connect_webhooks(ENDPOINT)
    assert (learned["destination_id"], learned["subscription_id"]) == ("d1", "s1")
    assert platform.seen("PUT", f"{api}/subscription/s1")[0].json["destinationId"] == "d1"
