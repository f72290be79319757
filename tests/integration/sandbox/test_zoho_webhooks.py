"""Zoho's webhooks: a workflow that posts changed records to an address that holds the secret."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sandbox import Sandbox
from sandbox.world import Purchase
from sandbox.zoho.hooks import SIGNATURE_HEADER, guessed_address, sign
from tests.integration.sandbox.clients import ZohoClient
from tests.integration.sandbox.receivers import Receiver


@pytest.fixture
async def hook(box: Sandbox) -> AsyncIterator[Receiver]:
    """The workflow's address, with a secret in its query."""
    async with Receiver() as receiver:
        box.zoho.set_webhook_url(f"{receiver.url}?secret=only-zoho-knows")
        yield receiver


async def test_sale_and_own_edits_are_told(box: Sandbox, zoho: ZohoClient, hook: Receiver) -> None:
    item_id = await zoho.item("W-1", 3)
    order_id = box.zoho.buy(Purchase("USAV", (("W-1", 1),)))["order_id"]
    await box.courier.idle()
    item, order = (
        message.document for message in sorted(hook.received, key=lambda one: b"salesorder" in one.body[:20])
    )
    assert item["item"]["item_id"] == int(item_id)
    assert (order["salesorder"]["salesorder_id"], order["salesorder"]["status"]) == (int(order_id), "confirmed")
    assert all(message.query == {"secret": "only-zoho-knows"} for message in hook.received)
    assert all(SIGNATURE_HEADER not in message.headers for message in hook.received)


async def test_documents_are_told_to_nobody(box: Sandbox, zoho: ZohoClient, hook: Receiver) -> None:
    item_id = await zoho.item("W-1", 3)
    await box.courier.idle()
    before = len(hook.received)
    await zoho.adjust(item_id, 1)
    await box.courier.idle()
    assert len(hook.received) == before


async def test_signature_comes_when_switched_on(box: Sandbox, zoho: ZohoClient, hook: Receiver) -> None:
    box.switches.zoho.sign_webhooks = True
    await zoho.item("W-1")
    await box.courier.idle()
    [message] = hook.received
    assert message.headers[SIGNATURE_HEADER] == sign(message.body)


async def test_forger_knows_neither_record_nor_secret(box: Sandbox, zoho: ZohoClient, hook: Receiver) -> None:
    box.faults.set("forged", platform="ZOHO")
    item_id = await zoho.item("W-1")
    await box.courier.idle()
    by_secret = {message.query["secret"]: message.document["item"]["item_id"] for message in hook.received}
    assert by_secret["only-zoho-knows"] == int(item_id)
    assert by_secret["guessed"] != int(item_id)


def test_guess_replaces_what_is_secret_in_an_address() -> None:
    assert guessed_address("http://h/a/7?token=abc") == "http://h/a/7?token=guessed"
    assert guessed_address("http://h/hooks/zoho/7/0123456789abcdef") == "http://h/hooks/zoho/7/guessed"
    assert guessed_address("http://h/hooks/zoho/7") == "http://h/hooks/zoho/7"
