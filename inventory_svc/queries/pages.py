"""Keyset pages over filters: one compiled statement per combination of filters that is ever used.

A page is found by ids first, so that each alternative of a filter walks its own index in order, and the rows are joined after.
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

# Counting stops here; above it the planner's estimate is told.
COUNT_LIMIT = 50_000


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that must all hold, with their parameters. `either` is one more that holds in any of several ways.

    The texts are constants of this package; values travel as parameters only.
    """

    table: str
    conditions: tuple[str, ...]
    either: tuple[str, ...] = ("TRUE",)
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def alternatives(self) -> tuple[str, ...]:
        """The whole condition, once per way of `either`."""
        return tuple(" AND ".join((*self.conditions, way)) for way in self.either)


@lru_cache(maxsize=512)
def _page(table: str, alternatives: tuple[str, ...], columns: str, source: str, name: str) -> Statement:
    ids = " UNION ALL ".join(
        f"(SELECT id FROM {table} WHERE {each} AND id > CAST(:after AS bigint) ORDER BY id LIMIT CAST(:most AS integer))"
        for each in alternatives
    )
    return Statement(
        text(f"""
        SELECT {columns} FROM (SELECT id FROM ({ids}) AS any_way ORDER BY id LIMIT CAST(:most AS integer)) AS page
        JOIN {source} ON {name}.id = page.id ORDER BY page.id
        """)
    )


@lru_cache(maxsize=512)
def _count(table: str, alternatives: tuple[str, ...]) -> Statement:
    ids = " UNION ALL ".join(f"SELECT 1 FROM {table} WHERE {each}" for each in alternatives)
    return Statement(
        text(f"SELECT count(*) AS total FROM (SELECT 1 FROM ({ids}) AS matching LIMIT {COUNT_LIMIT + 1}) AS counted")
    )


@lru_cache(maxsize=512)
def _estimate(table: str, alternatives: tuple[str, ...]) -> Statement:
    ids = " UNION ALL ".join(f"SELECT 1 FROM {table} WHERE {each}" for each in alternatives)
    return Statement(text(f"EXPLAIN (FORMAT JSON) {ids}"))


async def read_page(
    session: Session, filters: Filters, *, columns: str, source: str, name: str, after: int, most: int
) -> Sequence[Row]:
    """Up to `most` rows behind the id `after`, by id."""
    statement = _page(filters.table, filters.alternatives(), columns, source, name)
    return await session.rows(statement, after=after, most=most, **filters.parameters)


async def count(session: Session, filters: Filters) -> int:
    """How many rows match: exact up to COUNT_LIMIT, the planner's estimate above."""
    found = await session.rows(_count(filters.table, filters.alternatives()), **filters.parameters)
    total = int(found[0]["total"])
    if total <= COUNT_LIMIT:
        return total
    plan = await session.rows(_estimate(filters.table, filters.alternatives()), **filters.parameters)
    return max(total, int(loads(plan[0]["QUERY PLAN"])[0]["Plan"]["Plan Rows"]))
