"""Turns the change feeds of inventory and catalog into queued work.

Changes are gathered for a moment and stored in one transaction: the raised generations and the token behind them. A crash
before it loses nothing (the feed is read again from the old token), a crash after it repeats nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.errors import HubError, Unavailable
from sync_svc.domain.listing import Urgency
from sync_svc.storage.feeds import FeedLost, FeedPosition
from sync_svc.storage.generations import Generations, Wakes
from sync_svc.storage.listings import auto_list
from sync_svc.storage.unmatched import match_variants
from sync_svc.upstream import BundleSource, FeedEvent, FeedSource
from sync_svc.workers.wakeups import Alarms

log = logging.getLogger(__name__)

LEASE_S = 15.0
_RENEW_S = 5.0
_RETRY_S = 0.5
_MOST_GATHERED = 500
_TOKEN_EXPIRED = "RESUME_TOKEN_EXPIRED"


@dataclass(slots=True)
class Gathered:
    """Changes that go into one transaction, folded: a variant counts once, however often it changed."""

    resume_token: str = ""
    stock: dict[int, Urgency] = field(default_factory=dict)
    content: dict[int, Urgency] = field(default_factory=dict)
    listable: dict[int, str] = field(default_factory=dict)
    """Variants of the catalog that are there, with their SKUs."""
    recipes_of: set[str] = field(default_factory=set)
    """Bundles whose recipes changed, by UPIS-H."""

    def add(self, event: FeedEvent) -> None:
        """Fold one event in."""
        self.resume_token = event.resume_token or self.resume_token
        if event.recipe_of:
            self.recipes_of.add(event.recipe_of)
        if event.variant_id is None:
            return
        folded = self.content if event.content else self.stock
        folded[event.variant_id] = min(event.urgency, folded.get(event.variant_id, event.urgency))
        if event.sku:
            self.listable[event.variant_id] = event.sku
        elif event.content:
            self.listable.pop(event.variant_id, None)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing but a token."""
        return not (self.stock or self.content or self.recipes_of)

    def add_bundles(self, variant_ids: Iterable[int]) -> None:
        """The units of these bundles changed with what they are built on, and as urgently."""
        urgency = min((*self.stock.values(), *self.content.values(), *(Urgency.STOCK_FELL for _ in self.recipes_of)))
        for variant_id in variant_ids:
            self.stock[variant_id] = min(urgency, self.stock.get(variant_id, urgency))


