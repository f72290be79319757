"""Orders edited on the marketplaces, over the real connectors: the stock follows, and every shelf shows it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories.sync.shop import Shop

FIRST, SECOND, THIRD = "00001", "00002", "00003"


def _lines(*wanted: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"sku": sku, "quantity": quantity} for sku, quantity in wanted]


async def _edited(shop: Shop, order_id: str, lines: list[dict[str, Any]]) -> list[int]:
    """What is free once the edit is taken in and every shelf shows it."""
    assert await shop.edit(order_id, lines) == 200
    await shop.look_for_orders()
    await shop.settled(30)
    return list(shop.hub.free.values())


@pytest.mark.parametrize("platform", ["ZOHO", "ECWID"])
async def test_lines_are_raised_lowered_added_and_taken_out(working_shop: Shop, platform: str) -> None:
    order_id = await working_shop.buy(platform, _lines((FIRST, 2), (SECOND, 1)))
    assert list(working_shop.hub.free.values()) == [8, 9, 10]
    assert await _edited(working_shop, order_id, _lines((FIRST, 4), (SECOND, 1))) == [6, 9, 10]
    assert await _edited(working_shop, order_id, _lines((FIRST, 1), (THIRD, 2))) == [9, 10, 8]
    assert await _edited(working_shop, order_id, _lines((SECOND, 3))) == [10, 7, 10]


async def test_other_item_in_a_line_of_a_sales_order(working_shop: Shop) -> None:
    order_id = await working_shop.buy("ZOHO", _lines((FIRST, 2), (SECOND, 1)))
    swapped = [{"sku": THIRD, "quantity": 3, "instead_of": FIRST}, *_lines((SECOND, 1))]
    assert await _edited(working_shop, order_id, swapped) == [10, 9, 7]


@pytest.mark.parametrize("quantity_ordered_stays", [False, True])
async def test_part_of_an_order_of_amazon_is_cancelled(working_shop: Shop, quantity_ordered_stays: bool) -> None:
    await working_shop.box.switch(amazon={"quantity_ordered_stays": quantity_ordered_stays})
    order_id = await working_shop.buy("AMAZON", _lines((FIRST, 3), (SECOND, 1)))
    assert await _edited(working_shop, order_id, _lines((FIRST, 2), (SECOND, 1))) == [8, 9, 10]
    assert await _edited(working_shop, order_id, _lines((FIRST, 1))) == [9, 10, 10]
