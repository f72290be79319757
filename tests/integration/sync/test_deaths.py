"""A process that dies at any step of a push leaves no wrong number, no second offer and no doubled document, also when it was
only frozen and goes on after another has taken its work over.

All four platforms die side by side, each through every step of making, changing and ending a listing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count

import pytest
from sqlalchemy import text

from chassis.database import Database
from sync_svc.channels.ebay import revisions
from sync_svc.domain.channel import Channel
from sync_svc.domain.listing import Urgency
from sync_svc.workers import errands
from tests.factories.sync.deaths import Death, DyingProcess, mark_calls
from tests.factories.sync.engine import Engine, running, until
from tests.factories.sync.sandboxed import ACCOUNTS, add_channel, replica
from tests.factories.sync.shop import EASED_OPTIONS, Shop, open_shop

LEASE_S = 0.15
BEFORE, AFTER = 3, 2
_NUMBERS = count(1)


@pytest.fixture(autouse=True)
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    mark_calls(monkeypatch)
    monkeypatch.setattr(errands, "_LAST_MOMENT_S", 0.0)
    monkeypatch.setattr(revisions, "_BUSY_DELAYS_S", (0.01, 0.01, 0.01))


@pytest.fixture
async def shop(db: Database) -> AsyncIterator[Shop]:
    async with open_shop(db, replicas=1) as opened:
        yield opened


@dataclass
class Scene:
    """One listing of one platform, and the processes that push it."""

    shop: Shop
    channel: Channel
    dying: Engine
    heir: Engine
    variant_id: int = 0
    listing_id: int = 0
    numbers: set[int] = field(default_factory=set)

    @property
    def sku(self) -> str:
        return f"{self.variant_id:05}"

    async def begin(self, *, known: bool) -> None:
        """A fresh listing, on its platform already when `known`."""
        self.variant_id = next(_NUMBERS)
        self.shop.hub.add(self.variant_id, self.sku, 5 if known else BEFORE, "49.99")
        self.listing_id = await self.heir.add_listing(self.channel, self.variant_id, self.sku)
        if known:
            await self.finish()
            self.shop.hub.free[self.variant_id] = BEFORE
            await self.raise_it()
        self.numbers = {5, BEFORE} if known else {BEFORE}

    async def raise_it(self) -> None:
        async with self.heir.db.transaction() as conn:
            await self.heir.generations.raise_variants(conn, [self.variant_id], Urgency.STOCK_FELL)

    async def change(self) -> None:
        """What is true changes while nobody works."""
        self.shop.hub.free[self.variant_id] = AFTER
        self.numbers.add(AFTER)
        await self.raise_it()

    async def end_it(self) -> None:
        """The listing is to be taken off."""
        statement = text("UPDATE sync.listing SET deleted_at = now() WHERE id = :id")
        async with self.heir.db.transaction() as conn:
            await conn.execute(statement, {"id": self.listing_id})
            await self.heir.generations.raise_listings(conn, [self.listing_id], content=True)

    async def finish(self) -> None:
        """Another process brings everything to its end."""
        worker = self.heir.push_worker(self.channel)
        async with running(worker.run):
            await until(self._is_synced, timeout_s=20)

    async def _is_synced(self) -> bool:
        self.heir.alarms.pushes.of(self.channel.id).ring_in(0)
        return bool((await self.heir.row(self.listing_id)).status == "SYNCED")

    def shown(self) -> int | None:
        """What buyers see."""
        found = self.shop.sandbox.shelves.get(self.channel.platform, self.channel.account, self.sku)
        return found.quantity if found is not None and found.status != "ENDED" else None

    async def ever_shown(self, cursor: int) -> set[int]:
        """Every quantity that a call has left behind."""
        query = {"platform": self.channel.platform, "sku": self.sku, "sets_quantity": "true"}
        calls = await self.shop.box.calls_since(cursor, **query)
        return {call["quantities"][self.sku] for call in calls if self.sku in call["quantities"]}


async def _scenes(shop: Shop) -> list[Scene]:
    made = []
    for platform, account in ACCOUNTS:
        options = EASED_OPTIONS.get(platform)
        channel = await add_channel(shop.engine, shop.box, platform, account, options=options)
        dying, heir = (replica(shop.engine.db, shop.hub, owner=owner) for owner in ("dying", "heir"))
        made.append(Scene(shop, channel, dying, heir))
    return made


async def _close(scenes: list[Scene]) -> None:
    for scene in scenes:
        await scene.dying.connectors.aclose()
        await scene.heir.connectors.aclose()


async def _each_step(scene: Scene, *, known: bool, ends: bool, wakes: bool) -> int:
    """Die at the first step, at the second, and so on until a push comes to its end; answers how many steps there were."""
    for place in count():
        cursor = await scene.shop.box.cursor()
        await scene.begin(known=known)
        if ends:
            await scene.end_it()
        death = Death(at=place)
        async with DyingProcess(scene.dying, scene.channel, death, lease_s=LEASE_S):
            came = asyncio.ensure_future(death.came.wait())
            done = asyncio.ensure_future(until(scene._is_synced, timeout_s=20))
            await asyncio.wait([came, done], return_when=asyncio.FIRST_COMPLETED)
            is_dead = death.came.is_set()
            done.cancel()
            came.cancel()
            await asyncio.gather(came, done, return_exceptions=True)
            if not is_dead:
                return place
            step = death.steps[-1]
            if not ends:
                await scene.change()
            await scene.finish()
            if wakes:
                death.woken.set()
                await until(death.is_at_its_end, timeout_s=20)
                await scene.finish()
        said = f"{scene.channel.platform}, {'frozen' if wakes else 'dead'} {step}"
        assert scene.shown() in ((None, 0) if ends else (AFTER,)), said
        if not wakes:
            assert await scene.ever_shown(cursor) <= scene.numbers | {0}, said
        assert scene.shop.doubled_listings() == [], said
    raise AssertionError("count() does not end")


@pytest.mark.parametrize("wakes", [False, True], ids=["dead", "frozen"])
@pytest.mark.parametrize(("known", "ends"), [(False, False), (True, False), (True, True)], ids=["new", "change", "end"])
async def test_death_at_any_step_leaves_nothing_wrong(shop: Shop, known: bool, ends: bool, wakes: bool) -> None:
    scenes = await _scenes(shop)
    try:
        steps = await asyncio.gather(*(_each_step(scene, known=known, ends=ends, wakes=wakes) for scene in scenes))
    finally:
        await _close(scenes)
    assert min(steps) >= 5, f"a push has more steps than that: {steps}"