class FeedReader:
    """Reads one feed for as long as the service lives; of several replicas one reads, the others stand by."""

    def __init__(
        self,
        db: Database,
        source: FeedSource,
        feed: str,
        generations: Generations,
        alarms: Alarms,
        *,
        bundles: BundleSource,
        fold_s: float,
        new_lease: Callable[[], UUID] = uuid4,
    ) -> None:
        self._db = db
        self._source = source
        self._feed = feed
        self._generations = generations
        self._alarms = alarms
        self._bundles = bundles
        self._fold_s = fold_s
        self._position = FeedPosition(db, feed, new_lease(), lease_s=LEASE_S)

    async def run(self) -> None:
        """Read until cancelled. Errors are logged, and the feed is taken up again from the stored token."""
        try:
            while True:
                try:
                    await self._read_once()
                except HubError as error:
                    log.warning("feed %s stopped: %s", self._feed, error.message)
                await asyncio.sleep(_RETRY_S)
        finally:
            with contextlib.suppress(HubError):
                await self._position.leave()

    async def _read_once(self) -> None:
        token = await self._position.claim()
        if token is None:
            await asyncio.sleep(_RENEW_S)
            return
        try:
            await self._follow(token)
        except FeedLost:
            log.info("feed %s is read by another replica now", self._feed)
        except HubError as error:
            if error.reason != _TOKEN_EXPIRED:
                raise
            await self._resynchronize()

    async def _follow(self, token: str) -> None:
        """Gather what comes within the folding time, store it, and so on; a first start queues everything once."""
        is_first = token == ""
        async with contextlib.aclosing(_batches(self._source.follow(token), self._fold_s)) as batches:
            async for gathered in batches:
                if is_first:
                    is_first = False
                    await self._store_all(gathered.resume_token)
                await self._store(gathered)

    async def _store(self, gathered: Gathered) -> None:
        if not gathered.is_empty:
            # Before the transaction: when the catalog does not answer, the feed is read again from the old token.
            changed = sorted({*gathered.stock, *gathered.content})
            gathered.add_bundles(await self._bundles.bundles_on(changed, sorted(gathered.recipes_of)))
        self._alarms.ring(await self._db.run(lambda conn: self._queue(conn, gathered)))

    async def _queue(self, conn: AsyncConnection, gathered: Gathered) -> Wakes:
        wakes: Wakes = await self._list(conn, gathered.listable) if gathered.listable else {}
        for content, folded in ((False, gathered.stock), (True, gathered.content)):
            for urgency in Urgency:
                variant_ids = [variant_id for variant_id, wanted in folded.items() if wanted == urgency]
                if variant_ids:
                    raised = await self._generations.raise_variants(conn, variant_ids, urgency, content=content)
                    _merge(wakes, raised)
        await self._position.move(conn, gathered.resume_token)
        return wakes

    async def _list(self, conn: AsyncConnection, skus: Mapping[int, str]) -> Wakes:
        """Listings of what the catalog tells of: those found on platforms before, and those that channels make by themselves."""
        matched = await match_variants(conn, skus)
        return dict.fromkeys([*(one.channel_id for one in matched), *await auto_list(conn, skus)], 0.0)

    async def _resynchronize(self) -> None:
        """The token is too old: what was missed cannot be told, so everything is queued and the feed begins from now."""
        log.warning("feed %s lost its place; every listing is planned anew", self._feed)
        async with contextlib.aclosing(_batches(self._source.follow(""), self._fold_s)) as batches:
            async for gathered in batches:
                await self._store_all(gathered.resume_token)
                return

    async def _store_all(self, resume_token: str) -> None:
        async def work(conn: AsyncConnection) -> Wakes:
            wakes = await self._generations.raise_all(conn)
            await self._position.move(conn, resume_token)
            return wakes

        self._alarms.ring(await self._db.run(work))


def _merge(wakes: Wakes, more: Wakes) -> None:
    for channel_id, seconds in more.items():
        wakes[channel_id] = min(seconds, wakes.get(channel_id, seconds))


async def _batches(events: AsyncIterator[FeedEvent], fold_s: float) -> AsyncGenerator[Gathered, None]:
    """Fold the events of each folding time, which begins with the first of them; a lone checkpoint goes through at once,
    and many changes that concern no listing go through together."""
    queue: asyncio.Queue[FeedEvent | Exception] = asyncio.Queue(_MOST_GATHERED)
    # Changes from the middle of a message are stored behind the last token there was: after a crash they come again.
    token = ""
    reader = asyncio.create_task(_pump(events, queue))
    try:
        while True:
            gathered = await _gather(queue, fold_s, token)
            token = gathered.resume_token
            yield gathered
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _pump(events: AsyncIterator[FeedEvent], queue: asyncio.Queue[FeedEvent | Exception]) -> None:
    try:
        async for event in events:
            await queue.put(event)
    except Exception as error:
        await queue.put(error)
    else:
        await queue.put(Unavailable("The feed ended."))


async def _gather(queue: asyncio.Queue[FeedEvent | Exception], fold_s: float, token: str) -> Gathered:
    gathered = Gathered(token)
    _take(gathered, await queue.get())
    if gathered.is_empty and queue.empty():
        return gathered
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(fold_s):
            for _ in range(_MOST_GATHERED):
                _take(gathered, await queue.get())
    return gathered


def _take(gathered: Gathered, event: FeedEvent | Exception) -> None:
    if isinstance(event, Exception):
        raise event
    gathered.add(event)
