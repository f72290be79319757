"""What the hub does comes back as webhooks and causes nothing: after quiet there are no calls, by the sandbox's own counter."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chassis.database import Database
from tests.factories.sync.sandboxed import ACCOUNTS
from tests.factories.sync.shop import Shop, open_shop

QUIET_S = 1.5
# Waiting at Amazon's queue is how its notifications come.
WAITING = "amazon.queue_receive_message"


@pytest.fixture
async def shop(db: Database) -> AsyncIterator[Shop]:
    async with open_shop(db, replicas=2) as opened:
        await opened.list_everywhere(3, 10, poll_interval_s=3600)
        await opened.connect()
        for one in opened.replicas:
            one.start()
        await opened.settled(20)
        yield opened


async def _calls(shop: Shop, cursor: int) -> list[dict[str, Any]]:
    return [call for call in await shop.box.calls_since(cursor) if call["operation"] != WAITING]


async def _is_quiet(shop: Shop) -> list[str]:
    """The calls that are made while nothing happens."""
    await shop.sandbox.courier.idle()
    await shop.settled(20)
    await asyncio.sleep(0.3)
    cursor = await shop.box.cursor()
    await asyncio.sleep(QUIET_S)
    return [call["operation"] for call in await _calls(shop, cursor)]


async def test_after_quiet_there_are_no_calls(shop: Shop) -> None:
    assert await _is_quiet(shop) == []


async def test_a_sale_at_the_counter_is_told_once_and_echoes_nowhere(shop: Shop) -> None:
    assert await _is_quiet(shop) == []
    cursor = await shop.box.cursor()
    shop.hub.sell(1)
    await shop.settled(20)
    assert await _is_quiet(shop) == []
    told = Counter(
        call["platform"] for call in await _calls(shop, cursor) if call["quantities"].get("00001") is not None
    )
    assert told == Counter({platform: 1 for platform, _ in ACCOUNTS})


@pytest.mark.parametrize("platform", [platform for platform, _ in ACCOUNTS])
async def test_a_buyers_order_ends_in_quiet(shop: Shop, platform: str) -> None:
    account = dict(ACCOUNTS)[platform]
    await shop.box.post("buy", platform=platform, account=account, sku="00002", quantity=1)
    await shop.settled(20)
    assert await _is_quiet(shop) == []
