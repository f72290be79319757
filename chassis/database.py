"""Access to one service's schema, three ways, one schema definition.

- `fetch*`/`execute` with a `Statement`: compiled once, run on a bare asyncpg pool in autocommit; hot reads and single-CTE writes.
- `read`: an SQLAlchemy engine in AUTOCOMMIT for other single-statement reads (no BEGIN and ROLLBACK round trips).
- `transaction()` and `run()`: an SQLAlchemy engine for everything that takes more than one statement.

Every database error leaves here as a HubError (see database_errors).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg
from prometheus_client import Histogram
from sqlalchemy import MetaData, event
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry
from sqlalchemy.sql.expression import ClauseElement

from chassis.database_errors import LOST, RETRYABLE, Constraints, is_database_error, sqlstate_of, translate
from chassis.errors import HubError
from chassis.hosts import Hosts
from chassis.metrics import gauge, histogram
from chassis.tracing import TRACING

T = TypeVar("T")

POOL = gauge(
    "hub_pool_connections", "Connections of a pool by state: idle, used, and the most there may be.", ["pool", "state"]
)
POOL_WAIT = histogram(
    "hub_pool_wait_seconds", "How long work waited for a connection, the opening of a new one included.", ["pool"]
)
_HOT_WAIT = POOL_WAIT.labels("hot")
_ENGINE_WAITS = {name: POOL_WAIT.labels(name) for name in ("read", "write")}

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

_DIALECT = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
# JIT costs tens of milliseconds on first use and gains nothing on statements this small.
_SERVER_SETTINGS = {"jit": "off", "timezone": "UTC"}
_CONNECT_TIMEOUT_S = 5.0
_ACQUIRE_TIMEOUT_S = 5.0


def schema_metadata(schema: str) -> MetaData:
    """The MetaData of one service: its schema and the hub's constraint names."""
    return MetaData(schema=schema, naming_convention=NAMING)


class Statement:
    """A Core statement compiled once to SQL with numbered parameters. Make one per module, not per call.

    Takes plain types only: lists go in as arrays (`column == any_(bindparam("ids", type_=ARRAY(BigInteger)))`), JSON as text.
    """

    __slots__ = ("_constants", "names", "reads", "sql")

    def __init__(self, statement: ClauseElement) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self.sql = str(compiled)
        self.names: tuple[str, ...] = tuple(getattr(compiled, "positiontup", None) or ())
        parameters = getattr(compiled, "params", None) or {}
        self._constants = {name: value for name, value in parameters.items() if value is not None}
        self.reads = bool(getattr(statement, "is_select", False))

    def arguments(self, parameters: dict[str, Any]) -> list[Any]:
        """The values in the order of the SQL. Raises KeyError on a parameter that was not given."""
        constants = self._constants
        if not constants:
            return [parameters[name] for name in self.names]
        return [parameters[name] if name in parameters else constants[name] for name in self.names]


class HotTransaction:
    """An open transaction on the bare pool."""

    def __init__(self, connection: asyncpg.pool.PoolConnectionProxy) -> None:
        self.connection = connection

    async def rows(self, statement: Statement, **parameters: Any) -> Sequence[asyncpg.Record]:
        """Every row the statement answers. Raises the driver's errors, which the transaction translates."""
        found: list[asyncpg.Record] = await self.connection.fetch(statement.sql, *statement.arguments(parameters))
        return found


async def _keep_as_is(_: Any) -> None:
    """Replaces the pool's reset query: nothing here leaves session state behind, and the query costs a round trip."""


class _Borrowed:
    """A connection of the hot pool for the length of a block; the wait for it is counted."""

    __slots__ = ("_context",)

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._context = pool.acquire(timeout=_ACQUIRE_TIMEOUT_S)

    async def __aenter__(self) -> Any:
        began = time.perf_counter()
        try:
            return await self._context.__aenter__()
        finally:
            _HOT_WAIT.observe(time.perf_counter() - began)

    async def __aexit__(self, *error: Any) -> None:
        await self._context.__aexit__(*error)


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


