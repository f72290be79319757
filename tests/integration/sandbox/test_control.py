"""The control plane over HTTP: accounts, buyers, waiting, log, faults, switches, reset, and who may call it."""

import asyncio
import time

import aiohttp
import pytest

from sandbox import Sandbox
from tests.integration.sandbox.clients import Client, list_on_ebay


async def test_accounts_carry_what_a_channel_needs(box: Sandbox, control: Client) -> None:
    accounts = (await control.get("/accounts")).body
    assert [(entry["platform"], entry["account"]) for entry in accounts] == [
        ("EBAY", "MEKONG"),
        ("EBAY", "USAV"),
        ("EBAY", "DRAGON"),
        ("ECWID", "USAV"),
        ("ZOHO", "USAV"),
        ("AMAZON", "MAIN"),
    ]
    ebay, ecwid, zoho, amazon = (accounts[index] for index in (0, 3, 4, 5))
    assert ebay["credentials"].keys() == {"client_id", "client_secret", "refresh_token"}
    assert ebay["api_base_url"] == f"{box.url}/ebay"
    assert ebay["token_url"].startswith(ebay["api_base_url"])
    assert {"merchant_location_key", "fulfillment_policy_id", "category_id", "marketplace_id"} <= ebay["options"].keys()
    assert ecwid["credentials"].keys() == {"store_id", "access_token", "client_secret"}
    assert zoho["credentials"].keys() == {"client_id", "client_secret", "refresh_token", "organization_id"}
    assert {"seller_id", "aws_access_key_id", "aws_secret_access_key"} < amazon["credentials"].keys()
    assert {"marketplace_id", "product_type", "queue_url", "queue_arn"} <= amazon["options"].keys()


async def test_buyer_buys_and_the_shelf_shows_it(control: Client, seller: Client) -> None:
    await list_on_ebay(seller, "A1", 2)
    bought = await control.post("/buy", {"platform": "ebay", "account": "USAV", "sku": "A1", "quantity": 2})
    assert bought.status == 201
    listing = (await control.get("/listings?platform=ebay&account=USAV&sku=A1")).body["items"][0]
    assert (listing["quantity"], listing["status"]) == (0, "OUT_OF_STOCK")
    again = await control.post("/buy", {"platform": "ebay", "account": "USAV", "sku": "A1"})
    assert (again.status, again.body["shown"]) == (409, 0)
    unknown = await control.post("/buy", {"platform": "ebay", "account": "USAV", "sku": "A9"})
    assert unknown.status == 404
    orders = (await control.get("/orders?platform=EBAY")).body["items"]
    assert [order["order_id"] for order in orders] == [bought.body["order_id"]]


async def test_order_may_be_cancelled_at_once_or_later(control: Client, seller: Client) -> None:
    await list_on_ebay(seller, "A1", 5)
    order = (await control.post("/buy", {"platform": "EBAY", "account": "USAV", "sku": "A1", "cancel": True})).body
    assert order["cancelled"] is True
    order = (await control.post("/buy", {"platform": "EBAY", "account": "USAV", "sku": "A1", "paid": False})).body
    assert order["payment_status"] == "PENDING"
    assert (await control.post(f"/orders/{order['order_id']}/pay")).body["payment_status"] == "PAID"
    assert (await control.post(f"/orders/{order['order_id']}/cancel")).body["cancelled"] is True
    assert (await control.post("/orders/none/cancel")).status == 404


@pytest.mark.parametrize(
    "body",
    [
        {"platform": "WALMART", "sku": "A"},
        {"platform": "EBAY", "sku": "A"},
        {"platform": "EBAY", "account": "USAV"},
        {"platform": "EBAY", "account": "USAV", "sku": "A", "quantity": 0},
        {"platform": "EBAY", "account": "USAV", "lines": [{"sku": "A"}, {"sku": "A"}]},
    ],
)
async def test_impossible_purchase_is_400(control: Client, body: dict[str, object]) -> None:
    assert (await control.post("/buy", body)).status == 400


async def test_wait_answers_when_the_quantity_is_shown_and_says_when(
    box: Sandbox, control: Client, seller: Client
) -> None:
    await list_on_ebay(seller, "A1", 1)
    query = "/wait?platform=ebay&account=USAV&sku=A1&quantity=0&timeout_s=5"
    waiting = asyncio.create_task(control.get(query))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    before = time.time()
    await control.post("/buy", {"platform": "EBAY", "account": "USAV", "sku": "A1"})
    told = (await waiting).body
    assert told["reached"] is True
    assert before <= told["listing"]["changed_at"] <= time.time()
    late = (await control.get("/wait?platform=ebay&account=USAV&sku=A1&quantity=9&timeout_s=0.02")).body
    assert (late["reached"], late["listing"]["quantity"]) == (False, 0)


