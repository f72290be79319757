"""Storms of sales, faults and dying workers over two replicas: when they are over, the marketplace shows what is true."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest

from sync_svc.channels.base import ListingState, Outcome, PushResult
from sync_svc.domain.channel import Channel
from tests.factories.sync.engine import Engine, until
from tests.factories.sync.platform import FakePlatform
from tests.factories.sync.upstream import FakeHub

LISTINGS = 12


class Weather:
    """Makes pushes fail in every way, by the seed, and counts how many of one listing are under way at once."""

    def __init__(self, platform: FakePlatform, chance: random.Random) -> None:
        self.platform = platform
        self.chance = chance
        self.under_way: set[int] = set()
        self.met: list[int] = []
        platform.before_apply = self.before
        platform.after_apply = self.after

    async def before(self, batch: Sequence[ListingState]) -> None:
        ids = {state.listing_id for state in batch}
        self.met += sorted(ids & self.under_way)
        self.under_way |= ids
        try:
            await asyncio.sleep(self.chance.uniform(0, 0.01))
            self.platform.refuse_with = None
            # A push that had begun when the sun came out must not bring the clouds back.
            if self.platform.before_apply is not None and self.chance.random() < 0.2:
                self.platform.refuse_with = PushResult(0, Outcome.RETRY, "Busy.", code="http_503")
        finally:
            self.under_way -= ids

    async def after(self, batch: Sequence[ListingState]) -> None:
        if self.chance.random() < 0.15:
            raise TimeoutError

    def clear(self) -> None:
        """The sun comes out."""
        self.platform.before_apply = self.platform.after_apply = self.platform.refuse_with = None


async def _stock(engine: Engine, hub: FakeHub) -> Channel:
    channel = await engine.add_channel()
    for number in range(1, LISTINGS + 1):
        hub.add(number, f"{number:05}", 20)
        await engine.add_listing(channel, number, f"{number:05}")
    return channel


async def _sell_and_kill(
    hub: FakeHub, replicas: list[Engine], works: list[asyncio.Task[None]], chance: random.Random
) -> None:
    for _ in range(120):
        variant_id = chance.randint(1, LISTINGS)
        hub.set_free(variant_id, max(0, hub.free[variant_id] + chance.choice([-1, -1, -1, 4])))
        if chance.random() < 0.03:
            place = chance.randrange(len(replicas))
            works[place].cancel()
            works[place] = asyncio.create_task(replicas[place].supervisor.run())
        await asyncio.sleep(chance.uniform(0, 0.01))


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_after_a_storm_the_marketplace_shows_the_truth(
    engine: Engine, hub: FakeHub, platform: FakePlatform, seed: int
) -> None:
    chance = random.Random(seed)
    platform.max_batch = 4
    await _stock(engine, hub)
    replicas = [engine, Engine(engine.db, hub, {"EBAY": platform}, owner="second")]
    weather = Weather(platform, chance)
    works = [asyncio.create_task(replica.supervisor.run()) for replica in replicas]
    feeds = [asyncio.create_task(replica.feed.run()) for replica in replicas]
    await _sell_and_kill(hub, replicas, works, chance)
    weather.clear()

    def is_true() -> bool:
        shown = {sku: shelf.quantity for sku, shelf in platform.shelves.items()}
        return shown == {f"{number:05}": hub.free[number] for number in range(1, LISTINGS + 1)}

    try:
        await until(is_true, timeout_s=40)
        assert weather.met == [], "no listing was pushed by two at once"
    finally:
        for task in (*works, *feeds):
            task.cancel()
        await asyncio.gather(*works, *feeds, return_exceptions=True)
        await replicas[1].connectors.aclose()


async def test_after_quiet_there_are_no_calls(engine: Engine, hub: FakeHub, platform: FakePlatform) -> None:
    await _stock(engine, hub)
    work = asyncio.create_task(engine.supervisor.run())
    feed = asyncio.create_task(engine.feed.run())
    await until(lambda: len(platform.shelves) == LISTINGS)
    await engine.settled()
    await asyncio.sleep(0.5)
    before = (platform.pushes, platform.reads)
    await asyncio.sleep(1)
    assert (platform.pushes, platform.reads) == before
    work.cancel()
    feed.cancel()
    await asyncio.gather(work, feed, return_exceptions=True)
