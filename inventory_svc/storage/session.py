"""One way to run a statement, whether on the hot pool (autocommit, one statement is the transaction) or in a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Statement


class Row(Protocol):
    """A row of either driver: columns by name."""

    def __getitem__(self, column: str, /) -> Any:
        """The value of a column."""
        ...


class Session(Protocol):
    """Where a statement runs."""

    async def rows(self, statement: Statement, **parameters: Any) -> Sequence[Row]:
        """Every row the statement answers."""
        ...


class Pool(Protocol):
    """What runs a statement by itself: the database, or its standby."""

    async def fetch(self, statement: Statement, **parameters: Any) -> list[Any]:
        """Every row the statement answers. Raises HubError."""
        ...


class PoolSession:
    """Each statement is a transaction of its own: the cheapest way for a change that is one statement."""

    def __init__(self, db: Pool) -> None:
        self._db = db

    async def rows(self, statement: Statement, **parameters: Any) -> Sequence[Row]:
        """Every row the statement answers. Raises HubError."""
        return await self._db.fetch(statement, **parameters)


class TransactionSession:
    """Statements of one open transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    async def rows(self, statement: Statement, **parameters: Any) -> Sequence[Row]:
        """Every row the statement answers. Raises the driver's errors, which the transaction translates."""
        result = await self.connection.exec_driver_sql(statement.sql, tuple(statement.arguments(parameters)))
        return result.mappings().all() if result.returns_rows else []