async def test_log_counts_pushes_since_a_cursor(control: Client, seller: Client) -> None:
    await list_on_ebay(seller, "A1")
    cursor = (await control.get("/log?limit=0")).body["cursor"]
    await seller.get("/sell/inventory/v1/inventory_item/A1")
    body = {"requests": [{"sku": "A1", "shipToLocationAvailability": {"quantity": 1}}]}
    await seller.post("/sell/inventory/v1/bulk_update_price_quantity", body)
    log = (await control.get(f"/log?since={cursor}&sku=A1&sets_quantity=true")).body
    assert [entry["quantities"] for entry in log["items"]] == [{"A1": 1}]
    assert (await control.get(f"/log?since={log['cursor']}")).body["items"] == []


async def test_faults_are_set_listed_and_lifted(control: Client, shop: Client) -> None:
    rule = (await control.post("/faults", {"kind": "server_error", "platform": "ecwid", "count": 5})).body
    assert (await shop.get("/products")).status == 500
    listed = (await control.get("/faults")).body
    assert listed["items"][0]["hits"] == 1
    assert "timeout_after" in listed["kinds"]
    assert (await control.delete(f"/faults/{rule['rule_id']}")).status == 204
    assert (await control.delete(f"/faults/{rule['rule_id']}")).status == 404
    assert (await shop.get("/products")).status == 200
    assert (await control.post("/faults", {"kind": "explode"})).status == 400


async def test_switches_and_clock(box: Sandbox, control: Client) -> None:
    changed = await control.call("PATCH", "/switches", {"ebay": {"one_sku_per_call": True}})
    assert changed.body["ebay"]["one_sku_per_call"] is True
    assert box.switches.ebay.one_sku_per_call
    assert (await control.call("PATCH", "/switches", {"ebay": {"x": 1}})).status == 400
    assert (await control.post("/clock", {"advance_s": 3600})).body["offset_s"] == 3600
    assert (await control.post("/clock", {"advance_s": "x"})).status == 400


async def test_webhook_address_must_be_on_this_machine(box: Sandbox, control: Client) -> None:
    url = "http://127.0.0.1:8000/api/v1/webhooks/ecwid/4"
    assert (await control.post("/webhooks", {"platform": "ecwid", "url": url})).status == 200
    assert box.switches.ecwid.webhook_url == url
    assert (await control.post("/webhooks", {"platform": "zoho", "url": url})).body["platform"] == "ZOHO"
    assert box.switches.zoho.webhook_url == url
    for wrong in ({"platform": "ecwid", "url": "https://example.com/x"}, {"platform": "ebay", "url": url}):
        assert (await control.post("/webhooks", wrong)).status == 400


async def test_stats_tell_calls_quota_and_over_quota(box: Sandbox, control: Client, shop: Client) -> None:
    box.switches.ecwid.requests_per_minute = 1
    await shop.get("/products")
    await shop.get("/products")
    stats = (await control.get("/stats")).body
    calls = {(entry["operation"], entry["status"]): entry["count"] for entry in stats["calls"]}
    assert calls == {("ecwid.search_products", 200): 1, ("ecwid.search_products", 429): 1}
    assert stats["over_quota"] == {"EBAY": 0, "ECWID": 1, "ZOHO": 0, "AMAZON": 0}
    assert stats["quota"]["ECWID"]["refused"] == 1


async def test_reset_empties_the_marketplaces(box: Sandbox, control: Client, seller: Client) -> None:
    await list_on_ebay(seller, "A1")
    box.faults.set("slow", count=0)
    assert (await control.post("/reset")).status == 204
    assert (await control.get("/listings")).body["total"] == 0
    assert (await seller.get("/sell/inventory/v1/inventory_item/A1")).status == 401
    assert box.faults.rules == []


async def test_page_is_served(box: Sandbox, session: aiohttp.ClientSession) -> None:
    async with session.get(box.url) as response:
        assert response.status == 200
        assert response.content_type == "text/html"
        assert "Marketplace sandbox" in await response.text()


async def test_other_origins_and_names_are_refused(box: Sandbox, control: Client) -> None:
    assert (await control.call("POST", "/reset", {}, Origin="https://evil.example")).status == 403
    assert (await control.call("POST", "/reset", {}, Host="evil.example")).status == 403
    assert (await control.call("POST", "/reset", {}, Origin=box.url)).status == 204


async def test_unknown_calls_are_404(control: Client, seller: Client, shop: Client) -> None:
    assert (await control.get("/nothing")).status == 404
    assert (await seller.get("/sell/inventory/v1/nothing")).status == 404
    assert (await shop.get("/nothing")).status == 404
