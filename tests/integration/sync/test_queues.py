"""A platform's queue: its messages are settled once what they point at is kept, and not before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select

from chassis.database import Database
from sync_svc.channels.base import ChannelError, Hint, HintKind, Outcome, QueuedHints
from sync_svc.channels.registry import ChannelRegistry
from sync_svc.connectors import Connectors
from sync_svc.storage.order_tables import order_task
from sync_svc.workers.queues import QueueReader
from sync_svc.workers.supervisor import Supervisor
from sync_svc.workers.wakeups import Alarm
from tests.factories.sync.engine import Engine, until
from tests.factories.sync.platform import FakeChannel, FakePlatform
from tests.factories.sync.upstream import FakeHub


@dataclass
class FakeQueue:
    """Messages that come again until they are settled; first as many failures as are asked for."""

    waiting: list[Hint] = field(default_factory=list)
    failures: int = 0
    failed_settlements: int = 0
    looks: int = 0
    settled: list[str] = field(default_factory=list)
    has_queue: bool = True

    async def receive_hints(self) -> QueuedHints:
        self.looks += 1
        await asyncio.sleep(0.01)
        if self.failures:
            self.failures -= 1
            raise ChannelError(Outcome.RETRY, "busy")
        left = [hint for hint in self.waiting if hint.event_id not in self.settled]
        return QueuedHints(left, [hint.event_id for hint in left])

    async def settle_hints(self, queued: QueuedHints) -> None:
        if self.failed_settlements:
            self.failed_settlements -= 1
            raise ChannelError(Outcome.RETRY, "busy")
        self.settled += queued.receipts


def hints(*order_ids: str) -> list[Hint]:
    return [Hint(f"n-{order_id}", HintKind.ORDER, order_id) for order_id in order_ids]


async def tasks(db: Database) -> Sequence[str]:
    async with db.read.connect() as conn:
        rows = await conn.execute(select(order_task.c.external_order_id).order_by(order_task.c.external_order_id))
        return [row[0] for row in rows]


async def generations(db: Database) -> int:
    async with db.read.connect() as conn:
        return int((await conn.execute(select(func.sum(order_task.c.generation)))).scalar_one())


async def read_until_settled(engine: Engine, queue: FakeQueue) -> Alarm:
    alarm = Alarm()
    channel = await engine.add_channel()
    reader = asyncio.create_task(QueueReader(channel, queue, engine.db, alarm).run())

    async def is_settled() -> bool:
        return len(set(queue.settled)) == len(queue.waiting)

    try:
        await until(is_settled)
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
    return alarm


async def test_messages_become_order_tasks_and_are_settled(engine: Engine) -> None:
    queue = FakeQueue([*hints("A-1", "A-2"), Hint("n-x", HintKind.IGNORED)])
    await read_until_settled(engine, queue)
    assert await tasks(engine.db) == ["A-1", "A-2"]


async def test_queue_that_fails_is_read_again(engine: Engine) -> None:
    queue = FakeQueue(hints("A-1"), failures=1)
    await read_until_settled(engine, queue)
    assert await tasks(engine.db) == ["A-1"]


async def test_message_that_comes_again_counts_once(engine: Engine) -> None:
    queue = FakeQueue(hints("A-1"), failed_settlements=1)
    await read_until_settled(engine, queue)
    assert queue.looks >= 2
    assert await generations(engine.db) == 1


class QueueChannel(FakeChannel):
    """A connector with a queue beside its other calls."""

    queue: FakeQueue

    @property
    def has_queue(self) -> bool:
        return self.queue.has_queue

    async def receive_hints(self) -> QueuedHints:
        return await self.queue.receive_hints()

    async def settle_hints(self, queued: QueuedHints) -> None:
        await self.queue.settle_hints(queued)


async def test_sale_told_by_the_queue_is_taken_in_by_the_workers(
    engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    hub.add(1, "00845", 3)
    connector = QueueChannel(platform)
    connector.queue = FakeQueue()
    engine.connectors = Connectors(ChannelRegistry({"EBAY": lambda account: connector}), engine.vault)
    supervisor = Supervisor(engine.db, engine.connectors, engine.supervisor._tools)
    channel = await engine.add_channel()
    await engine.add_listing(channel, 1, "00845", "SHOP-1")
    running = asyncio.create_task(supervisor.run())

    async def is_shown() -> bool:
        return "SHOP-1" in platform.shelves

    async def is_taken() -> bool:
        return platform.order_reads > 0 and not await tasks(engine.db)

    try:
        await until(is_shown)
        connector.queue.waiting = hints(platform.buy("SHOP-1"))
        await until(is_taken)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert connector.queue.settled
