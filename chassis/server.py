"""Runs one service: aio server on uvloop with the interceptor, health, reflection, background work and a graceful drain."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import pkgutil
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import grpc
import usav
import uvloop
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from chassis import logs
from chassis.access import policies
from chassis.database import Database
from chassis.errors import HubError
from chassis.gauges import Reading, keep_reading, watch_event_loop
from chassis.health_checks import HealthChecks
from chassis.identity import server_credentials
from chassis.interceptor import HubInterceptor
from chassis.metrics import BACKGROUND_FAILURES, SETTLED, serve_metrics
from chassis.readiness import Readiness
from chassis.registration import Methods, collect
from chassis.settings import ServiceSettings, SettingsError, load
from chassis.tokens import FetchKeys, TokenVerifier
from chassis.tracing import TRACING

log = logging.getLogger(__name__)

S = TypeVar("S", bound=ServiceSettings)
Background = Callable[[], Awaitable[None]]

OPTIONS = [
    ("grpc.max_receive_message_length", 8 * 1024 * 1024),
    ("grpc.max_send_message_length", 32 * 1024 * 1024),
    ("grpc.max_metadata_size", 32 * 1024),
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
]
_STOP_GRACE_SECONDS = 3.0
_DRAIN_LOOKS = 10
_EXIT_SETTINGS = 2
_EXIT_REPLACED = 3


@dataclass(frozen=True)
class Registration:
    """A servicer, the generated function that adds it, and its descriptor."""

    descriptor: ServiceDescriptor
    add: Callable[[Any, grpc.aio.Server], None]
    servicer: Any


@dataclass
class Service:
    """What bootstrap builds and the chassis runs.

    `background` functions run for as long as the service; one that fails is logged and started again after a pause.
    """

    name: str
    registrations: Sequence[Registration]
    db: Database
    migrations: str
    fetch_keys: FetchKeys
    background: Sequence[Background] = ()
    closers: Sequence[Callable[[], Awaitable[None]]] = ()
    reflect_all: bool = False
    max_calls: int = 2000
    verifier: TokenVerifier | None = field(default=None)
    # Keeps the verifier's keys and revocations up to date (chassis.trust).
    follow_trust: Callable[[TokenVerifier], Awaitable[None]] | None = None
    # Numbers read from the database while metrics are served.
    readings: Sequence[Reading] = ()


def main(name: str, settings_type: type[S], build: Callable[[S], Awaitable[Service]]) -> None:
    """The `__main__` of a service: settings, then the server until SIGTERM.

    Exits 2 on a wrong setting, and 3, to be started anew, when a restore has exchanged its database.
    """
    try:
        settings = load(settings_type, dotenv=Path(".env"))
    except SettingsError as error:
        print(f"{name}: {error}", file=sys.stderr)
        raise SystemExit(_EXIT_SETTINGS) from None
    logs.set_up(name, settings.log_level)
    TRACING.set_up(name, settings.otlp_endpoint, settings.trace_percent)
    try:
        replaced = uvloop.run(_serve(settings, build))
    except SettingsError as error:
        print(f"{name}: {error}", file=sys.stderr)
        raise SystemExit(_EXIT_SETTINGS) from None
    if replaced:
        raise SystemExit(_EXIT_REPLACED)


async def _serve(settings: S, build: Callable[[S], Awaitable[Service]]) -> bool:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    service = await build(settings)
    running = await start(service, settings)
    _settle_memory()
    replaced = running.readiness.replaced
    try:
        await asyncio.wait(
            [asyncio.create_task(one.wait()) for one in (stopping, replaced)], return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        await running.stop(0.0 if replaced.is_set() else settings.drain_seconds)
    return replaced.is_set()


def _settle_memory() -> None:
    """Modules, descriptors and statements live as long as the process: looked through by the garbage collector again and again,
    a hundred thousand objects would stop every call for 50 ms each time.
    """
    gc.collect()
    gc.freeze()
    SETTLED.set(gc.get_freeze_count())


@dataclass
class Running:
    """A started service. `port` is the one it listens on."""

    service: Service
    server: grpc.aio.Server
    interceptor: HubInterceptor
    readiness: Readiness
    tasks: list[asyncio.Task[None]]
    port: int

    async def stop(self, drain_seconds: float = 0.0) -> None:
        """Says NOT_SERVING, waits for balancers to notice, lets calls end, then closes everything."""
        await self.readiness.drain()
        await self._until_nobody_calls(drain_seconds)
        for task in self.tasks:
            task.cancel()
        await self.server.stop(_STOP_GRACE_SECONDS)
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for close in self.service.closers:
            await close()
        await self.service.db.close()
        TRACING.close()
        log.info("stopped")

    async def _until_nobody_calls(self, drain_seconds: float) -> None:
        """Waits that long, and up to twice as long again until every balancer has been told and no calls come any more.

        grpc ends with CANCELLED what arrives in a server that stops, which no caller can tell from a call that was begun.
        """
        await asyncio.sleep(drain_seconds)
        for _ in range(_DRAIN_LOOKS):
            before = self.interceptor.arrived
            await asyncio.sleep(drain_seconds * 2 / _DRAIN_LOOKS)
            if self.interceptor.arrived == before and self.readiness.is_noticed:
                return


async def start(service: Service, settings: ServiceSettings) -> Running:
    """Starts the server and the background work. Raises SettingsError when the port is taken, AccessOptionMissing."""
    rules = policies(item.descriptor for item in service.registrations)
    verifier = service.verifier or TokenVerifier(settings.token_issuer, settings.token_audience, service.fetch_keys)
    interceptor = HubInterceptor(rules, verifier, max_calls=settings.max_calls)
    server = grpc.aio.server(options=OPTIONS)
    for item in service.registrations:
        server.add_generic_rpc_handlers([Methods(interceptor.guarded(collect(item.add, item.servicer)))])
    names = [item.descriptor.full_name for item in service.registrations]
    readiness = _add_health(server, service, names)
    _add_reflection(server, names, everything=service.reflect_all)
    port = _listen(server, settings)
    await server.start()
    await readiness.check()
    tasks = [asyncio.create_task(readiness.run())]
    works = list(service.background)
    if service.follow_trust is not None:
        works.append(partial(service.follow_trust, verifier))
    works += _metrics(service, settings)
    tasks += [asyncio.create_task(_keep_running(work)) for work in works]
    log.info("%s listens on %s:%d", service.name, settings.bind, port)
    return Running(service, server, interceptor, readiness, tasks, port)


def _metrics(service: Service, settings: ServiceSettings) -> list[Background]:
    """Serves them, when they are wanted, and answers the work that keeps them true."""
    if not settings.metrics_port:
        return []
    try:
        serve_metrics(settings.bind, settings.metrics_port)
    except OSError as error:
        raise SettingsError(
            f"HUB_METRICS_PORT: port {settings.metrics_port} cannot be used ({error.strerror})"
        ) from None
    service.db.show_pools()
    return [watch_event_loop, partial(keep_reading, service.readings, settings.gauge_seconds)]


def _add_health(server: grpc.aio.Server, service: Service, names: Sequence[str]) -> Readiness:
    servicer = HealthChecks()
    server.add_generic_rpc_handlers([Methods(collect(health_pb2_grpc.add_HealthServicer_to_server, servicer))])
    return Readiness(servicer, names, service.db, service.migrations)


def _add_reflection(server: grpc.aio.Server, names: Sequence[str], *, everything: bool) -> None:
    shown = all_service_names() if everything else list(names)
    health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
    told = [*shown, health_name, reflection.SERVICE_NAME]
    server.add_generic_rpc_handlers([Methods(collect(reflection.enable_server_reflection, told))])


def all_service_names() -> list[str]:
    """The services of all protos of the hub, for the one process that answers reflection at the gateway."""
    names: list[str] = []
    for found in pkgutil.walk_packages(usav.__path__, "usav."):
        if found.name.endswith("_service_pb2"):
            module = importlib.import_module(found.name)
            names += [item.full_name for item in module.DESCRIPTOR.services_by_name.values()]
    return sorted(names)


def _listen(server: grpc.aio.Server, settings: ServiceSettings) -> int:
    address, credentials = f"{settings.bind}:{settings.port}", server_credentials(settings)
    try:
        taken = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    except RuntimeError:
        taken = 0
    if not taken:
        raise SettingsError(f"port {settings.port} on {settings.bind} is taken; set another one with HUB_PORT")
    return int(taken)


async def _keep_running(work: Background) -> None:
    pause = 0.1
    failures = BACKGROUND_FAILURES.labels(_name_of(work))
    while True:
        try:
            await work()
            return
        except HubError as error:
            log.warning("background work stopped: %s", error.message)
        except Exception as error:
            log.error("background work broke", exc_info=error)
        failures.inc()
        await asyncio.sleep(pause)
        pause = min(pause * 2, 5.0)


def _name_of(work: Background) -> str:
    """The function behind a piece of work, whatever it is wrapped in."""
    inner: object = work
    while isinstance(inner, partial):
        inner = inner.func
    return str(getattr(inner, "__qualname__", type(inner).__name__))
