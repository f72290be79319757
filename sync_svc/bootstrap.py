"""The only place that builds things: settings to database, connectors, workers, servicer."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from usav.sync.v1 import sync_service_pb2, sync_service_pb2_grpc

from chassis.clients import Clients
from chassis.context import Principal, acting_as
from chassis.database import Database
from chassis.errors import HubError
from chassis.idempotency import Idempotency
from chassis.page_tokens import PageTokens
from chassis.seal import Seal
from chassis.server import Background, Registration, Service
from chassis.trust import follow_trust
from sync_svc.accounts import stored_account
from sync_svc.channels.budgets import pacific_day
from sync_svc.channels.registry import ChannelRegistry, installed_connectors
from sync_svc.connectors import Connectors
from sync_svc.metrics import ChannelGauges
from sync_svc.operations.desk import Desk
from sync_svc.operations.seed_sandbox import seed_sandbox
from sync_svc.operations.take_orders import OrderIntake
from sync_svc.progress import Progress
from sync_svc.recent_channels import RecentChannels
from sync_svc.servicers import SyncServicer
from sync_svc.settings import SyncSettings
from sync_svc.storage.channels import ChannelNotes
from sync_svc.storage.constraints import CONSTRAINTS
from sync_svc.storage.deliveries import OrderTasks
from sync_svc.storage.generations import Generations
from sync_svc.storage.leases import Leases
from sync_svc.storage.quotas import trim_uses
from sync_svc.storage.runs import trim
from sync_svc.storage.shipments import ShipmentLeases
from sync_svc.storage.tables import SCHEMA, stored_answer
from sync_svc.storage.takeover import LeaseIds, take_over
from sync_svc.upstream import CatalogFeed, HubAllocator, HubTruth, StockFeed, VariantSource
from sync_svc.vault import Vault
from sync_svc.workers.auto_listing import ListTools
from sync_svc.workers.drift import DriftTools
from sync_svc.workers.feeds import FeedReader
from sync_svc.workers.imports import ImportTools
from sync_svc.workers.leased import LEASE_S
from sync_svc.workers.lookout import LOOK_BY_ONESELF_S, Lookout
from sync_svc.workers.orders import OrderTools
from sync_svc.workers.polls import PollTools
from sync_svc.workers.push import PushTools
from sync_svc.workers.shipments import ShipTools
from sync_svc.workers.supervisor import Supervisor, WorkTools
from sync_svc.workers.wakeups import WorkAlarms

_ITSELF = Principal(user_id="client:sync-svc", username="sync-svc", role="SYSTEM_BOT")
_SERVICE = sync_service_pb2.DESCRIPTOR.services_by_name["SyncService"]
_TRIM_EVERY_S = 600.0
_USES_KEPT_DAYS = 2
_TAKE_OVER_RETRY_S = 0.5

log = logging.getLogger(__name__)


async def build(settings: SyncSettings, registry: ChannelRegistry | None = None) -> Service:
    """Everything the process runs; `registry` is for tests."""
    db = await Database.open_for(settings, SCHEMA, CONSTRAINTS)
    clients = Clients(settings)
    progress = Progress()
    once = Idempotency(db, stored_answer)
    ids = LeaseIds(_worker_name(settings))
    desk = _desk(settings, db, clients, registry or installed_connectors(), ids)
    servicer = SyncServicer(desk, once, PageTokens(Seal(settings.seal_key)), progress)
    return Service(
        name="sync_svc",
        registrations=[Registration(_SERVICE, sync_service_pb2_grpc.add_SyncServiceServicer_to_server, servicer)],
        db=db,
        migrations="sync_svc.migrations",
        fetch_keys=clients.fetch_keys,
        background=[_as_itself(work) for work in _background(settings, desk, clients, progress, once, ids)],
        closers=[desk.connectors.aclose, clients.close],
        max_calls=settings.max_calls,
        follow_trust=partial(follow_trust, clients),
        readings=ChannelGauges(db, desk.connectors).readings(),
    )


def _desk(settings: SyncSettings, db: Database, clients: Clients, registry: ChannelRegistry, ids: LeaseIds) -> Desk:
    vault = Vault(settings.credential_keys[0], settings.credential_keys[1:])
    return Desk(
        db=db,
        vault=vault,
        connectors=Connectors(registry, vault, partial(stored_account, db, vault, new_lease=ids.new)),
        generations=Generations(gap_s=settings.push_gap_ms / 1000),
        truth=HubTruth(clients),
        tasks=OrderTasks(db, lease_s=LEASE_S),
        intake=OrderIntake(db, HubAllocator(clients)),
        alarms=WorkAlarms(),
        recent=RecentChannels(db),
        public_url=settings.public_url,
    )


def _background(
    settings: SyncSettings, desk: Desk, clients: Clients, progress: Progress, once: Idempotency, ids: LeaseIds
) -> list[Background]:
    works: list[Background] = [partial(_keep_trim, desk.db, once)]
    if settings.sandbox_url:
        works.append(partial(seed_sandbox, desk, settings.sandbox_url))
    if settings.workers:
        fold_s = settings.fold_ms / 1000
        workers: list[Background] = []
        for name, source in (("stock", StockFeed(clients)), ("catalog", CatalogFeed(clients))):
            reader = FeedReader(
                desk.db,
                source,
                name,
                desk.generations,
                desk.alarms.pushes,
                bundles=HubTruth(clients),
                fold_s=fold_s,
                new_lease=ids.new,
            )
            workers.append(reader.run)
        workers.append(
            Supervisor(desk.db, desk.connectors, _work_tools(settings, desk, progress, HubTruth(clients), ids)).run
        )
        workers.append(Lookout(desk.db, desk.alarms, every_s=settings.backstop_s).run)
        works += _after_take_over(desk.db, ids, workers)
    return works


def _after_take_over(db: Database, ids: LeaseIds, works: Sequence[Background]) -> list[Background]:
    """The works, which begin when what a former process of this address held is free."""
    is_free = asyncio.Event()

    async def free() -> None:
        while not is_free.is_set():
            try:
                count = await db.run(lambda conn: take_over(conn, ids))
            except HubError as error:
                log.info("waiting to take over from a former process: %s", error.message)
                await asyncio.sleep(_TAKE_OVER_RETRY_S)
                continue
            if count:
                log.info("a former process of this address has left %d leases", count)
            is_free.set()

    async def begin(work: Background) -> None:
        await is_free.wait()
        await work()

    return [free, *(partial(begin, work) for work in works)]


def _work_tools(
    settings: SyncSettings, desk: Desk, progress: Progress, variants: VariantSource, ids: LeaseIds
) -> WorkTools:
    notes = ChannelNotes(desk.db)
    leases = Leases(desk.db, owner=ids.owner, lease_s=settings.lease_s, gap_s=settings.push_gap_ms / 1000)
    return WorkTools(
        push=PushTools(
            *(leases, desk.truth, notes, progress, settings.push_timeout_s, LOOK_BY_ONESELF_S, ids.new),
            rush=desk.alarms.rush,
        ),
        orders=OrderTools(desk.tasks, desk.intake, notes, progress, LOOK_BY_ONESELF_S, ids.new),
        polls=PollTools(desk.db, notes, LOOK_BY_ONESELF_S, ids.new),
        lists=ListTools(desk.db, variants, desk.alarms.pushes, LOOK_BY_ONESELF_S),
        imports=ImportTools(desk.db, variants, notes, desk.alarms.pushes, LOOK_BY_ONESELF_S),
        ships=ShipTools(ShipmentLeases(desk.db, lease_s=LEASE_S), notes, LOOK_BY_ONESELF_S, new_lease=ids.new),
        drift=DriftTools(desk.db, desk.truth, notes, desk.alarms, LOOK_BY_ONESELF_S, new_lease=ids.new),
        alarms=desk.alarms,
    )


def _worker_name(settings: SyncSettings) -> str:
    """The same after a restart at a fixed port; one of its own where the system chooses the port."""
    place = f"{settings.bind}:{settings.port}" if settings.port else f"process {os.getpid()}"
    return f"{socket.gethostname()} {place}"


def _as_itself(work: Callable[[], Awaitable[None]]) -> Background:
    async def run() -> None:
        with acting_as(_ITSELF, "worker"):
            await work()

    return run


async def _keep_trim(db: Database, once: Idempotency) -> None:
    while True:
        await asyncio.sleep(_TRIM_EVERY_S)
        await trim(db)
        await once.trim()
        await trim_uses(db, pacific_day() - _USES_KEPT_DAYS)
