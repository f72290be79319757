"""One sandbox for all cases, and one account of each platform on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest
import pytest_asyncio

from sandbox.sandbox import Sandbox
from sync_svc.channels.amazon import orders as amazon_orders
from sync_svc.channels.ebay import revisions
from tests.contract.channels.market import ACCOUNTS, EASED_SWITCHES, Market, connect


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """eBay's busy items are asked again at once, and Amazon's orders are searched up to now."""
    monkeypatch.setattr(revisions, "_BUSY_DELAYS_S", (0.01, 0.01, 0.01))
    monkeypatch.setattr(amazon_orders, "_LAG", timedelta(0))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox_url() -> AsyncIterator[str]:
    """The address of a sandbox that keeps nothing."""
    async with Sandbox(0, None) as box:
        yield box.url


@pytest_asyncio.fixture(loop_scope="session", params=ACCOUNTS, ids=lambda account: account[0])
async def market(request: pytest.FixtureRequest, sandbox_url: str) -> AsyncIterator[Market]:
    """One platform, fresh, with a connector of its own."""
    async with httpx2.AsyncClient(base_url=sandbox_url, trust_env=False) as control:
        await control.post("/_control/reset")
        await control.patch("/_control/switches", json=EASED_SWITCHES)
        market = await connect(control, *request.param)
        try:
            yield market
        finally:
            await market.channel.aclose()
