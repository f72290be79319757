"""What a marketplace gives back before it was sent is free again on all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chassis.database import Database
from tests.factories.sync.shop import Shop, open_shop
from tests.factories.sync.storms import ENGINE, shorten


@pytest.fixture
async def shop(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    shorten(monkeypatch)
    async with open_shop(db, replicas=1, **ENGINE) as opened:
        await opened.list_everywhere(2, 10, poll_interval_s=60)
        await opened.connect()
        opened.replicas[0].start()
        await opened.settled(30)
        yield opened


async def _bought(shop: Shop) -> str:
    """The id of an order of one unit of each variant, once it is applied."""
    lines = [{"sku": sku, "quantity": 1} for sku in sorted(shop.skus)]
    body = {"platform": "EBAY", "account": "MEKONG", "lines": lines, "paid": True}
    answer = await shop.box.client.post("/_control/buy", json=body)
    assert answer.status_code == 201, answer.text
    await shop.settled(30)
    assert list(shop.hub.free.values()) == [9, 9]
    return str(answer.json()["order_id"])


async def _refund(shop: Shop, order_id: str, sku: str) -> int:
    answer = await shop.box.client.post(f"/_control/orders/{order_id}/refund", json={"sku": sku})
    await shop.look_for_orders()
    return answer.status_code


async def test_refunded_line_frees_its_units_and_the_rest_stays_sold(shop: Shop) -> None:
    order_id, (kept, refunded) = await _bought(shop), sorted(shop.skus)
    assert await _refund(shop, order_id, refunded) == 200
    await shop.settled(30)
    assert {sku: shop.hub.free[variant_id] for sku, variant_id in shop.skus.items()} == {kept: 9, refunded: 10}
    assert await _refund(shop, order_id, refunded) == 409, "it was given back already"


async def test_order_refunded_as_a_whole_frees_all(shop: Shop) -> None:
    order_id = await _bought(shop)
    assert await _refund(shop, order_id, "") == 200
    await shop.settled(30)
    assert list(shop.hub.free.values()) == [10, 10]
    assert shop.hub.held == {}
