"""The schema, and the kinds of columns its tables share."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Integer, Text, func, text

from chassis.database import schema_metadata

SCHEMA = "sync"
metadata = schema_metadata(SCHEMA)


def moment(name: str, *, required: bool = False) -> Column[object]:
    """A time; now where it is required, else none until there is one."""
    default = func.now() if required else None
    return Column(name, DateTime(timezone=True), nullable=not required, server_default=default)


def words(name: str) -> Column[str]:
    """A text that is empty when there is none."""
    return Column(name, Text, nullable=False, server_default=text("''"))


def number(name: str, default: int) -> Column[int]:
    """A whole number."""
    return Column(name, Integer, nullable=False, server_default=text(str(default)))


def one_of(name: str, *values: str) -> str:
    """The condition that a column holds one of these words."""
    return f"{name} IN ({', '.join(repr(value) for value in values)})"
