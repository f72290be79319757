"""Connections to one service's database: the pools, and what a connection may rely on.

Behind a pooler in transaction mode (PgBouncer's name for it) two transactions of one connection may meet two server sessions.
So nothing is left in a session there: statements have no names and are not kept, settings are the database role's own
(see deploy.local.roles), and LISTEN goes past the pooler where an address for that is given.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

import asyncpg
from prometheus_client import Histogram
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from chassis.hosts import Hosts
from chassis.metrics import histogram
from chassis.setting_values import PoolMode
from chassis.tracing import TRACING

POOL_WAIT = histogram(
    "hub_pool_wait_seconds", "How long work waited for a connection, the opening of a new one included.", ["pool"]
)
_ENGINE_WAITS = {name: POOL_WAIT.labels(name) for name in ("read", "write")}

ACQUIRE_TIMEOUT_S = 5.0
_CONNECT_TIMEOUT_S = 5.0
_KEPT_STATEMENTS = 512
_KEPT_STATEMENTS_OF_AN_ENGINE = 100


class Connections:
    """How one service reaches its database. An address of several hosts leads to the one that takes writes."""

    def __init__(self, url: str, *, application: str, mode: PoolMode = PoolMode.SESSION, direct_url: str = "") -> None:
        self.mode = mode
        self._application = application
        self._hosts = Hosts(url)
        self.url = self._hosts.url
        if mode is PoolMode.SESSION:
            self._listening: Hosts | None = self._hosts
        else:
            self._listening = Hosts(direct_url) if direct_url else None

    @property
    def keeps_statements(self) -> bool:
        """Whether a statement that was prepared is found on the same connection again."""
        return self.mode is PoolMode.SESSION

    @property
    def opening(self) -> asyncio.Event:
        """Set whenever a connection to the database is asked for."""
        return self._hosts.opening

    @property
    def can_listen(self) -> bool:
        """Whether there is a way to the database on which LISTEN is heard."""
        return self._listening is not None

    def hot_pool(self, size: int, *, timeout: float = _CONNECT_TIMEOUT_S) -> asyncpg.Pool:
        """asyncpg's own pool; it connects when it is asked for something."""
        return asyncpg.create_pool(
            self.url,
            connect=self._hosts.connect,
            min_size=0,
            max_size=size,
            reset=_keep_as_is,
            timeout=timeout,
            init=TRACING.follow_statements if TRACING.on else None,
            max_inactive_connection_lifetime=300,
            server_settings=self._settings(),
            statement_cache_size=self._kept(_KEPT_STATEMENTS),
        )

    def engine(self, name: str, size: int, **options: Any) -> AsyncEngine:
        """An SQLAlchemy engine on a pool of its own; it connects when it is asked for something."""

        def connect() -> Any:
            return engine.sync_engine.dialect.loaded_dbapi.connect(
                async_creator_fn=self._connect_for_engine,
                prepared_statement_cache_size=self._kept(_KEPT_STATEMENTS_OF_AN_ENGINE),
            )

        engine = create_async_engine(
            "postgresql+asyncpg://",
            creator=connect,
            poolclass=_CountedPool,
            pool_logging_name=name,
            # Opened when needed and then kept: beyond its size a pool closes what it lent, and a new connection with its
            # password exchange and statements to prepare costs more than the work of most transactions.
            pool_size=size,
            max_overflow=0,
            pool_timeout=ACQUIRE_TIMEOUT_S,
            pool_use_lifo=True,
            # Errors end up in logs; values of rows must not.
            hide_parameters=True,
            **options,
        )
        event.listen(engine.sync_engine, "checkout", _pass_over_ended)
        return engine

    async def listener(self) -> asyncpg.Connection:
        """A connection for LISTEN alone. Raises what asyncpg raises; RuntimeError where `can_listen` is false."""
        if self._listening is None:
            raise RuntimeError("there is no way to the database on which LISTEN is heard")
        return await self._listening.connect(
            timeout=_CONNECT_TIMEOUT_S, server_settings={"application_name": f"{self._application}_listen"}
        )

    async def _connect_for_engine(self) -> asyncpg.Connection:
        connection = await self._hosts.connect(
            timeout=_CONNECT_TIMEOUT_S,
            server_settings=self._settings(),
            statement_cache_size=self._kept(_KEPT_STATEMENTS_OF_AN_ENGINE),
        )
        if TRACING.on:
            await TRACING.follow_statements(connection)
        return connection

    def _settings(self) -> dict[str, str]:
        settings = {"application_name": self._application, "timezone": "UTC"}
        # JIT costs tens of milliseconds on first use and gains nothing on statements this small. A pooler refuses a
        # connection that asks for it; there it is off by the role.
        return settings | ({"jit": "off"} if self.mode is PoolMode.SESSION else {})

    def _kept(self, statements: int) -> int:
        """How many prepared statements a connection keeps. With none, asyncpg gives them no name and parses them each time."""
        return statements if self.keeps_statements else 0


async def described(connection: Any, sql: str) -> Any:
    """A statement without a name, which is parsed again and run in one message afterwards.

    Who gives up meanwhile takes the connection along: it waits for a server session, or has one and has not ended its turn, and
    asyncpg would keep others from it for as long as a connection may be waited for.
    """
    try:
        return await connection.prepare(sql)
    except asyncio.CancelledError:
        connection.terminate()
        raise


async def described_within(connection: Any, sql: str) -> Any:
    """As `described`, within a transaction, which has its session already and has to be rolled back on it."""
    describing = asyncio.ensure_future(connection.prepare(sql))
    try:
        return await asyncio.shield(describing)
    except asyncio.CancelledError:
        with suppress(Exception):
            await describing
        raise


class Begun:
    """A transaction of asyncpg whose beginning waits for a server session; who gives up meanwhile takes the connection along."""

    __slots__ = ("_connection", "_transaction")

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._transaction = connection.transaction()

    async def __aenter__(self) -> None:
        try:
            await self._transaction.__aenter__()
        except asyncio.CancelledError:
            self._connection.terminate()
            raise

    async def __aexit__(self, *error: Any) -> None:
        await self._transaction.__aexit__(*error)


async def _keep_as_is(_: Any) -> None:
    """Replaces the pool's reset query: nothing here leaves session state behind, and the query costs a round trip."""


class _CountedPool(AsyncAdaptedQueuePool):
    """SQLAlchemy's pool; the wait for a connection is counted."""

    def _do_get(self) -> ConnectionPoolEntry:
        began = time.perf_counter()
        try:
            return super()._do_get()
        finally:
            self.wait.observe(time.perf_counter() - began)

    @property
    def wait(self) -> Histogram:
        return _ENGINE_WAITS[self.logging_name or ""]


def _pass_over_ended(connection: Any, _: Any, __: Any) -> None:
    """A connection whose server has ended it is not lent: after a failover the first caller gets a new one, not an error.

    It is seen without a round trip, unlike by the pool's own ping.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError
