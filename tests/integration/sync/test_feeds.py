"""The feed reader: tokens move with the work they stand for."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

from sqlalchemy import select

from sync_svc.domain.listing import Urgency
from sync_svc.storage.feeds import FeedPosition
from sync_svc.storage.generations import Generations, Wakes
from sync_svc.storage.tables import feed_position
from tests.factories.sync.engine import Engine, running, until
from tests.factories.sync.upstream import FakeHub


async def _token(engine: Engine) -> str:
    async with engine.db.read.connect() as conn:
        found = await conn.execute(select(feed_position.c.resume_token).where(feed_position.c.feed == "stock"))
        return found.scalar_one_or_none() or ""


async def _generation(engine: Engine, listing_id: int) -> int:
    return int((await engine.row(listing_id)).desired_generation)


async def _reads_to(engine: Engine, token: str) -> None:
    async def is_there() -> bool:
        return await _token(engine) == token

    async with running(engine.feed.run):
        await until(is_there)


async def test_token_is_stored_with_the_work(engine: Engine, hub: FakeHub) -> None:
    hub.add(1, "00845", 5)
    channel = await engine.add_channel()
    listing_id = await engine.add_listing(channel, 1, "00845")
    await _reads_to(engine, "token-0")
    before = await _generation(engine, listing_id)
    hub.sell(1)
    await _reads_to(engine, "token-1")
    assert await _generation(engine, listing_id) == before + 1


async def test_failed_store_moves_neither_token_nor_work(engine: Engine, hub: FakeHub) -> None:
    hub.add(1, "00845", 5)
    channel = await engine.add_channel()
    listing_id = await engine.add_listing(channel, 1, "00845")
    await _reads_to(engine, "token-0")
    before = await _generation(engine, listing_id)

    class Broken(Generations):
        async def raise_variants(self, *args: object, **kwargs: object) -> Wakes:
            await super().raise_variants(*args, **kwargs)  # type: ignore[arg-type]  # handed through
            raise ConnectionResetError

    engine.feed._generations = Broken(gap_s=engine.gap_s)
    hub.sell(1)
    task = asyncio.create_task(engine.feed.run())
    await asyncio.sleep(0.3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await _token(engine), await _generation(engine, listing_id)) == ("token-0", before)
    engine.feed._generations = engine.generations
    await _reads_to(engine, "token-1")
    assert await _generation(engine, listing_id) == before + 1


async def test_changes_of_a_moment_are_folded_into_one_generation(engine: Engine, hub: FakeHub) -> None:
    hub.add(1, "00845", 20)
    channel = await engine.add_channel()
    listing_id = await engine.add_listing(channel, 1, "00845")
    await _reads_to(engine, "token-0")
    before = await _generation(engine, listing_id)
    for _ in range(10):
        hub.sell(1)
    await _reads_to(engine, "token-10")
    assert await _generation(engine, listing_id) == before + 1


async def test_a_message_that_breaks_off_in_the_middle_is_stored_behind_the_token_before_it(
    engine: Engine, hub: FakeHub
) -> None:
    """A message with many changes has one token, behind the last of them."""
    hub.add(1, "00845", 5)
    listing_id = await engine.add_listing(await engine.add_channel(), 1, "00845")
    await _reads_to(engine, "token-0")
    before = await _generation(engine, listing_id)
    hub.sell(1)
    whole, hub.events[0] = hub.events[0], replace(hub.events[0], resume_token="")

    async def is_raised() -> bool:
        return await _generation(engine, listing_id) == before + 1

    async with running(engine.feed.run):
        await until(is_raised)
    assert await _token(engine) == "token-0"
    hub.events[0] = whole
    await _reads_to(engine, "token-1")
    assert await _generation(engine, listing_id) == before + 2


async def test_expired_token_plans_everything_anew(engine: Engine, hub: FakeHub) -> None:
    hub.add(1, "00845", 5)
    channel = await engine.add_channel()
    listing_id = await engine.add_listing(channel, 1, "00845")
    await _reads_to(engine, "token-0")
    for _ in range(3):
        hub.sell(1)
    hub.trimmed_before = 2
    before = await _generation(engine, listing_id)
    await _reads_to(engine, "token-3")
    assert await _generation(engine, listing_id) == before + 1


async def test_first_start_plans_everything_once(engine: Engine, hub: FakeHub) -> None:
    hub.add(1, "00845", 5)
    channel = await engine.add_channel()
    listing_id = await engine.add_listing(channel, 1, "00845")
    await _reads_to(engine, "token-0")
    assert await _generation(engine, listing_id) == 2


async def test_one_of_two_readers_reads(engine: Engine, hub: FakeHub) -> None:
    first = FeedPosition(engine.db, "stock", uuid4(), lease_s=30)
    second = FeedPosition(engine.db, "stock", uuid4(), lease_s=30)
    assert await first.claim() == ""
    assert await second.claim() is None
    await first.leave()
    assert await second.claim() == ""


async def test_ended_listing_is_left_alone(engine: Engine, hub: FakeHub) -> None:
    hub.add(1, "00845", 5)
    channel = await engine.add_channel()
    listing_id = await engine.add_listing(channel, 1, "00845", intent="ENDED", synced_generation=1)
    async with engine.db.transaction() as conn:
        assert await engine.generations.raise_variants(conn, [1], Urgency.STOCK) == {}
    assert await _generation(engine, listing_id) == 1


async def test_bundles_are_planned_anew_with_what_they_are_built_on(engine: Engine, hub: FakeHub) -> None:
    hub.add(1, "00845", 5)
    hub.add(2, "00900-B", 5)
    hub.built_on[2] = {1}
    channel = await engine.add_channel()
    listing_id = await engine.add_listing(channel, 2, "00900-B")
    await _reads_to(engine, "token-0")
    before = await _generation(engine, listing_id)
    hub.sell(1)
    await _reads_to(engine, "token-1")
    assert await _generation(engine, listing_id) == before + 1
    hub.change_recipe(2)
    await _reads_to(engine, "token-2")
    assert await _generation(engine, listing_id) == before + 2
