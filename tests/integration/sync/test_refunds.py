"""What a marketplace gives back before it was sent is free again on all of them."""

from __future__ import annotations

from tests.factories.sync.shop import Shop


async def _bought(shop: Shop) -> tuple[str, str, str]:
    """The id of an order of one unit each of two variants, once it is applied, and their SKUs."""
    first, second = sorted(shop.skus)[:2]
    order_id = await shop.buy("EBAY", [{"sku": sku, "quantity": 1} for sku in (first, second)])
    assert list(shop.hub.free.values()) == [9, 9, 10]
    return order_id, first, second


async def _refund(shop: Shop, order_id: str, sku: str) -> int:
    answer = await shop.box.client.post(f"/_control/orders/{order_id}/refund", json={"sku": sku})
    await shop.look_for_orders()
    return answer.status_code


async def test_refunded_line_frees_its_units_and_the_rest_stays_sold(working_shop: Shop) -> None:
    order_id, _, refunded = await _bought(working_shop)
    assert await _refund(working_shop, order_id, refunded) == 200
    await working_shop.settled(30)
    assert list(working_shop.hub.free.values()) == [9, 10, 10]
    assert await _refund(working_shop, order_id, refunded) == 409, "it was given back already"


async def test_order_refunded_as_a_whole_frees_all(working_shop: Shop) -> None:
    order_id, _, _ = await _bought(working_shop)
    assert await _refund(working_shop, order_id, "") == 200
    await working_shop.settled(30)
    assert list(working_shop.hub.free.values()) == [10, 10, 10]
    assert working_shop.hub.held == {}
