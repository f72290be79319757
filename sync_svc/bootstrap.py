"""The only place that builds things: settings to database, connectors, workers, servicer."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from functools import partial

from usav.sync.v1 import sync_service_pb2, sync_service_pb2_grpc

from chassis.clients import Clients
from chassis.context import Principal, acting_as
from chassis.database import Database
from chassis.idempotency import Idempotency
from chassis.page_tokens import PageTokens
from chassis.seal import Seal
from chassis.server import Background, Registration, Service
from chassis.trust import follow_trust
from sync_svc.channels.registry import ChannelRegistry, installed_connectors
from sync_svc.connectors import Connectors
from sync_svc.metrics import ChannelGauges
from sync_svc.operations.desk import Desk
from sync_svc.operations.seed_sandbox import seed_sandbox
from sync_svc.operations.take_orders import OrderIntake
from sync_svc.progress import Progress
from sync_svc.servicers import SyncServicer
from sync_svc.settings import SyncSettings
from sync_svc.storage.channels import ChannelNotes
from sync_svc.storage.constraints import CONSTRAINTS
from sync_svc.storage.deliveries import OrderTasks
from sync_svc.storage.generations import Generations
from sync_svc.storage.leases import Leases
from sync_svc.storage.runs import trim
from sync_svc.storage.shipments import ShipmentLeases
from sync_svc.storage.tables import SCHEMA, stored_answer
from sync_svc.upstream import CatalogFeed, HubAllocator, HubTruth, StockFeed, VariantSource
from sync_svc.vault import Vault
from sync_svc.workers import orders, shipments
from sync_svc.workers.auto_listing import ListTools
from sync_svc.workers.drift import DriftTools
from sync_svc.workers.feeds import FeedReader
from sync_svc.workers.orders import OrderTools
from sync_svc.workers.polls import PollTools
from sync_svc.workers.push import PushTools
from sync_svc.workers.shipments import ShipTools
from sync_svc.workers.supervisor import Supervisor, WorkTools
from sync_svc.workers.wakeups import WorkAlarms

_ITSELF = Principal(user_id="client:sync-svc", username="sync-svc", role="SYSTEM_BOT")
_SERVICE = sync_service_pb2.DESCRIPTOR.services_by_name["SyncService"]
_TRIM_EVERY_S = 600.0


async def build(settings: SyncSettings, registry: ChannelRegistry | None = None) -> Service:
    """Everything the process runs; `registry` is for tests."""
    db = await Database.open(
        settings.database_url, schema=SCHEMA, pool_size=settings.pool_size, constraints=CONSTRAINTS
    )
    clients = Clients(settings)
    progress = Progress()
    once = Idempotency(db, stored_answer)
    desk = _desk(settings, db, clients, registry or installed_connectors())
    servicer = SyncServicer(desk, once, PageTokens(Seal(settings.seal_key)), progress)
    return Service(
        name="sync_svc",
        registrations=[Registration(_SERVICE, sync_service_pb2_grpc.add_SyncServiceServicer_to_server, servicer)],
        db=db,
        migrations="sync_svc.migrations",
        fetch_keys=clients.fetch_keys,
        background=[_as_itself(work) for work in _background(settings, desk, clients, progress, once)],
        closers=[desk.connectors.aclose, clients.close],
        max_calls=settings.max_calls,
        follow_trust=partial(follow_trust, clients),
        readings=ChannelGauges(db, desk.connectors).readings(),
    )


def _desk(settings: SyncSettings, db: Database, clients: Clients, registry: ChannelRegistry) -> Desk:
    vault = Vault(settings.credential_keys[0], settings.credential_keys[1:])
    return Desk(
        db=db,
        vault=vault,
        connectors=Connectors(registry, vault),
        generations=Generations(gap_s=settings.push_gap_ms / 1000),
        truth=HubTruth(clients),
        tasks=OrderTasks(db, lease_s=orders.LEASE_S),
        intake=OrderIntake(db, HubAllocator(clients)),
        alarms=WorkAlarms(),
        public_url=settings.public_url,
    )


def _background(
    settings: SyncSettings, desk: Desk, clients: Clients, progress: Progress, once: Idempotency
) -> list[Background]:
    works: list[Background] = [partial(_keep_trim, desk.db, once)]
    if settings.sandbox_url:
        works.append(partial(seed_sandbox, desk, settings.sandbox_url))
    if settings.workers:
        fold_s = settings.fold_ms / 1000
        for name, source in (("stock", StockFeed(clients)), ("catalog", CatalogFeed(clients))):
            reader = FeedReader(
                desk.db, source, name, desk.generations, desk.alarms.pushes, bundles=HubTruth(clients), fold_s=fold_s
            )
            works.append(reader.run)
        works.append(Supervisor(desk.db, desk.connectors, _work_tools(settings, desk, progress, HubTruth(clients))).run)
    return works


def _work_tools(settings: SyncSettings, desk: Desk, progress: Progress, variants: VariantSource) -> WorkTools:
    notes = ChannelNotes(desk.db)
    leases = Leases(desk.db, owner=_worker_name(), lease_s=settings.lease_s, gap_s=settings.push_gap_ms / 1000)
    return WorkTools(
        push=PushTools(leases, desk.truth, notes, progress, settings.push_timeout_s, settings.backstop_s),
        orders=OrderTools(desk.tasks, desk.intake, notes, progress, settings.backstop_s),
        polls=PollTools(desk.db, notes, settings.backstop_s),
        lists=ListTools(desk.db, variants, desk.alarms.pushes),
        ships=ShipTools(ShipmentLeases(desk.db, lease_s=shipments.LEASE_S), notes),
        drift=DriftTools(desk.db, desk.truth, notes, desk.alarms),
        alarms=desk.alarms,
    )


def _worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


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
