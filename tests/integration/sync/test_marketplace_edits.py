"""Orders edited on the marketplaces, over the real connectors: the stock follows, and every shelf shows it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from chassis.database import Database
from tests.factories.sync.sandboxed import ACCOUNTS
from tests.factories.sync.shop import Shop, open_shop
from tests.factories.sync.storms import ENGINE, shorten

FIRST, SECOND, THIRD = "00001", "00002", "00003"


@pytest.fixture
async def shop(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    shorten(monkeypatch)
    async with open_shop(db, replicas=1, **ENGINE) as opened:
        await opened.list_everywhere(3, 10, poll_interval_s=60)
        await opened.connect()
        opened.replicas[0].start()
        await opened.settled(30)
        yield opened


def _lines(*wanted: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"sku": sku, "quantity": quantity} for sku, quantity in wanted]


async def _bought(shop: Shop, platform: str, *wanted: tuple[str, int]) -> str:
    """The id of a paid order, once it is applied."""
    body = {"platform": platform, "account": dict(ACCOUNTS)[platform], "lines": _lines(*wanted), "paid": True}
    answer = await shop.box.client.post("/_control/buy", json=body)
    assert answer.status_code == 201, answer.text
    await shop.settled(30)
    return str(answer.json()["order_id"])


async def _edited(shop: Shop, order_id: str, lines: list[dict[str, Any]]) -> list[int]:
    """What is free once the edit is taken in and every shelf shows it."""
    assert await shop.edit(order_id, lines) == 200
    await shop.look_for_orders()
    await shop.settled(30)
    return list(shop.hub.free.values())


@pytest.mark.parametrize("platform", ["ZOHO", "ECWID"])
async def test_lines_are_raised_lowered_added_and_taken_out(shop: Shop, platform: str) -> None:
    order_id = await _bought(shop, platform, (FIRST, 2), (SECOND, 1))
    assert list(shop.hub.free.values()) == [8, 9, 10]
    assert await _edited(shop, order_id, _lines((FIRST, 4), (SECOND, 1))) == [6, 9, 10]
    assert await _edited(shop, order_id, _lines((FIRST, 1), (THIRD, 2))) == [9, 10, 8]
    assert await _edited(shop, order_id, _lines((SECOND, 3))) == [10, 7, 10]


async def test_other_item_in_a_line_of_a_sales_order(shop: Shop) -> None:
    order_id = await _bought(shop, "ZOHO", (FIRST, 2), (SECOND, 1))
    swapped = [{"sku": THIRD, "quantity": 3, "instead_of": FIRST}, *_lines((SECOND, 1))]
    assert await _edited(shop, order_id, swapped) == [10, 9, 7]


@pytest.mark.parametrize("quantity_ordered_stays", [False, True])
async def test_part_of_an_order_of_amazon_is_cancelled(shop: Shop, quantity_ordered_stays: bool) -> None:
    await shop.box.switch(amazon={"quantity_ordered_stays": quantity_ordered_stays})
    order_id = await _bought(shop, "AMAZON", (FIRST, 3), (SECOND, 1))
    assert await _edited(shop, order_id, _lines((FIRST, 2), (SECOND, 1))) == [8, 9, 10]
    assert await _edited(shop, order_id, _lines((FIRST, 1))) == [9, 10, 10]
