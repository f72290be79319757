"""Ecwid's webhooks: a signature over two fields only, and what guards the rest."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from sync_svc.channels.base import Hint, HintKind, WebhookRefused
from sync_svc.channels.ecwid.adapter import EcwidChannel
from sync_svc.channels.ecwid.signature import MAX_AGE_S, MAX_AHEAD_S, sign
from tests.unit.channels.doubles import ecwid_account

EVENT_ID = "80aece08-40e8-4145-8764-6c2f0d38678b"


def event(**changes: Any) -> dict[str, Any]:
    return {
        "eventId": EVENT_ID,
        "eventCreated": int(time.time()),
        "storeId": 4870020,
        "entityId": 103878161,
        "eventType": "order.created",
        "data": {"orderId": "XJ12H"},
    } | changes


async def verify(parsed: Any, signature: str | None = None, secret: str = "webhook-secret") -> Hint:
    if signature is None:
        signature = sign(secret, parsed["eventCreated"], parsed["eventId"])
    headers = {"x-ecwid-webhook-signature": signature}
    (hint,) = await EcwidChannel(ecwid_account()).verify_webhook(headers, json.dumps(parsed).encode())
    return hint


def test_signature_is_hmac_over_time_dot_id_as_openssl_computes_it() -> None:
    assert sign("secret", 1469429912, "80aece08") == "k/ljwbqSo0QS6ueYRz/sOO3GSl5WrBMvGY6kj1DJJ7w="


async def test_order_event_points_at_the_text_id() -> None:
    assert await verify(event()) == Hint(EVENT_ID, HintKind.ORDER, "XJ12H")


@pytest.mark.parametrize(
    ("changes", "kind", "external_id"),
    [
        ({"data": None}, HintKind.ORDER, "103878161"),
        ({"eventType": "order.deleted"}, HintKind.ORDER, "XJ12H"),
        ({"eventType": "product.updated"}, HintKind.LISTING, "103878161"),
        ({"eventType": "unfinished_order.created"}, HintKind.IGNORED, ""),
        ({"eventType": "application.installed"}, HintKind.IGNORED, ""),
        ({"eventType": None, "entityId": None}, HintKind.IGNORED, ""),
        ({"data": {"orderId": "X" * 1000}}, HintKind.IGNORED, ""),
    ],
)
async def test_event_types_mean(changes: dict[str, Any], kind: HintKind, external_id: str) -> None:
    hint = await verify(event(**changes))
    assert (hint.kind, hint.external_id) == (kind, external_id)


@pytest.mark.parametrize("age_s", [MAX_AGE_S + 60, -MAX_AHEAD_S - 60])
async def test_old_and_future_events_are_refused_though_signed(age_s: int) -> None:
    with pytest.raises(WebhookRefused):
        await verify(event(eventCreated=int(time.time()) - age_s))


@pytest.mark.parametrize("age_s", [0, 24 * 3600])
async def test_last_delivery_attempt_is_taken(age_s: int) -> None:
    assert (await verify(event(eventCreated=int(time.time()) - age_s))).kind is HintKind.ORDER


async def test_event_of_another_store_is_refused_though_signed() -> None:
    with pytest.raises(WebhookRefused):
        await verify(event(storeId=1))


@pytest.mark.parametrize("signature", ["", "AAAA", "é", sign("other-secret", 1, EVENT_ID)])
async def test_forged_signature_is_refused(signature: str) -> None:
    with pytest.raises(WebhookRefused):
        await verify(event(), signature)


async def test_without_a_secret_nothing_is_genuine() -> None:
    account = ecwid_account()
    object.__setattr__(account, "webhook", {})
    parsed = event()
    headers = {"x-ecwid-webhook-signature": sign("", parsed["eventCreated"], EVENT_ID)}
    with pytest.raises(WebhookRefused):
        await EcwidChannel(account).verify_webhook(headers, json.dumps(parsed).encode())


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"\xff\xfe", b"[" * 50_000, b'{"eventId": "x"}', b'{"eventId": "\\ud800", "eventCreated": 1}'],
)
async def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookRefused):
        await EcwidChannel(ecwid_account()).verify_webhook({"x-ecwid-webhook-signature": "AAAA"}, body)


@pytest.mark.parametrize("changes", [{"eventCreated": "soon"}, {"eventCreated": True}, {"eventId": 5}, {"eventId": ""}])
async def test_fields_of_the_wrong_kind_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(WebhookRefused):
        await verify(event(**changes), "AAAA")


def test_ecwid_tests_no_address() -> None:
    with pytest.raises(WebhookRefused):
        EcwidChannel(ecwid_account()).answer_challenge("https://hub.test", "x")


async def test_there_is_nothing_to_connect() -> None:
    assert await EcwidChannel(ecwid_account()).connect_webhooks("https://hub.test") == {}
