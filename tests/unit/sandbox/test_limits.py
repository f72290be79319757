"""Quotas and throttles count as the platforms publish them."""

from collections.abc import Callable

import pytest

from sandbox.amazon.buckets import Buckets
from sandbox.ebay.quotas import Quotas
from sandbox.ecwid.throttle import Throttle
from sandbox.wire import Refused
from sandbox.zoho.limits import Limits
from tests.unit.sandbox.worlds import make_world

_DAY_S = 86_400


def test_daily_quota_refuses_with_429_and_comes_back_the_next_pacific_day() -> None:
    world = make_world()
    world.switches.ebay.fulfillment_calls_per_day = 2
    quotas = Quotas(world)
    quotas.spend("fulfillment", "USAV")
    quotas.spend("fulfillment", "DRAGON")
    with pytest.raises(Refused) as refused:
        quotas.spend("fulfillment", "USAV")
    assert refused.value.answer.status == 429
    assert quotas.refused == 1
    world.clock.advance(_DAY_S)
    quotas.spend("fulfillment", "USAV")
    assert quotas.used("fulfillment") == 1


def test_quota_is_the_applications_and_is_told_per_seller_too() -> None:
    quotas = Quotas(make_world())
    quotas.spend("inventory", "USAV")
    quotas.spend("inventory", "DRAGON")
    assert quotas.used("inventory") == 2
    assert quotas.used("inventory", "USAV") == 1
    [rate] = quotas.rates(None, "sell", "inventory")
    assert rate["resources"][0]["rates"][0]["remaining"] == 2_000_000 - 2


def test_minute_limit_blocks_and_each_further_call_prolongs_the_block() -> None:
    world = make_world()
    world.switches.ecwid.requests_per_minute = 3
    world.switches.ecwid.block_s = 10.0
    throttle = Throttle(world)
    assert [throttle.admit() for _ in range(3)] == [None] * 3
    assert throttle.admit() == 10
    world.clock.advance(61)
    assert throttle.admit() is None
    for _ in range(2):
        throttle.admit()
    assert throttle.admit() == 10
    world.clock.advance(9)
    assert throttle.admit() == 10
    assert throttle.refused == 3


def test_limit_of_zero_is_none() -> None:
    world = make_world()
    world.switches.ecwid.requests_per_minute = 0
    throttle = Throttle(world)
    assert all(throttle.admit() is None for _ in range(2000))


def test_zoho_counts_minute_and_day_apart_and_refused_calls_in_neither() -> None:
    world = make_world()
    world.switches.zoho.requests_per_minute = 2
    world.switches.zoho.requests_per_day = 3
    limits = Limits(world)
    assert [_passes(limits.spend) for _ in range(3)] == [True, True, False]
    world.clock.advance(61)
    assert [_passes(limits.spend) for _ in range(2)] == [True, False]
    assert (limits.as_json()["requests_today"], limits.refused) == (3, 2)
    world.clock.advance(_DAY_S)
    assert _passes(limits.spend)


def test_amazon_bucket_holds_its_burst_and_fills_slowly() -> None:
    world = make_world()
    buckets = Buckets(world)
    assert sum(_passes(lambda: buckets.spend("search_orders")) for _ in range(25)) == 20
    world.clock.advance(100)
    assert not _passes(lambda: buckets.spend("search_orders"))
    world.clock.advance(80)
    assert _passes(lambda: buckets.spend("search_orders"))
    assert buckets.refused == {"search_orders": 6}


def test_amazon_rates_scale_and_a_scaled_bucket_holds_a_call_at_least() -> None:
    world = make_world()
    buckets = Buckets(world)
    world.switches.amazon.rate_scale = 0.01
    assert [_passes(lambda: buckets.spend("get_order")) for _ in range(2)] == [True, False]
    world.switches.amazon.rate_scale = 0.0
    assert all(_passes(lambda: buckets.spend("get_order")) for _ in range(500))
    assert buckets.rate("get_order") == 0


def _passes(spend: Callable[[], None]) -> bool:
    try:
        spend()
    except Refused as refused:
        return refused.answer.status != 429
    return True
