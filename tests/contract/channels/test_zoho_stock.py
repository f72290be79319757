"""Zoho's stock documents against the sandbox: whatever is lost on the way, nothing is booked twice, no wrong number shows."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from sync_svc.channels import http
from sync_svc.channels.base import ListingState, Outcome, PushResult
from sync_svc.channels.registry import installed_connectors
from tests.contract.channels.market import EASED_SWITCHES, Market, connect, state

KINDS = (
    *("timeout_before", "timeout_after", "reset_before", "reset_after", "server_error", "server_error_after"),
    *("malformed_json", "html_page", "error_in_200", "rate_limited"),
)
STEPS = ("create_adjustment", "submit_adjustment", "approve_adjustment")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_TIMEOUT", httpx2.Timeout(connect=2.0, read=0.3, write=2.0, pool=5.0))


@pytest.fixture
async def zoho(sandbox_url: str) -> AsyncIterator[Market]:
    async with httpx2.AsyncClient(base_url=sandbox_url, trust_env=False) as control:
        await control.post("/_control/reset")
        await control.patch("/_control/switches", json=EASED_SWITCHES)
        market = await connect(control, "ZOHO", "USAV")
        yield market
        await market.clear_faults()
        await market.switch({"zoho": {"approve_adjustments": False}})
        await market.channel.aclose()


async def work(market: Market, wanted: ListingState, *, tries: int = 12) -> ListingState:
    """Pushes as a worker does: what was left unknown is read back first, and looked for before anything is sent."""
    for _ in range(tries):
        (result,) = await market.push(wanted)
        learned = {**wanted.external_ids, **result.external_ids}
        wanted = replace(wanted, external_ids=learned, in_doubt=result.outcome is Outcome.UNKNOWN)
        if result.outcome is Outcome.DONE:
            return replace(wanted, content_changed=False)
        await asyncio.sleep(0.02 if result.retry_after_s is None else result.retry_after_s)
    raise AssertionError(f"never done: {result}")


async def shown_since(market: Market, cursor: int) -> list[tuple[str, int]]:
    """The quantities that documents have left behind, with their SKUs."""
    query = {"platform": "ZOHO", "operation": "zoho.create_adjustment", "since": str(cursor)}
    answer = (await market.control.get("/_control/log", params=query)).json()
    return [shown for call in answer["items"] for shown in call["quantities"].items()]


@pytest.mark.parametrize("kind", KINDS)
async def test_lost_document_is_not_booked_twice(zoho: Market, kind: str) -> None:
    known = await work(zoho, state())
    cursor = (await zoho.control.get("/_control/log")).json()["cursor"]
    await zoho.fault(kind, operation="zoho.create_adjustment", count=2, seconds=0.4, retry_after=0)
    await work(zoho, replace(known, quantity=1, generation=2))
    assert await zoho.quantity("SKU00001") == 1
    # A call that is never answered stands in the log once its connection has closed.
    await asyncio.sleep(0.3)
    assert await shown_since(zoho, cursor) == [("SKU00001", 1)]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", ["timeout_after", "reset_before", "server_error_after"])
async def test_document_that_needs_approval_counts_once(zoho: Market, step: str, kind: str) -> None:
    known = await work(zoho, state())
    await zoho.switch({"zoho": {"approve_adjustments": True}})
    await zoho.fault(kind, operation=f"zoho.{step}", count=1, seconds=0.4)
    known = await work(zoho, replace(known, quantity=1, generation=2))
    assert await zoho.quantity("SKU00001") == 1
    await work(zoho, replace(known, quantity=2, generation=3))
    assert await zoho.quantity("SKU00001") == 2


async def test_worker_that_died_over_a_document_leaves_nothing_to_double(zoho: Market) -> None:
    known = await work(zoho, state())
    await zoho.switch({"zoho": {"approve_adjustments": True}})
    dying = asyncio.create_task(zoho.channel.push([replace(known, quantity=1, generation=2)]))
    await zoho.fault("timeout_after", operation="zoho.create_adjustment", count=1, seconds=5)
    await asyncio.sleep(0.15)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    successor = replace(zoho, channel=installed_connectors().create(zoho.settings))
    await work(successor, replace(known, quantity=1, generation=2, in_doubt=True))
    await successor.channel.aclose()
    assert await zoho.quantity("SKU00001") == 1


async def test_sale_in_zoho_itself_is_not_taken_off_again(zoho: Market) -> None:
    known = await work(zoho, state(quantity=3))
    await zoho.buy("SKU00001")
    cursor = (await zoho.control.get("/_control/log")).json()["cursor"]
    await work(zoho, replace(known, quantity=2, generation=2))
    assert await zoho.quantity("SKU00001") == 2
    assert await shown_since(zoho, cursor) == []


@pytest.mark.parametrize("seed", range(6))
async def test_storm_ends_with_the_truth_and_never_showed_a_wrong_number(zoho: Market, seed: int) -> None:
    print(f"seed {seed}")
    lots = random.Random(seed)
    batch = [await work(zoho, state(number, quantity=lots.randint(1, 9))) for number in range(1, 5)]
    for generation in range(2, 7):
        cursor = (await zoho.control.get("/_control/log")).json()["cursor"]
        for _ in range(2):
            skip, kind = lots.randint(0, 4), lots.choice(KINDS)
            await zoho.fault(kind, count=1, skip=skip, seconds=0.4, retry_after=0)
        batch = [replace(one, quantity=lots.randint(0, 9), generation=generation) for one in batch]
        results: list[PushResult] = await zoho.push(*batch)
        batch = [
            replace(one, external_ids={**one.external_ids, **result.external_ids}, in_doubt=True)
            for one, result in zip(batch, results, strict=True)
        ]
        batch = [await work(zoho, one) for one in batch]
        await zoho.clear_faults()
        wanted: dict[str, Any] = {one.platform_sku: one.quantity for one in batch}
        assert {sku: await zoho.quantity(sku) for sku in wanted} == wanted
        assert set(await shown_since(zoho, cursor)) <= set(wanted.items())
