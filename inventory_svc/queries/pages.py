"""Keyset pages over filters: one compiled statement per combination of filters that is ever used.

A page is found by ids first, so that each alternative of a filter walks its own index in order, and the rows are joined after.
Where few rows match they are gathered by whatever index finds them and then put in order: a walk might pass a million others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from json import loads
from typing import Any

from sqlalchemy import text

from chassis.database import Statement
from inventory_svc.storage.session import Row, Session

# Counting stops here, as it is part of every first page; above it the planner's estimate is told.
COUNT_LIMIT = 2_000
# So many rows are gathered in a few milliseconds.
_FEW = 2_000


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a list: a column, the condition for what stands behind the row of the id `:after`, and how it is sorted.

    The column of a row never changes, and rows that have the same come by id.
    """

    column: str
    behind: str
    by: str


BY_ID = Order("id", "id > CAST(:after AS bigint)", "key")


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that must all hold, with their parameters. `either` is one more that holds in any of several ways.

    The texts are constants of this package; values travel as parameters only.
    """

    table: str
    conditions: tuple[str, ...]
    either: tuple[str, ...] = ("TRUE",)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    order: Order = BY_ID
    # The ways of `either` leave nothing out: they are there for the walk alone.
    any_way: bool = False
    # Condition and order for counting, where the planner would otherwise read all that match before it stops.
    counted: str = ""

    def alternatives(self) -> tuple[str, ...]:
        """The whole condition, once per way of `either`."""
        return tuple(" AND ".join((*self.conditions, way)) for way in self.either)

    def unordered(self) -> tuple[str, ...]:
        """The same where no order is asked for: all ways together where those are no condition."""
        return (" AND ".join(self.conditions),) if self.any_way else self.alternatives()


@lru_cache(maxsize=512)
def _page(
    filters: tuple[str, tuple[str, ...]], order: Order, columns: str, source: str, name: str, few: bool
) -> Statement:
    table, alternatives = filters
    first = f"ORDER BY {order.by}, id LIMIT CAST(:most AS integer)"
    found = [f"SELECT id, {order.column} AS key FROM {table} WHERE {each} AND {order.behind}" for each in alternatives]
    # OFFSET 0 keeps the planner from walking in the order of the list.
    each_way = [f"(SELECT * FROM ({one} OFFSET 0) AS every {first})" if few else f"({one} {first})" for one in found]
    return Statement(
        text(f"""
        SELECT {columns} FROM (SELECT id, key FROM ({" UNION ALL ".join(each_way)}) AS any_way {first}) AS page
        JOIN {source} ON {name}.id = page.id ORDER BY page.{order.by}, page.id
        """)
    )


@lru_cache(maxsize=512)
def _count(table: str, alternatives: tuple[str, ...]) -> Statement:
    ids = " UNION ALL ".join(f"SELECT 1 FROM {table} WHERE {each}" for each in alternatives)
    return Statement(text(f"SELECT count(*) AS total FROM ({ids} LIMIT {COUNT_LIMIT + 1}) AS counted"))


@lru_cache(maxsize=512)
def _estimate(table: str, alternatives: tuple[str, ...]) -> Statement:
    ids = " UNION ALL ".join(f"SELECT 1 FROM {table} WHERE {each}" for each in alternatives)
    return Statement(text(f"EXPLAIN (FORMAT JSON) {ids}"))


async def read_page(
    session: Session,
    filters: Filters,
    *,
    columns: str,
    source: str,
    name: str,
    after: int,
    most: int,
    total: int | None = None,
) -> Sequence[Row]:
    """Up to `most` rows behind that of the id `after`, in the order of the filters.

    `total` is how many match, where that is known.
    """
    key, few = (filters.table, filters.alternatives()), total is not None and total <= _FEW
    statement = _page(key, filters.order, columns, source, name, few)
    return await session.rows(statement, after=after, most=most, **filters.parameters)


async def count(session: Session, filters: Filters) -> int:
    """How many rows match: exact up to COUNT_LIMIT, the planner's estimate above."""
    counted = (filters.counted,) if filters.counted else filters.unordered()
    found = await session.rows(_count(filters.table, counted), **filters.parameters)
    total = int(found[0]["total"])
    if total <= COUNT_LIMIT:
        return total
    plan = await session.rows(_estimate(filters.table, filters.unordered()), **filters.parameters)
    return max(total, int(loads(plan[0]["QUERY PLAN"])[0]["Plan"]["Plan Rows"]))
