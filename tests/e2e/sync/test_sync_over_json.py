"""Sync's JSON paths as its users know them, refusals included."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.e2e.sync.conftest import Shop


async def test_seeded_channels_show_no_secret(shop: Shop) -> None:
    text = (await shop.admin.get("/api/v1/channels")).text
    for one in (await shop.sandbox.get("/_control/accounts")).json():
        for name, value in one["credentials"].items():
            assert name == "store_id" or str(value) not in text


async def test_status_tells_of_every_channel(shop: Shop) -> None:
    channels = (await shop.get("/api/v1/sync/status"))["channels"]
    ebay = next(one for one in channels if one["platform"] == "EBAY")
    assert (ebay["state"], ebay["connection"]) == ("ACTIVE", "CONNECTED")
    assert ebay["quotas"]


async def test_channel_can_be_tested_paused_and_resumed(shop: Shop) -> None:
    await shop.stock(1)
    await shop.list_everywhere()
    ecwid = next(one for one in shop.channels if one["platform"] == "ECWID")
    assert (await shop.post(f"/api/v1/channels/{ecwid['id']}/test", {}))["ok"] is True
    try:
        assert (await shop.post(f"/api/v1/channels/{ecwid['id']}/pause", {}))["state"] == "PAUSED"

        async def shows_zero() -> bool:
            return (await shop.shown())[f"ECWID {ecwid['account']}"] == 0

        await shop.until(shows_zero)
    finally:
        await shop.post(f"/api/v1/channels/{ecwid['id']}/resume", {})
    await shop.shows_everywhere(1)
    runs = await shop.get(f"/api/v1/channels/{ecwid['id']}/runs", page_size=1)
    assert runs["items"][0]["kind"] == "PUSH"


async def test_listing_price_changes_and_it_ends_when_deleted(shop: Shop) -> None:
    await shop.stock(1)
    await shop.list_everywhere()
    (listing, *_) = (await shop.get("/api/v1/listings", variant_id=shop.variant_id))["items"]
    price = {"price": {"currency_code": "USD", "units": "12", "nanos": 500000000}}
    changed = (await shop.admin.patch(f"/api/v1/listings/{listing['id']}", json=price)).json()
    assert changed["price"]["units"] == "12"

    async def is_pushed() -> bool:
        shown = await shop.get(f"/api/v1/listings/{listing['id']}")
        return bool(shown["status"] == "SYNCED" and shown["pushed_price"]["units"] == "12")

    await shop.until(is_pushed)
    assert (await shop.admin.delete(f"/api/v1/listings/{listing['id']}")).json()["delete_time"]
    assert (await shop.admin.get(f"/api/v1/listings/{listing['id']}")).status_code == 404
    query = {"platform": listing["platform"], "account": listing["account"], "sku": listing["platform_sku"]}

    async def is_ended() -> bool:
        shelves = (await shop.sandbox.get("/_control/listings", params=query)).json()["items"]
        return all(shelf["status"] == "ENDED" for shelf in shelves)

    await shop.until(is_ended)


@pytest.mark.parametrize("headers", [{}, {"x-ebay-signature": "Zm9yZ2Vk"}, {"x-ecwid-webhook-signature": "Zm9yZ2Vk"}])
async def test_forged_webhook_is_refused(shop: Shop, client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    for one in (await shop.get("/api/v1/channels"))["items"]:
        path = f"/api/v1/webhooks/{one['platform'].lower()}/{one['id']}"
        answer = await client.post(path, content=b'{"eventId":"1","eventType":"order.created"}', headers=headers)
        assert answer.status_code == 401, answer.text
        assert answer.json()["code"] == 16


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/listings/0", None, 400),
        ("GET", "/api/v1/listings/abc", None, 400),
        ("GET", "/api/v1/listings/999999", None, 404),
        ("GET", "/api/v1/listings?page_size=-1", None, 400),
        ("GET", "/api/v1/listings?status=NONSENSE", None, 400),
        ("GET", "/api/v1/listings?page_token=%00", None, 400),
        ("GET", "/api/v1/channels/999999/runs", None, 404),
        ("GET", "/api/v1/orders/999999", None, 404),
        ("POST", "/api/v1/listings", {"platform_sku": "x"}, 400),
        (
            "POST",
            "/api/v1/listings",
            {"variant_id": "999999999", "channel_id": "999999", "platform_sku": "x'; DROP TABLE"},
            400,
        ),
        ("POST", "/api/v1/channels", {"platform": "WALMART", "account": "X"}, 400),
        ("POST", "/api/v1/channels", {"platform": "ZOHO", "account": "a b"}, 400),
        ("POST", "/api/v1/channels", {"platform": "ZOHO", "account": "X", "rules": {"price_factor": "NaN"}}, 400),
        ("POST", "/api/v1/channels/999999/pause", {}, 404),
        ("POST", "/api/v1/listings/batch", {"listings": []}, 400),
        ("POST", "/api/v1/orders/999999/resolve", {}, 404),
        ("GET", "/api/v1/webhooks/ebay/999999?challenge_code=x", None, 401),
    ],
)
async def test_bad_input_is_refused(shop: Shop, method: str, path: str, body: Any, status: int) -> None:
    answer = await shop.admin.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["message"]


async def test_channels_are_for_admins_and_reading_needs_signing_in(client: httpx2.AsyncClient) -> None:
    for path in ("/api/v1/channels", "/api/v1/listings", "/api/v1/orders", "/api/v1/sync/status"):
        assert (await client.get(path)).status_code == 401
