"""The schema, and the kinds of columns its tables share."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Numeric, Text, func, text

from chassis.database import schema_metadata

SCHEMA = "inventory"
metadata = schema_metadata(SCHEMA)


def amount(name: str) -> Column[object]:
    """An exact amount of money."""
    return Column(name, Numeric(14, 4))


def moment(name: str, *, nullable: bool = False) -> Column[object]:
    """A time; now, unless it may be none."""
    default = None if nullable else func.now()
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default)


def words(name: str) -> Column[str]:
    """A text that is empty when there is none."""
    return Column(name, Text, nullable=False, server_default=text("''"))
