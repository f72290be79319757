"""One page of a list, read by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")
MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """The items, whether there are more, and how many there are in all (counted up to 10,000)."""

    items: Sequence[T]
    is_last: bool
    total: int


def cut(items: Sequence[T], most: int, total: int) -> Page[T]:
    """A page from one row more than it takes."""
    return Page(items[:most], len(items) <= most, total)


async def count(conn: AsyncConnection, found: Select[Any]) -> int:
    """How many rows a select has, without counting beyond what anybody pages through."""
    limited = found.order_by(None).limit(MOST_COUNTED).subquery()
    return int((await conn.execute(select(func.count()).select_from(limited))).scalar_one())
