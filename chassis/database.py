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
from sqlalchemy import MetaData, Table
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.expression import ClauseElement

from chassis.connections import ACQUIRE_TIMEOUT_S, POOL_WAIT, Begun, Connections, described, described_within
from chassis.database_errors import LOST, RETRYABLE, Constraints, is_database_error, sqlstate_of, translate
from chassis.errors import HubError
from chassis.metrics import gauge
from chassis.setting_values import PoolMode
from chassis.settings import ServiceSettings

T = TypeVar("T")

POOL = gauge(
    "hub_pool_connections", "Connections of a pool by state: idle, used, and the most there may be.", ["pool", "state"]
)
_HOT_WAIT = POOL_WAIT.labels("hot")

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

_DIALECT = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
# An engine's connections are held for whole transactions, those of the hot pool for one statement mostly.
_ENGINES_MORE = 4


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

    def __init__(self, connection: asyncpg.pool.PoolConnectionProxy, keeps_statements: bool) -> None:
        self.connection = connection
        self._keeps_statements = keeps_statements

    async def rows(self, statement: Statement, **parameters: Any) -> Sequence[asyncpg.Record]:
        """Every row the statement answers. Raises the driver's errors, which the transaction translates."""
        arguments = statement.arguments(parameters)
        found: list[asyncpg.Record]
        if self._keeps_statements:
            found = await self.connection.fetch(statement.sql, *arguments)
        else:
            found = await (await described_within(self.connection, statement.sql)).fetch(*arguments)
        return found


class _Borrowed:
    """A connection of the hot pool for the length of a block; the wait for it is counted."""

    __slots__ = ("_context",)

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._context = pool.acquire(timeout=ACQUIRE_TIMEOUT_S)

    async def __aenter__(self) -> Any:
        began = time.perf_counter()
        try:
            return await self._context.__aenter__()
        finally:
            _HOT_WAIT.observe(time.perf_counter() - began)

    async def __aexit__(self, *error: Any) -> None:
        await self._context.__aexit__(*error)


class Database:
    """One service's way into Postgres. Open with `Database.open`, close with `close`."""

    def __init__(
        self,
        connections: Connections,
        schema: str,
        pool: asyncpg.Pool,
        engines: Sequence[AsyncEngine],
        constraints: Constraints,
    ):
        self.connections = connections
        self.url = connections.url
        self._keeps_statements = connections.keeps_statements
        self.schema = schema
        self.pool = pool
        self.read, self.write = engines
        self.constraints = constraints

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        schema: str,
        pool_size: int = 10,
        constraints: Constraints | None = None,
        pool_mode: PoolMode = PoolMode.SESSION,
        direct_url: str = "",
    ) -> Database:
        """Makes the pools without connecting: a service starts before its database and tells so by its health.

        An address of several hosts leads to the one that takes writes, wherever a failover has moved that. Behind a pooler
        in transaction mode `direct_url` leads past it.
        """
        connections = Connections(url, application=f"hub_{schema}", mode=pool_mode, direct_url=direct_url)
        pool = connections.hot_pool(pool_size)
        await pool
        size = pool_size + _ENGINES_MORE
        engines = [connections.engine("read", size, isolation_level="AUTOCOMMIT"), connections.engine("write", size)]
        return cls(connections, schema, pool, engines, constraints or {})

    @classmethod
    async def open_for(cls, settings: ServiceSettings, schema: str, constraints: Constraints) -> Database:
        """As a service's settings say."""
        return await cls.open(
            settings.database_url,
            schema=schema,
            pool_size=settings.pool_size,
            constraints=constraints,
            pool_mode=settings.pool_mode,
            direct_url=settings.database_direct_url,
        )

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

    @property
    def can_listen(self) -> bool:
        """Whether NOTIFY reaches this process; behind a pooler in transaction mode that takes an address past it."""
        return self.connections.can_listen

    async def connect_listener(self) -> asyncpg.Connection:
        """A connection of its own, for LISTEN. Raises Unavailable."""
        async with self.translated():
            return await self.connections.listener()

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
            if self._keeps_statements:
                return str(await connection.execute(statement.sql, *arguments))
            unnamed = await described(connection, statement.sql)
            await unnamed.fetch(*arguments)
            return str(unnamed.get_statusmsg())

    async def copy_into(self, table: Table, columns: Sequence[str], records: Sequence[Sequence[Any]]) -> None:
        """Puts rows into a table by COPY, all or none."""
        async with self.translated(), _Borrowed(self.pool) as connection:
            try:
                await connection.copy_records_to_table(
                    table.name, schema_name=table.schema, columns=columns, records=records
                )
            except asyncio.CancelledError:
                connection.terminate()  # See `described`: its columns are looked up in the same way.
                raise

    async def _hot(self, statement: Statement, how: str, parameters: dict[str, Any]) -> Any:
        arguments = statement.arguments(parameters)
        try:
            async with _Borrowed(self.pool) as connection:
                return await self._ask(connection, how, statement.sql, arguments)
        except Exception as error:
            if not statement.reads or not _is_lost(error):
                raise self._translated(error) from error
        # A restart of Postgres shows once per pooled connection; a read can simply be asked again.
        async with self.translated(), _Borrowed(self.pool) as connection:
            return await self._ask(connection, how, statement.sql, arguments)

    async def _ask(self, connection: Any, how: str, sql: str, arguments: Sequence[Any]) -> Any:
        if self._keeps_statements:
            return await getattr(connection, how)(sql, *arguments)
        return await getattr(await described(connection, sql), how)(*arguments)

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
            self.pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection,
            connection.transaction() if self._keeps_statements else Begun(connection),
        ):
            yield HotTransaction(connection, self._keeps_statements)

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
