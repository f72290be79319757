"""A second start finds the marketplaces as they were; a kill loses no id that was given out."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import aiohttp

from sandbox import Sandbox
from sandbox.amazon.queue import QUEUE_ARN
from sandbox.amazon.tokens import SELLER_ID
from sandbox.world import Purchase, WantedLine
from tests.integration.sandbox import clients


async def test_listings_orders_and_ids_survive_a_restart(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    state = tmp_path / "sandbox.db"
    async with Sandbox(0, state) as box:
        seller = await clients.ebay_seller(session, box)
        offer_id = await clients.list_on_ebay(seller, "A1", 3)
        await clients.ecwid(session, box).post("/products", {"name": "W", "sku": "W-1", "price": 5, "quantity": 2})
        order_id = box.ebay.buy(Purchase("USAV", (("A1", 1),)))["order_id"]
        shop_order = box.ecwid.buy(Purchase("USAV", (("W-1", 1),)))["order_id"]
        box.ecwid.set_webhook_url("http://127.0.0.1:9/hook")
        kid, shown = box.ebay.destinations.key.kid, box.shelves.find()
    async with Sandbox(0, state) as box:
        assert [_without_time(entry) for entry in box.shelves.find()] == [_without_time(entry) for entry in shown]
        assert box.ebay.destinations.key.kid == kid
        assert box.switches.ecwid.webhook_url == "http://127.0.0.1:9/hook"
        seller = await clients.ebay_seller(session, box)
        assert (await seller.get(f"{clients.INVENTORY}/offer/{offer_id}")).body["listing"]["soldQuantity"] == 1
        assert (await seller.get(f"/sell/fulfillment/v1/order/{order_id}")).status == 200
        shop = clients.ecwid(session, box)
        assert (await shop.get(f"/orders/{shop_order}")).status == 200
        assert (await shop.get("/products?sku=W-1")).body["items"][0]["quantity"] == 1
        assert await clients.list_on_ebay(seller, "A2") > offer_id


async def test_zoho_and_amazon_survive_a_restart(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    state = tmp_path / "sandbox.db"
    async with Sandbox(0, state) as box:
        zoho, amazon = await clients.zoho(session, box), await clients.amazon(session, box)
        item_id = await zoho.item("W-1", 3)
        await zoho.adjust(item_id, 2, reference_number="HUB-1")
        sold = [box.zoho.buy(Purchase("USAV", (("W-1", 1),)))["order_id"]]
        await _subscribe(session, box)
        await clients.list_on_amazon(amazon, box, "A1", 3)
        sold.append(box.amazon.buy(Purchase("MAIN", (("A1", 1),)))["order_id"])
        box.zoho.set_webhook_url("http://127.0.0.1:9/hook")
        # What was accepted and not applied yet is applied by the stop.
        assert (await amazon.call("PATCH", clients.listing_path("A1"), clients.stock_patch(7))).body[
            "status"
        ] == "ACCEPTED"
    async with Sandbox(0, state) as box:
        zoho, amazon = await clients.zoho(session, box), await clients.amazon(session, box)
        item = (await zoho.get(f"/items/{item_id}")).body["item"]
        assert (item["stock_on_hand"], item["available_stock"]) == (5, 4)
        [document] = (await zoho.get("/inventoryadjustments")).body["inventory_adjustments"]
        assert document["reference_number"] == "HUB-1"
        assert (await zoho.get(f"/salesorders/{sold[0]}")).status == 200
        assert (await amazon.get(f"/orders/2026-01-01/orders/{sold[1]}")).status == 200
        assert (await amazon.get("/notifications/v1/subscriptions/ORDER_CHANGE")).status == 200
        assert len((await clients.ask_queue(amazon, "ReceiveMessage")).body["Messages"]) == 1
        shown = {entry.sku: entry.quantity for entry in box.shelves.find()}
        assert shown == {"W-1": 4, "A1": 7}
        assert box.switches.zoho.webhook_url == "http://127.0.0.1:9/hook"
        assert await zoho.item("W-2") > item_id


async def test_edited_orders_survive_a_restart_and_those_of_before_are_read(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    state = tmp_path / "sandbox.db"
    async with Sandbox(0, state) as box:
        zoho, amazon = await clients.zoho(session, box), await clients.amazon(session, box)
        await zoho.item("W-1", 9)
        await clients.list_on_amazon(amazon, box, "A1", 9)
        sold = box.zoho.buy(Purchase("USAV", (("W-1", 4),)))["order_id"]
        plain, edited = [box.amazon.buy(Purchase("MAIN", (("A1", 3),)))["order_id"] for _ in range(2)]
        assert "cancelled" not in box.amazon.store.account.orders[plain].lines[0], "as every order of before"
        box.zoho.edit(sold, [WantedLine("W-1", 1)])
        box.amazon.edit(edited, [WantedLine("A1", 1)])
    async with Sandbox(0, state) as box:
        box.switches.amazon.quantity_ordered_stays = True
        zoho, amazon = await clients.zoho(session, box), await clients.amazon(session, box)
        [line] = (await zoho.get(f"/salesorders/{sold}")).body["salesorder"]["line_items"]
        assert line["quantity"] == 1
        told = [
            (await amazon.get(f"/orders/2026-01-01/orders/{order_id}?includedData=FULFILLMENT")).body["order"]
            for order_id in (plain, edited)
        ]
        assert [order["orderItems"][0]["quantityOrdered"] for order in told] == [3, 3]
        left = [order["orderItems"][0]["fulfillment"]["quantityUnfulfilled"] for order in told]
        assert left == [3, 1]
        box.amazon.edit(plain, [WantedLine("A1", 2)])
        assert [line["quantity"] for line in box.amazon.recent_orders("", 2)[1]["lines"]] == [2]


async def test_feed_that_a_stop_interrupted_is_worked_through_at_the_next_start(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    state = tmp_path / "sandbox.db"
    async with Sandbox(0, state) as box:
        box.switches.amazon.feed_delay_ms = 60_000.0
        amazon = await clients.amazon(session, box)
        await clients.list_on_amazon(amazon, box, "A1", 3)
        made = (await amazon.post("/feeds/2021-06-30/documents", {"contentType": "application/json"})).body
        message = {"messageId": 1, "sku": "A1", "operationType": "PATCH", **clients.stock_patch(8)}
        feed = {"header": {"sellerId": SELLER_ID, "version": "2.0"}, "messages": [message]}
        async with session.put(made["url"], json=feed) as response:
            assert response.status == 200
        body = {"feedType": "JSON_LISTINGS_FEED", "marketplaceIds": ["ATVPDKIKX0DER"]}
        await amazon.post("/feeds/2021-06-30/feeds", {**body, "inputFeedDocumentId": made["feedDocumentId"]})
    async with Sandbox(0, state) as box:
        assert await box.shelves.wait_for(("AMAZON", "MAIN", "A1"), 8, 5.0)


async def _subscribe(session: aiohttp.ClientSession, box: Sandbox) -> None:
    application, seller = await clients.amazon_application(session, box), await clients.amazon(session, box)
    body = {"name": "hub", "resourceSpecification": {"sqs": {"arn": QUEUE_ARN}}}
    destination_id = (await application.post("/notifications/v1/destinations", body)).body["payload"]["destinationId"]
    wanted = {"payloadVersion": "1.0", "destinationId": destination_id}
    assert (await seller.post("/notifications/v1/subscriptions/ORDER_CHANGE", wanted)).status == 200


async def test_reset_is_kept_too(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    state = tmp_path / "sandbox.db"
    async with Sandbox(0, state) as box:
        seller = await clients.ebay_seller(session, box)
        await clients.list_on_ebay(seller, "A1")
        await box.keeper.flush()
        box.control.reset()
    async with Sandbox(0, state) as box:
        assert box.shelves.find() == []


def test_process_starts_stops_and_names_a_taken_port(tmp_path: Path) -> None:
    environment = {**os.environ, "HUB_SANDBOX_PORT": "0", "HUB_STATE_DIR": str(tmp_path)}
    process = _start(environment)
    try:
        url = _url_of(process)
        with urlopen(f"{url}/_control/accounts") as answer:
            assert answer.status == 200
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=5)
    assert process.returncode == 0
    assert (tmp_path / "sandbox.db").exists()


def test_taken_port_is_a_clear_message() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = _start({**os.environ, "HUB_SANDBOX_PORT": str(port)})
        _, message = process.communicate(timeout=10)
    assert process.returncode == 2
    assert str(port) in message
    assert "HUB_SANDBOX_PORT" in message


def _start(environment: dict[str, str]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "sandbox"]
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )


def _url_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        line = process.stdout.readline()
        if "http://" in line:
            return line.split()[-1]
    raise AssertionError("the sandbox did not start")


def _without_time(entry: object) -> dict[str, object]:
    names = ("platform", "account", "sku", "listing_id", "reference", "title", "price", "quantity", "status")
    return {name: getattr(entry, name) for name in names}
