"""The sync engine on a real database, with a marketplace and a hub in memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import func, insert, select

from chassis.database import Database
from sync_svc.accounts import stored_account
from sync_svc.channels.base import ChannelAccount
from sync_svc.channels.registry import ChannelRegistry
from sync_svc.connectors import Connectors
from sync_svc.domain.channel import Channel
from sync_svc.operations.desk import Desk
from sync_svc.operations.take_orders import OrderIntake
from sync_svc.progress import Progress
from sync_svc.recent_channels import RecentChannels
from sync_svc.storage.channels import ChannelNotes, get_channel
from sync_svc.storage.deliveries import OrderTasks
from sync_svc.storage.generations import Generations
from sync_svc.storage.leases import Leases
from sync_svc.storage.shipments import ShipmentLeases
from sync_svc.storage.tables import channel, listing
from sync_svc.vault import Vault
from sync_svc.workers.auto_listing import ListTools
from sync_svc.workers.drift import DriftTools
from sync_svc.workers.feeds import FeedReader
from sync_svc.workers.imports import ImportTools, ListingImporter
from sync_svc.workers.leased import LEASE_S
from sync_svc.workers.orders import OrderTools, OrderWorker
from sync_svc.workers.polls import PollTools
from sync_svc.workers.push import PushTools, PushWorker
from sync_svc.workers.shipments import ShipmentWorker, ShipTools
from sync_svc.workers.supervisor import Supervisor, WorkTools
from sync_svc.workers.wakeups import WorkAlarms
from tests.factories.sync.platform import FakeChannel, FakePlatform
from tests.factories.sync.upstream import FakeHub

KEY = b"k" * 32
GAP_S = 0.05


@dataclass
class Engine:
    """Everything a sync process has, minus its server. Several of these on one database are several replicas."""

    db: Database
    hub: FakeHub
    platforms: dict[str, FakePlatform]
    lease_s: float = 30.0
    push_timeout_s: float = 20.0
    gap_s: float = GAP_S
    order_lease_s: float = LEASE_S
    owner: str = "test"
    public_url: str = "https://hub.example"
    alarms: WorkAlarms = field(default_factory=WorkAlarms)
    progress: Progress = field(default_factory=Progress)
    registry: ChannelRegistry | None = None
    """Real connectors instead of those of the platforms in memory."""

    def __post_init__(self) -> None:
        self.vault = Vault(KEY)
        factories = {name: self._factory(name) for name in self.platforms}
        self.connectors = Connectors(
            self.registry or ChannelRegistry(factories), self.vault, partial(stored_account, self.db, self.vault)
        )
        self.leases = Leases(self.db, owner=self.owner, lease_s=self.lease_s, gap_s=self.gap_s)
        self.notes = ChannelNotes(self.db)
        self.generations = Generations(gap_s=self.gap_s)
        self.intake = OrderIntake(self.db, self.hub)
        self.tasks = OrderTasks(self.db, lease_s=self.order_lease_s)
        self.push_tools = PushTools(
            *(self.leases, self.hub, self.notes, self.progress, self.push_timeout_s, 0.2), rush=self.alarms.rush
        )
        self.order_tools = OrderTools(self.tasks, self.intake, self.notes, self.progress, 0.2)
        drift_tools = DriftTools(self.db, self.hub, self.notes, self.alarms, 0.2, confirm_s=0.3)
        polls = PollTools(self.db, self.notes, 0.2)
        self.ship_tools = ShipTools(ShipmentLeases(self.db, lease_s=LEASE_S), self.notes, 0.2, settle_s=0.1)
        self.list_tools = ListTools(self.db, self.hub, self.alarms.pushes, 40.0)
        self.import_tools = ImportTools(self.db, self.hub, self.notes, self.alarms.pushes, backstop_s=0.2)
        tools = WorkTools(
            push=self.push_tools,
            orders=self.order_tools,
            polls=polls,
            ships=self.ship_tools,
            lists=self.list_tools,
            imports=self.import_tools,
            drift=drift_tools,
            alarms=self.alarms,
        )
        self.desk = Desk(
            db=self.db,
            vault=self.vault,
            connectors=self.connectors,
            generations=self.generations,
            truth=self.hub,
            tasks=self.tasks,
            intake=self.intake,
            alarms=self.alarms,
            recent=RecentChannels(self.db),
            public_url=self.public_url,
        )
        self.supervisor = Supervisor(self.db, self.connectors, tools)
        self.feed = FeedReader(
            self.db, self.hub, "stock", self.generations, self.alarms.pushes, bundles=self.hub, fold_s=0.02
        )

    def _factory(self, name: str) -> Callable[[ChannelAccount], FakeChannel]:
        return lambda account: FakeChannel(self.platforms[name], account)

    def push_worker(self, one: Channel) -> PushWorker:
        """A push worker of its own, beside whatever the supervisor runs."""
        connector = self.connectors.of(one) if self.registry else FakeChannel(self.platforms[one.platform])
        return PushWorker(one, connector, self.push_tools, self.alarms.pushes.of(one.id))

    def order_worker(self, one: Channel) -> OrderWorker:
        """An order worker of its own."""
        connector = FakeChannel(self.platforms[one.platform])
        return OrderWorker(one, connector, self.order_tools, self.alarms.orders.of(one.id))

    def shipment_worker(self, one: Channel) -> ShipmentWorker:
        """A shipment worker of its own."""
        connector = FakeChannel(self.platforms[one.platform])
        return ShipmentWorker(one, connector, self.ship_tools, self.alarms.shipments.of(one.id))

    def importer(self, one: Channel) -> ListingImporter:
        """An importer of its own."""
        connector = FakeChannel(self.platforms[one.platform])
        return ListingImporter(one, connector, self.import_tools, self.alarms.imports.of(one.id))

    async def add_channel(self, platform: str = "EBAY", account: str = "MEKONG", **values: Any) -> Channel:
        """An active channel with credentials."""
        sealed = self.vault.seal({"token": "t"}, platform=platform, account=account, use="credentials")
        made: dict[str, Any] = {
            "platform": platform,
            "account": account,
            "state": "ACTIVE",
            "sealed_credentials": sealed,
            "credential_names": ["token"],
            "poll_interval_s": 5,
            **values,
        }
        async with self.db.transaction() as conn:
            made.setdefault("activated_at", (await conn.execute(select(func.now()))).scalar_one())
            channel_id = (await conn.execute(insert(channel).values(**made).returning(channel.c.id))).scalar_one()
        return await get_channel(self.db, channel_id)

    async def add_listing(self, one: Channel, variant_id: int, sku: str, platform_sku: str = "", **values: Any) -> int:
        """A listing that was never pushed."""
        row = {
            "channel_id": one.id,
            "variant_id": variant_id,
            "sku": sku,
            "platform_sku": platform_sku or sku,
            **values,
        }
        async with self.db.transaction() as conn:
            return int((await conn.execute(insert(listing).values(**row).returning(listing.c.id))).scalar_one())

    async def row(self, listing_id: int) -> Any:
        """A listing as it is stored."""
        async with self.db.read.connect() as conn:
            return (await conn.execute(select(listing).where(listing.c.id == listing_id))).one()

    async def settled(self) -> None:
        """Wait until no listing waits for anything."""
        await until(self._is_settled)

    async def _is_settled(self) -> bool:
        async with self.db.read.connect() as conn:
            open_ = select(listing.c.id).where(listing.c.status.in_(["PENDING", "DIRTY"]))
            return (await conn.execute(open_)).first() is None


async def until(condition: Callable[[], Any], timeout_s: float = 10.0) -> None:
    """Wait for a condition, plain or awaited. Raises TimeoutError."""
    deadline = time.monotonic() + timeout_s
    while True:
        met = condition()
        if isinstance(met, Awaitable):
            met = await met
        if met:
            return
        if time.monotonic() > deadline:
            raise TimeoutError("the condition was not met in time")
        await asyncio.sleep(0.01)


class running:
    """Runs workers for as long as the block."""

    def __init__(self, *works: Callable[[], Awaitable[None]]) -> None:
        self._works = works
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> list[asyncio.Task[None]]:
        self.tasks = [asyncio.ensure_future(work()) for work in self._works]
        return self.tasks

    async def __aexit__(self, *_: object) -> None:
        for task in self.tasks:
            task.cancel()
        for task in self.tasks:
            with suppress(asyncio.CancelledError):
                await task
