"""What every service's migrations/env.py calls: Alembic on one schema, with its version table inside it and lock time-outs.

A migration waits at most a few seconds for a lock, so that it never queues the hub's own traffic behind itself.
"""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy import Connection, MetaData, text

LOCK_TIMEOUT = "4s"
STATEMENT_TIMEOUT = "300s"


def run_migrations(schema: str, metadata: MetaData) -> None:
    """Runs the migrations on the connection that the caller put into `config.attributes["connection"]`.

    Each revision is a transaction of its own. Safe to repeat.
    """
    connection: Connection = context.config.attributes["connection"]
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
    connection.execute(text(f'SET search_path = "{schema}"'))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table="alembic_version",
        version_table_schema=schema,
        include_schemas=True,
        include_name=only(schema),
        transaction_per_migration=True,
        compare_server_default=False,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def only(schema: str) -> Any:
    """An Alembic filter that looks at one schema and leaves its version table out."""

    def include(name: str | None, kind: str, parents: dict[str, Any]) -> bool:
        if kind == "schema":
            return name == schema
        return not (kind == "table" and name == "alembic_version")

    return include
