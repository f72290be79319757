"""docs/data-model.md: the tables of every schema and how they hang together, drawn from the models."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Column, MetaData, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql

from build_tools.layout import SERVICE_PACKAGES
from build_tools.migrations_check import migrations_of

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
_OPENING = """# The data model

Written by `make reference` from the tables in the code; do not edit. A test proves that migrations and models
describe the same schema.

One Postgres, a schema and a role per service. No foreign key crosses a schema and no service reads another's: where a
row names one of another service it does so by its id and its natural key together.

| Names | In | By |
|---|---|---|
| a variant of catalog | `inventory.item`, `sync.listing`, `sync.order_line` | `variant_id` and the SKU |
| an order of sync | `inventory.allocation`, `inventory.reservation`, `inventory.movement` | `order_reference` |
| a user of auth | every ledger and trail | `actor_id` and the name he had |

What is enforced by the database alone: a unit has one live hold (`uq_reservation_live`), the ledger is only ever
added to and each unit's rows are chained by hash, an identity that something refers to never changes, names and
recipes cannot contradict each other. Every schema with a feed has an `outbox` that is written in the transaction of
the change, and `stored_answer` keeps what was answered under a request id. `PK` is the primary key, `FK` points to
another table of the schema, `UK` is unique.
"""


def page() -> str:
    """The whole text."""
    return _OPENING + "".join(
        f"\n## {migrations.schema}\n\n{_diagram(migrations.metadata)}"
        for migrations in map(migrations_of, SERVICE_PACKAGES)
    )


def _diagram(metadata: MetaData) -> str:
    tables = sorted(metadata.tables.values(), key=lambda table: table.name)
    lines = [line for table in tables for line in _relations(table)]
    lines += [line for table in tables for line in _entity(table)]
    return "```mermaid\nerDiagram\n" + "".join(f"  {line}\n" for line in lines) + "```\n"


def _relations(table: Table) -> Iterator[str]:
    for key in sorted(table.foreign_key_constraints, key=lambda one: list(one.column_keys)):
        columns = ", ".join(key.column_keys)
        may_lack = any(column.nullable for column in key.columns)
        many = "|" if _is_unique(table, set(key.column_keys)) else "{"
        yield f'{key.referred_table.name} {"|o" if may_lack else "||"}--o{many} {table.name} : "{columns}"'


def _entity(table: Table) -> Iterator[str]:
    yield f"{table.name} {{"
    for column in table.columns:
        yield f"  {_type(column)} {column.name}{_keys(table, column)}"
    yield "}"


def _type(column: Column[object]) -> str:
    """The type in one word, as the drawing takes it; an optional column has a trailing mark."""
    words = str(column.type.compile(dialect=_DIALECT)).lower().replace("timestamp with time zone", "timestamptz")
    word = words.partition("(")[0].strip().replace(" ", "_").replace("[]", "_array")
    return f"{word}_or_null" if column.nullable else word


def _keys(table: Table, column: Column[object]) -> str:
    marks = []
    if column.primary_key:
        marks.append("PK")
    if column.foreign_keys:
        marks.append("FK")
    if not column.primary_key and _is_unique(table, {column.name}):
        marks.append("UK")
    return f" {', '.join(marks)}" if marks else ""


def _is_unique(table: Table, columns: set[str]) -> bool:
    """Whether these columns together are unique, by a constraint or by an index over all rows."""
    constraints = [set(one.columns.keys()) for one in table.constraints if isinstance(one, UniqueConstraint)]
    indexes = [
        {getattr(part, "name", "") for part in one.expressions}
        for one in table.indexes
        if one.unique and one.dialect_options["postgresql"]["where"] is None
    ]
    return columns in [*constraints, *indexes, set(table.primary_key.columns.keys())]
