"""The only place that builds things: settings to database, keys, operations, servicer. Waits for a database that starts
at the same time.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from usav.auth.v1 import auth_service_pb2, auth_service_pb2_grpc
from usav.hub.v1 import hub_service_pb2, hub_service_pb2_grpc

from auth_svc import metrics
from auth_svc.domain.revocation import EndedSessions
from auth_svc.operations.key_ring import KeyRing
from auth_svc.operations.password_hasher import PasswordHasher
from auth_svc.operations.prepare import ensure_first_admin, seed_service_accounts
from auth_svc.operations.rotate_keys import keep_keys
from auth_svc.operations.runtime import Runtime
from auth_svc.operations.tidy import keep_tidy
from auth_svc.operations.token_mint import TokenMint
from auth_svc.operations.watch_revocations import PublishedKeys, RevocationFeed
from auth_svc.servicers.auth_servicer import AuthServicer
from auth_svc.settings import AuthSettings
from auth_svc.storage.constraints import CONSTRAINTS
from auth_svc.storage.tables import SCHEMA, outbox, stored_answers
from chassis.clients import Clients
from chassis.clock import Clock, now
from chassis.context import Principal, acting_as
from chassis.database import Database
from chassis.errors import Unavailable
from chassis.feed import Feed
from chassis.hub_health import HubServicer
from chassis.idempotency import Idempotency
from chassis.page_tokens import PageTokens
from chassis.seal import Seal
from chassis.server import Background, Registration, Service
from chassis.tokens import TokenVerifier

log = logging.getLogger(__name__)

_ITSELF = Principal(user_id="client:auth-svc", username="auth-svc", role="SYSTEM_BOT")
_DATABASE_WAIT_SECONDS = 20.0
_AUTH = auth_service_pb2.DESCRIPTOR.services_by_name["AuthService"]
_HUB = hub_service_pb2.DESCRIPTOR.services_by_name["HubService"]


async def build(settings: AuthSettings, clock: Clock = now) -> Service:
    """Everything the process runs; `clock` is for tests. Raises Unavailable when the database does not come, SettingsError."""
    db = await Database.open_for(settings, SCHEMA, CONSTRAINTS)
    keys = KeyRing(db, settings.signing_key_secret, clock)
    mint = TokenMint(keys, settings.token_issuer, settings.token_audience, settings.lifetimes, settings.seal_key)
    feed = Feed(db, outbox, Seal(settings.seal_key))
    runtime = Runtime(db, PasswordHasher(settings.password_workers), mint, clock, feed.poke)
    metrics.PASSWORDS_WAITING.set_function(lambda: runtime.hasher.waiting)
    metrics.KEY_LIMIT.set(settings.key_rotation.total_seconds())
    with acting_as(_ITSELF, "start"):
        await _prepare(runtime, keys, settings)
    return _service(settings, runtime, keys, feed)


async def _prepare(runtime: Runtime, keys: KeyRing, settings: AuthSettings) -> None:
    deadline = asyncio.get_running_loop().time() + _DATABASE_WAIT_SECONDS
    while True:
        try:
            await keys.ensure()
            break
        except Unavailable as error:
            if asyncio.get_running_loop().time() > deadline:
                raise
            log.warning("waiting for the database: %s", error.message)
            await asyncio.sleep(0.25)
    await ensure_first_admin(runtime, settings.admin_user, settings.admin_password, settings.state_dir)
    await seed_service_accounts(runtime, settings.service_accounts)


def _service(settings: AuthSettings, runtime: Runtime, keys: KeyRing, feed: Feed) -> Service:
    once = Idempotency(runtime.db, stored_answers, after_commit=feed.poke)
    clients = Clients(settings)
    policy = settings.key_policy
    revocations = RevocationFeed(runtime.db, feed, keys, settings.lifetimes.access, runtime.clock)
    auth = AuthServicer(
        runtime, keys, once, PageTokens(Seal(settings.seal_key)), revocations, policy, settings.seal_key
    )
    return Service(
        name="auth_svc",
        registrations=[
            Registration(_AUTH, auth_service_pb2_grpc.add_AuthServiceServicer_to_server, auth),
            Registration(
                _HUB,
                hub_service_pb2_grpc.add_HubServiceServicer_to_server,
                HubServicer(clients, settings.health_services),
            ),
        ],
        db=runtime.db,
        migrations="auth_svc.migrations",
        fetch_keys=keys.published,
        background=[
            feed.run,
            partial(keep_tidy, runtime, once, feed),
            partial(_as_itself, partial(keep_keys, runtime, keys, policy)),
        ],
        closers=[clients.close, runtime.hasher.close],
        reflect_all=True,
        max_calls=settings.max_calls,
        follow_trust=partial(_follow_itself, revocations),
        readings=[*feed.readings(), *metrics.readings(runtime.db)],
    )


async def _as_itself(work: Background) -> None:
    """Work that writes into the audit trail."""
    with acting_as(_ITSELF):
        await work()


async def _follow_itself(revocations: RevocationFeed, verifier: TokenVerifier) -> None:
    """What the other services do over gRPC."""
    async for step in revocations.follow():
        if isinstance(step, EndedSessions):
            verifier.revocations.add(step.session_ids, revocations.forgettable_at(step).timestamp())
        elif isinstance(step, PublishedKeys):
            verifier.take_keys(step.keys)
