"""Every connector: whatever goes wrong on the way, trying again ends with exactly what was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from sync_svc.channels import http
from sync_svc.channels.base import ChannelError, Outcome
from tests.contract.channels.market import Market, state

FAULTS: list[dict[str, Any]] = [
    {"kind": "rate_limited", "retry_after": 1},
    {"kind": "server_error"},
    {"kind": "server_error", "status": 503},
    {"kind": "server_error_after"},
    {"kind": "timeout_before", "seconds": 0.6},
    {"kind": "timeout_after", "seconds": 0.6},
    {"kind": "reset_before"},
    {"kind": "reset_after"},
    {"kind": "malformed_json"},
    {"kind": "html_page"},
    {"kind": "html_page", "status": 504},
    {"kind": "error_in_200"},
    {"kind": "slow", "seconds": 0.1},
]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are waited for half a second, and a 429 without a time stops the account as briefly."""
    monkeypatch.setattr(http, "_TIMEOUT", httpx2.Timeout(connect=2.0, read=0.5, write=2.0, pool=5.0))
    monkeypatch.setattr(http, "DEFAULT_RETRY_AFTER_S", 0.3)


@pytest.fixture
async def patient_market(market: Market) -> AsyncIterator[Market]:
    yield market
    await market.clear_faults()


def _id(fault: dict[str, Any]) -> str:
    return "-".join(str(value) for value in fault.values())


@pytest.mark.parametrize("skip", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("fault", FAULTS, ids=_id)
async def test_new_listing_survives(patient_market: Market, fault: dict[str, Any], skip: int) -> None:
    market = patient_market
    await market.fault(count=1, skip=skip, **fault)
    await market.settle(state())
    assert await market.quantity("SKU00001") == 3


@pytest.mark.parametrize("fault", FAULTS, ids=_id)
async def test_change_survives(patient_market: Market, fault: dict[str, Any]) -> None:
    market = patient_market
    known = await market.settle(state())
    await market.fault(count=2, **fault)
    await market.settle(replace(known, quantity=1, price=Decimal("39.99")))
    (live,) = await market.channel.read([known])
    assert (live.quantity, live.price) == (1, Decimal("39.99"))


@pytest.mark.parametrize("fault", FAULTS, ids=_id)
async def test_batch_survives(patient_market: Market, fault: dict[str, Any]) -> None:
    market = patient_market
    known = [await market.settle(state(number)) for number in range(1, 16)]
    await market.fault(count=1, **fault)
    wanted = [replace(one, quantity=one.listing_id % 4) for one in known]
    results = await market.push(*wanted)
    for one, result in zip(wanted, results, strict=True):
        if result.outcome is not Outcome.DONE:
            await market.settle(one)
    live = await market.channel.read(wanted)
    assert [one.quantity for one in live] == [one.quantity for one in wanted]


async def test_expired_token_is_renewed_unnoticed(patient_market: Market) -> None:
    market = patient_market
    known = await market.settle(state())
    if market.channel.token_expires_at() is None:
        pytest.skip("tokens of this platform do not end")
    await market.fault("token_expired", count=1)
    (result,) = await market.push(replace(known, quantity=1))
    assert result.outcome is Outcome.DONE


async def test_revoked_access_is_the_accounts_trouble(patient_market: Market) -> None:
    market = patient_market
    known = await market.settle(state())
    await market.fault("token_revoked", count=1)
    (result,) = await market.push(replace(known, quantity=1))
    assert result.outcome is Outcome.AUTH
    with pytest.raises(ChannelError) as refused:
        await market.channel.orders_since("")
    assert refused.value.outcome is Outcome.AUTH


async def test_poll_that_fails_leaves_its_cursor_good(patient_market: Market) -> None:
    market = patient_market
    await market.settle(state())
    _, cursor = await market.all_orders()
    bought = await market.buy("SKU00001")
    await market.fault("server_error", count=1)
    with pytest.raises(ChannelError):
        await market.all_orders(cursor)
    orders, _ = await market.all_orders(cursor)
    assert bought["order_id"] in {order.external_order_id for order in orders}
