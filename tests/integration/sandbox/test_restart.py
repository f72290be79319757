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
from sandbox.world import Purchase
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
