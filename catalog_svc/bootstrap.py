"""The only place that builds things: settings to database, feed, servicer. Nothing here waits for the database."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from usav.catalog.v1 import catalog_service_pb2, catalog_service_pb2_grpc

from catalog_svc.queries.lookups import Lookups
from catalog_svc.servicers.catalog_servicer import CatalogServicer
from catalog_svc.servicers.listings import Listings
from catalog_svc.settings import CatalogSettings
from catalog_svc.storage.constraints import CONSTRAINTS
from catalog_svc.storage.tables import SCHEMA, outbox, stored_answer
from chassis.clients import Clients
from chassis.database import Database
from chassis.errors import HubError
from chassis.feed import Feed
from chassis.idempotency import Idempotency
from chassis.page_tokens import PageTokens
from chassis.seal import Seal
from chassis.server import Registration, Service
from chassis.trust import follow_trust

log = logging.getLogger(__name__)

_CATALOG = catalog_service_pb2.DESCRIPTOR.services_by_name["CatalogService"]
_TRIM_EVERY_SECONDS = 600.0


async def build(settings: CatalogSettings) -> Service:
    """Everything the process runs."""
    db = await Database.open_for(settings, SCHEMA, CONSTRAINTS)
    clients = Clients(settings)
    seal = Seal(settings.seal_key)
    feed = Feed(db, outbox, seal)
    once = Idempotency(db, stored_answer, after_commit=feed.poke)
    listings = Listings(clients, settings.listings_timeout)
    servicer = CatalogServicer(db, Lookups(db), once, PageTokens(seal), feed, listings)
    return Service(
        name="catalog_svc",
        registrations=[Registration(_CATALOG, catalog_service_pb2_grpc.add_CatalogServiceServicer_to_server, servicer)],
        db=db,
        migrations="catalog_svc.migrations",
        fetch_keys=clients.fetch_keys,
        background=[feed.run, partial(_keep_trimmed, feed, once)],
        closers=[clients.close],
        max_calls=settings.max_calls,
        follow_trust=partial(follow_trust, clients),
        readings=feed.readings(),
    )


async def _keep_trimmed(feed: Feed, once: Idempotency) -> None:
    """Drops old changes and old answers, from time to time."""
    while True:
        try:
            await feed.trim()
            await once.trim()
        except HubError as error:
            log.warning("nothing trimmed: %s", error.message)
        await asyncio.sleep(_TRIM_EVERY_SECONDS)
