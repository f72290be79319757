"""Every connector: a parcel with its tracking number is told once, however often and into whatever trouble it is sent."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from sync_svc.channels import http
from sync_svc.channels.base import ChannelError, ChannelOrder, Outcome, Parcel, ParcelLine, Told
from tests.contract.channels.market import Market, state

FAULTS: list[dict[str, Any]] = [
    {"kind": "rate_limited", "retry_after": 1},
    {"kind": "server_error"},
    {"kind": "server_error_after"},
    {"kind": "timeout_before", "seconds": 0.6},
    {"kind": "timeout_after", "seconds": 0.6},
    {"kind": "reset_after"},
    {"kind": "malformed_json"},
    {"kind": "html_page"},
]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are waited for half a second, and a 429 without a time stops the account as briefly."""
    monkeypatch.setattr(http, "_TIMEOUT", httpx2.Timeout(connect=2.0, read=0.5, write=2.0, pool=5.0))
    monkeypatch.setattr(http, "DEFAULT_RETRY_AFTER_S", 0.3)


async def bought(market: Market, quantity: int = 2, **more: Any) -> ChannelOrder:
    """An order of some units of one listing."""
    await market.settle(state(quantity=50))
    order_id = (await market.buy("SKU00001", quantity, **more))["order_id"]
    return await read(market, order_id)


async def read(market: Market, order_id: str) -> ChannelOrder:
    order = await market.channel.get_order(order_id)
    assert order is not None
    return order


def parcel(order: ChannelOrder, quantity: int | None = None, **more: Any) -> Parcel:
    """A parcel of some units of the order's only line."""
    (line,) = order.lines
    fields: dict[str, Any] = {
        "shipment_id": 7,
        "external_order_id": order.external_order_id,
        "lines": [ParcelLine(line.line_id, quantity or line.quantity, line.quantity)],
        "shipped_at": datetime.now(UTC),
        "carrier": "ups",
        "tracking_number": "1Z999AA10123456784",
    }
    return Parcel(**(fields | more))


async def told(market: Market, order: ChannelOrder) -> list[str]:
    """The tracking numbers the platform shows for an order."""
    return await market.parcels(order.external_order_id)


async def until_told(market: Market, one: Parcel) -> Told:
    """Sends a parcel as the worker does, until the platform knows it."""
    for _ in range(8):
        try:
            return await market.channel.ship(one)
        except ChannelError as error:
            if error.outcome not in (Outcome.RETRY, Outcome.UNKNOWN):
                raise
            await asyncio.sleep(0.02 if error.retry_after_s is None else error.retry_after_s + 0.05)
    raise AssertionError("never told")


async def test_parcel_shows_with_its_tracking_number(market: Market) -> None:
    order = await bought(market)
    assert order.lines[0].shipped_quantity == 0
    answer = await market.channel.ship(parcel(order))
    assert not answer.by_another
    assert await told(market, order) == ["1Z999AA10123456784"]
    assert (await read(market, order.external_order_id)).lines[0].shipped_quantity == 2


async def test_parcel_told_again_is_not_doubled(market: Market) -> None:
    order = await bought(market)
    answers = [await market.channel.ship(parcel(order)) for _ in range(3)]
    assert {answer.by_another for answer in answers} == {False}
    assert len({answer.external_id for answer in answers}) == 1
    assert await told(market, order) == ["1Z999AA10123456784"]


async def test_order_goes_out_in_two_parcels(market: Market) -> None:
    order = await bought(market, 3)
    first = parcel(order, 1, is_last=False)
    second = parcel(order, 2, shipment_id=8, tracking_number="9400 1000 0000", carrier="My Own Cart")
    await market.channel.ship(first)
    assert (await read(market, order.external_order_id)).lines[0].shipped_quantity < 3
    await market.channel.ship(second)
    await market.channel.ship(first)
    numbers = Counter(number.replace(" ", "") for number in await told(market, order))
    assert numbers == {"1Z999AA10123456784": 1, "940010000000": 1}
    assert (await read(market, order.external_order_id)).lines[0].shipped_quantity == 3


async def test_parcel_without_a_number_is_told_once_or_refused_for_a_person(market: Market) -> None:
    order = await bought(market)
    untracked = parcel(order, tracking_number="", carrier="")
    if market.platform == "AMAZON":
        with pytest.raises(ChannelError) as refused:
            await market.channel.ship(untracked)
        assert refused.value.outcome is Outcome.PERMANENT
        return
    await market.channel.ship(untracked)
    await market.channel.ship(untracked)
    assert len(await told(market, order)) <= 1
    assert (await read(market, order.external_order_id)).lines[0].shipped_quantity == 2


async def test_what_somebody_else_shipped_is_left_alone(market: Market) -> None:
    order = await bought(market)
    await market.channel.ship(parcel(order, shipment_id=3, tracking_number="ELSEWHERE1"))
    answer = await market.channel.ship(parcel(order))
    assert answer.by_another
    assert answer.message
    assert await told(market, order) == ["ELSEWHERE1"]


async def test_cancelled_order_is_not_shipped(market: Market) -> None:
    order = await bought(market, cancel=True)
    with pytest.raises(ChannelError) as refused:
        await market.channel.ship(parcel(order))
    assert refused.value.outcome is Outcome.PERMANENT
    assert await told(market, order) == []


async def test_unknown_order_is_refused_for_a_person(market: Market) -> None:
    order = replace(await bought(market), external_order_id="00-00000-00000")
    with pytest.raises(ChannelError) as refused:
        await market.channel.ship(parcel(order))
    assert refused.value.outcome is Outcome.PERMANENT


@pytest.mark.parametrize("skip", [0, 1, 2])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault["kind"]))
async def test_parcel_survives(market: Market, fault: dict[str, Any], skip: int) -> None:
    order = await bought(market)
    await market.fault(count=1, skip=skip, **fault)
    answer = await until_told(market, parcel(order))
    await market.clear_faults()
    assert not answer.by_another
    assert await told(market, order) == ["1Z999AA10123456784"]
