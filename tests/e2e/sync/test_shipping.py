"""What leaves the house shows on the marketplace, through every real part of the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploy.local.hub import Hub
from tests.e2e.hubctl.conftest import HubctlUser
from tests.e2e.sync.conftest import Shop

NUMBER = "1Z999AA10123456784"


async def _sold(shop: Shop, platform: str, quantity: int) -> dict[str, Any]:
    """An order of one channel, once its units are sold."""
    seller = next(one for one in shop.channels if one["platform"] == platform)
    order_id = await shop.buy(seller, quantity)

    async def is_sold() -> bool:
        found = (await shop.get("/api/v1/orders", external_order_id=order_id))["items"]
        return [one["status"] for one in found] == ["SOLD"]

    # A webhook that came before the hub listened is made up for by the next poll.
    await shop.until(is_sold, timeout_s=90)
    (order,) = (await shop.get("/api/v1/orders", external_order_id=order_id))["items"]
    return dict(order)


async def test_buyers_buy_what_is_offered(shop: Shop, hub: Hub, tmp_path: Path) -> None:
    user = HubctlUser({"HUB_STATE_DIR": str(hub.settings.state), "HUBCTL_SESSION": str(tmp_path / "session.json")})
    await shop.stock(2)
    await shop.list_everywhere()
    channel = next(one for one in shop.channels if one["platform"] == "ECWID")
    only = ("--platform", "ecwid", "--sku", shop.platform_sku(channel), "--sandbox", hub.sandbox_url)
    bought = user.json("buyers", *only, "--orders", "2", "--every", "3", "--unpaid")
    assert [one["lines"][0]["sku"] for one in bought] == [shop.platform_sku(channel)] * 2
    assert {one["payment_status"] for one in bought} == {"AWAITING_PAYMENT"}
    await shop.shows_everywhere(0, timeout_s=60)
    assert user.run("buyers", *only).status == 1, "nothing is left"


async def _parcels(shop: Shop, order: dict[str, Any]) -> list[str]:
    query = {"platform": order["platform"], "account": order["account"]}
    items = (await shop.sandbox.get("/_control/orders", params=query)).json()["items"]
    (found,) = [one for one in items if one["order_id"] == order["external_order_id"]]
    return [one["tracking_number"] for one in found["parcels"]]


async def _is_told(shop: Shop, order: dict[str, Any]) -> bool:
    found = await shop.get(f"/api/v1/orders/{order['id']}")
    assert not [one for one in found["shipments"] if one["status"] == "REFUSED"], found["shipments"]
    return all(one["status"] == "TOLD" for one in found["shipments"])


@pytest.mark.timeout(180)
async def test_parcels_of_every_platform_show_there(shop: Shop) -> None:
    await shop.stock(20)
    await shop.list_everywhere()
    for platform in ("EBAY", "ECWID", "ZOHO", "AMAZON"):
        order = await _sold(shop, platform, 2)
        assert order["shipping"] == "TO_SHIP"
        line_id = order["lines"][0]["line_id"]
        path = f"/api/v1/orders/{order['id']}/ship"
        body = {"carrier": "UPS", "tracking_number": NUMBER, "lines": [{"line_id": line_id, "quantity": 1}]}
        assert (await shop.post(path, body))["shipping"] == "PARTLY_SHIPPED"
        assert (await shop.post(path, {"carrier": "UPS", "tracking_number": f"{NUMBER}9"}))["shipping"] == "SHIPPED"
        await shop.until(lambda order=order: _is_told(shop, order))  # type: ignore[misc]  # bound at once
        assert sorted(await _parcels(shop, order)) == [NUMBER, f"{NUMBER}9"]


@pytest.mark.timeout(180)
async def test_parcel_is_shipped_with_hubctl(shop: Shop, hub: Hub, tmp_path: Path) -> None:
    user = HubctlUser({"HUB_STATE_DIR": str(hub.settings.state), "HUBCTL_SESSION": str(tmp_path / "session.json")})
    user.ok("sign-in", "--local")
    await shop.stock(3)
    await shop.list_everywhere()
    order = await _sold(shop, "ECWID", 1)
    waiting = user.json("orders", "list", "--to-ship")
    assert order["id"] in {one["id"] for one in waiting}
    assert user.run("orders", "ship", order["id"], "--tracking", NUMBER).status == 2, "who carries it?"
    (shipped,) = user.json("orders", "ship", order["id"], "--carrier", "UPS", "--tracking", NUMBER)
    assert shipped["shipping"] == "SHIPPED"
    await shop.until(lambda: _is_told(shop, order))
    assert NUMBER in user.ok("orders", "show", order["id"]).out
    shipment = shipped["shipments"][0]["id"]
    assert user.run("orders", "withdraw-shipment", order["id"], shipment).status == 1, "the store knows of it"