class Database:
    """One service's way into Postgres. Open with `Database.open`, close with `close`."""

    def __init__(
        self, hosts: Hosts, schema: str, pool: asyncpg.Pool, engines: Sequence[AsyncEngine], constraints: Constraints
    ):
        self.url = hosts.url
        self._hosts = hosts
        self.schema = schema
        self.pool = pool
        self.read, self.write = engines
        self.constraints = constraints

    @classmethod
    async def open(
        cls, url: str, *, schema: str, pool_size: int = 10, constraints: Constraints | None = None
    ) -> Database:
        """Makes the pools without connecting: a service starts before its database and tells so by its health.

        An address of several hosts leads to the one that takes writes, wherever a failover has moved that.
        """
        hosts = Hosts(url)
        settings = {**_SERVER_SETTINGS, "application_name": f"hub_{schema}"}
        pool = asyncpg.create_pool(
            hosts.url,
            connect=hosts.connect,
            min_size=0,
            max_size=pool_size,
            reset=_keep_as_is,
            timeout=_CONNECT_TIMEOUT_S,
            server_settings=settings,
            init=TRACING.follow_statements if TRACING.on else None,
            statement_cache_size=512,
            max_inactive_connection_lifetime=300,
        )
        await pool

        async def connect() -> asyncpg.Connection:
            connection = await hosts.connect(timeout=_CONNECT_TIMEOUT_S, server_settings=settings)
            if TRACING.on:
                await TRACING.follow_statements(connection)
            return connection

        engines = [
            create_async_engine(
                "postgresql+asyncpg://",
                async_creator=connect,
                poolclass=_CountedPool,
                pool_logging_name=name,
                # Opened when needed and then kept: beyond its size a pool closes what it lent, and a new connection with its
                # password exchange and statements to prepare costs more than the work of most transactions.
                pool_size=pool_size + 4,
                max_overflow=0,
                pool_timeout=_ACQUIRE_TIMEOUT_S,
                pool_use_lifo=True,
                # Errors end up in logs; values of rows must not.
                hide_parameters=True,
                **options,
            )
            for name, options in (("read", {"isolation_level": "AUTOCOMMIT"}), ("write", {}))
        ]
        for engine in engines:
            event.listen(engine.sync_engine, "checkout", _pass_over_ended)
        return cls(hosts, schema, pool, engines, constraints or {})

    async def close(self) -> None:
        """Closes every connection."""
        await self.read.dispose()
        await self.write.dispose()
        try:
            await asyncio.wait_for(self.pool.close(), 3)
        except TimeoutError:
            self.pool.terminate()

    def show_pools(self) -> None:
        """Lets the metrics show this database's pools; the last one of a process that asks is shown."""
        hot = self.pool
        POOL.labels("hot", "idle").set_function(hot.get_idle_size)
        POOL.labels("hot", "used").set_function(lambda: hot.get_size() - hot.get_idle_size())
        POOL.labels("hot", "most").set_function(hot.get_max_size)
        for name, engine in (("read", self.read), ("write", self.write)):
            pool: Any = engine.pool
            POOL.labels(name, "idle").set_function(pool.checkedin)
            POOL.labels(name, "used").set_function(pool.checkedout)
            POOL.labels(name, "most").set_function(pool.size)

    async def connect_listener(self) -> asyncpg.Connection:
        """A connection of its own, for LISTEN. Raises Unavailable."""
        async with self.translated():
            return await self._hosts.connect(timeout=_CONNECT_TIMEOUT_S, server_settings=_SERVER_SETTINGS)

    async def fetch(self, statement: Statement, **parameters: Any) -> list[asyncpg.Record]:
        """All rows of a compiled statement."""
        return await self._hot(statement, "fetch", parameters)  # type: ignore[no-any-return]  # asyncpg's own return

    async def fetchrow(self, statement: Statement, **parameters: Any) -> asyncpg.Record | None:
        """The first row, or None."""
        return await self._hot(statement, "fetchrow", parameters)  # type: ignore[no-any-return]  # asyncpg's own return

    async def fetchval(self, statement: Statement, **parameters: Any) -> Any:
        """The first column of the first row, or None."""
        return await self._hot(statement, "fetchval", parameters)

    async def execute(self, statement: Statement, **parameters: Any) -> str:
        """Runs it and answers the command tag, e.g. "UPDATE 1"."""
        arguments = statement.arguments(parameters)
        async with self.translated(), _Borrowed(self.pool) as connection:
            return str(await connection.execute(statement.sql, *arguments))

    async def _hot(self, statement: Statement, how: str, parameters: dict[str, Any]) -> Any:
        arguments = statement.arguments(parameters)
        try:
            async with _Borrowed(self.pool) as connection:
                return await getattr(connection, how)(statement.sql, *arguments)
        except Exception as error:
            if not statement.reads or not _is_lost(error):
                raise self._translated(error) from error
        # A restart of Postgres shows once per pooled connection; a read can simply be asked again.
        async with self.translated(), _Borrowed(self.pool) as connection:
            return await getattr(connection, how)(statement.sql, *arguments)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits at the end and rolls back on any error. No network call belongs inside.

        A connection lost during COMMIT leaves the outcome unknown: the caller sees UNAVAILABLE, and repeating with the same
        request id is safe.
        """
        async with self.translated(), self.write.begin() as connection:
            yield connection

    @asynccontextmanager
    async def hot_transaction(self) -> AsyncIterator[HotTransaction]:
        """As `transaction`, for a few compiled statements: on the bare pool, which costs a fraction of an engine's connection."""
        async with (
            self.translated(),
            self.pool.acquire(timeout=_ACQUIRE_TIMEOUT_S) as connection,
            connection.transaction(),
        ):
            yield HotTransaction(connection)

    async def run(self, work: Callable[[AsyncConnection], Awaitable[T]], attempts: int = 4) -> T:
        """Runs `work` in a transaction; serialisation failures and deadlocks are tried again with jitter, then Aborted."""
        for attempt in range(1, attempts + 1):
            try:
                async with self.write.begin() as connection:
                    return await work(connection)
            except Exception as error:
                if attempt == attempts or sqlstate_of(error) not in RETRYABLE:
                    raise self._translated(error) from error
            await asyncio.sleep(random.uniform(0.002, 0.02) * attempt)
        raise AssertionError("the last attempt returns or raises")

    @asynccontextmanager
    async def translated(self) -> AsyncIterator[None]:
        """Turns database errors of the block into HubErrors."""
        try:
            yield
        except HubError:
            raise
        except Exception as error:
            raise self._translated(error) from error

    def _translated(self, error: Exception) -> Exception:
        if isinstance(error, HubError) or not (is_database_error(error) or isinstance(error, OSError | TimeoutError)):
            return error
        return translate(error, self.constraints) or error

    async def current_revision(self) -> tuple[str | None, int]:
        """The revision of the schema's migrations, and what tells this database from another of the same name.

        Raises Unavailable.
        """
        async with self.translated(), _Borrowed(self.pool) as connection:
            query = f"""SELECT (SELECT version_num FROM "{self.schema}".alembic_version), oid::bigint
                FROM pg_database WHERE datname = current_database()"""
            row: Any = await connection.fetchrow(query)
        return (None if row[0] is None else str(row[0])), row[1]


def _is_lost(error: Exception) -> bool:
    state = sqlstate_of(error)
    if state:
        return state.startswith(("08", "57P"))
    return isinstance(error, (ConnectionError, *LOST)) and not isinstance(error, asyncpg.DataError)
