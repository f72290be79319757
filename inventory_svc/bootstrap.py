"""The only place that builds things: settings to database, feed, variants, servicer."""

from __future__ import annotations

import asyncio
from functools import partial

from usav.inventory.v1 import inventory_service_pb2, inventory_service_pb2_grpc, item_pb2

from chassis.clients import Clients
from chassis.database import Database
from chassis.feed import Feed
from chassis.idempotency import Idempotency, StoredAnswers
from chassis.page_tokens import PageTokens
from chassis.replica import Replica
from chassis.seal import Seal
from chassis.server import Registration, Service
from chassis.trust import follow_trust
from inventory_svc import metrics
from inventory_svc.convert.allocations import allocated_response
from inventory_svc.convert.items import item_message
from inventory_svc.operations.allocate_together import AllocateTogether
from inventory_svc.operations.change_one import UnitChange
from inventory_svc.operations.expire_holds import keep_expiring
from inventory_svc.operations.fold_levels import keep_folding
from inventory_svc.operations.variants import Catalog, Variants
from inventory_svc.operations.work import Work
from inventory_svc.servicers.base import SingleChanges
from inventory_svc.servicers.catalog_source import CatalogSource
from inventory_svc.servicers.inventory_servicer import InventoryServicer
from inventory_svc.settings import InventorySettings
from inventory_svc.storage import unit_changes
from inventory_svc.storage.constraints import CONSTRAINTS
from inventory_svc.storage.session import PoolSession
from inventory_svc.storage.tables import OUTBOX, SCHEMA, stored_answer

_INVENTORY = inventory_service_pb2.DESCRIPTOR.services_by_name["InventoryService"]
_TRIM_EVERY_SECONDS = 600.0


async def build(settings: InventorySettings, catalog: Catalog | None = None) -> Service:
    """Everything the process runs; `catalog` is for tests that have none."""
    db = await Database.open_for(settings, SCHEMA, CONSTRAINTS)
    replica = Replica(db, settings.database_replica_url) if settings.database_replica_url else None
    clients = Clients(settings)
    seal = Seal(settings.seal_key)
    feed = Feed(db, OUTBOX, seal)
    once = Idempotency(db, stored_answer, after_commit=feed.poke)
    pool = PoolSession(db)
    variants = Variants(pool, catalog or CatalogSource(clients))
    answers = StoredAnswers(stored_answer)
    servicer = InventoryServicer(
        Work(pool, once, feed.poke, PoolSession(replica) if replica else None),
        _single_changes(db, answers),
        AllocateTogether(db, answers, inventory_service_pb2.AllocateUnitsResponse, allocated_response),
        variants,
        PageTokens(seal),
        feed,
    )
    add = inventory_service_pb2_grpc.add_InventoryServiceServicer_to_server
    return Service(
        name="inventory_svc",
        registrations=[Registration(_INVENTORY, add, servicer)],
        db=db,
        migrations="inventory_svc.migrations",
        fetch_keys=clients.fetch_keys,
        background=[
            feed.run,
            partial(keep_expiring, pool, feed.poke),
            partial(keep_folding, pool),
            partial(_keep_trimming, feed, once),
        ],
        closers=[clients.close, *([replica.close] if replica else [])],
        max_calls=settings.max_calls,
        follow_trust=partial(follow_trust, clients),
        readings=[*feed.readings(), *metrics.readings(db)],
    )


def _single_changes(db: Database, answers: StoredAnswers) -> SingleChanges:
    return SingleChanges(
        UnitChange(db, answers, unit_changes.reserve, item_pb2.Item, item_message),
        UnitChange(db, answers, unit_changes.release_each, item_pb2.Item, item_message),
        UnitChange(db, answers, unit_changes.sell, item_pb2.Item, item_message),
    )


async def _keep_trimming(feed: Feed, once: Idempotency) -> None:
    while True:
        await feed.trim()
        await once.trim()
        await asyncio.sleep(_TRIM_EVERY_SECONDS)
