"""Webhooks of Zoho: known by the secret of their address, and by a signature where there is one."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from sync_svc.channels.base import TOKEN_HEADER, HintKind, WebhookRefused
from sync_svc.channels.zoho import webhooks
from sync_svc.channels.zoho.adapter import ZohoChannel
from tests.unit.channels.doubles import Platform, zoho_account

SECRETS = {"token": "address-secret", "signing_secret": "signing-secret"}
SIGNED_ONLY = {"signing_secret": "signing-secret", "require_signature": "true"}
ORDER = json.dumps({"salesorder": {"salesorder_id": 6780203000000500009, "last_modified_time": "x"}}).encode()


def signed(body: bytes, query: str = "") -> str:
    return hmac.new(b"signing-secret", query.encode() + body, hashlib.sha256).hexdigest()


TOKEN = {TOKEN_HEADER: "address-secret"}
SIGNATURE = webhooks.SIGNATURE_HEADER


def hints(body: bytes, secrets: dict[str, str], headers: dict[str, str], now: float = 100.0) -> list[Any]:
    return webhooks.hints_of(headers, body, secrets, now=now)


def test_order_is_pointed_at_by_its_id_as_text() -> None:
    (hint,) = hints(ORDER, SECRETS, TOKEN)
    assert (hint.kind, hint.external_id) == (HintKind.ORDER, "6780203000000500009")
    assert hints(ORDER, SECRETS, TOKEN, 999.0) == [hint]


def test_item_is_a_listing_and_anything_else_is_ignored() -> None:
    (hint,) = hints(b'{"item": {"item_id": 7}}', SECRETS, TOKEN)
    assert (hint.kind, hint.external_id) == (HintKind.LISTING, "7")
    (hint,) = hints(b'{"contact": {"contact_id": 7}}', SECRETS, TOKEN)
    assert hint.kind is HintKind.IGNORED


def test_message_that_tells_no_time_counts_again_later() -> None:
    body = b'{"salesorder_id": "7"}'
    first, soon, later = (hints(body, SECRETS, TOKEN, now)[0].event_id for now in (100.0, 105.0, 200.0))
    assert first == soon != later


def test_form_with_json_in_it_is_read() -> None:
    body = urlencode({"JSONString": ORDER.decode()}).encode()
    assert hints(body, SECRETS, TOKEN)[0].kind is HintKind.ORDER


@pytest.mark.parametrize(
    ("secrets", "headers"),
    [
        (SECRETS, {}),
        (SECRETS, {TOKEN_HEADER: "guessed"}),
        (SECRETS, {**TOKEN, SIGNATURE: signed(b"other")}),
        ({"token": "address-secret"}, {**TOKEN, SIGNATURE: signed(ORDER)}),
        (SIGNED_ONLY, {}),
        (SIGNED_ONLY, {SIGNATURE: "00"}),
        ({**SECRETS, "require_signature": "true"}, TOKEN),
        ({}, TOKEN),
        ({"token": "", "signing_secret": ""}, {TOKEN_HEADER: ""}),
        ({"signing_secret": "signing-secret"}, {SIGNATURE: signed(ORDER)}),
    ],
)
def test_forged_messages_are_refused(secrets: dict[str, str], headers: dict[str, str]) -> None:
    with pytest.raises(WebhookRefused):
        hints(ORDER, secrets, headers)


def test_signatures_of_body_or_query_and_body_hold() -> None:
    for query in ("", "tokenaddress-secret"):
        assert hints(ORDER, SECRETS, {**TOKEN, SIGNATURE: signed(ORDER, query)})
    assert hints(ORDER, SIGNED_ONLY, {SIGNATURE: signed(ORDER)})


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"JSONString=%5B%5D", b"{" * 300_000])
def test_rubbish_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookRefused):
        hints(body, SECRETS, TOKEN)


async def test_address_gets_a_secret_that_stays() -> None:
    account = zoho_account()
    channel = ZohoChannel(account, transport=Platform().transport)
    learned = await channel.connect_webhooks("https://hub.test/api/v1/webhooks/zoho/9")
    assert learned == {
        "token": "address-secret",
        "address": "https://hub.test/api/v1/webhooks/zoho/9?token=address-secret",
    }
    with pytest.raises(WebhookRefused):
        channel.answer_challenge("", "")


async def test_fresh_secret_is_long_and_told_to_the_stand_in() -> None:
    platform = Platform()
    platform.on("POST", "/configure", (200, {}))
    account = zoho_account()
    object.__setattr__(account, "webhook", {"configure_url": "https://zoho.test/configure"})
    learned = await ZohoChannel(account, transport=platform.transport).connect_webhooks("https://hub.test/x")
    assert len(learned["token"]) >= 40
    assert platform.calls[0].json == {"platform": "ZOHO", "url": f"https://hub.test/x?token={learned['token']}"}
