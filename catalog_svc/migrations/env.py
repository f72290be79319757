"""Alembic's entry: the chassis runs the revisions on the catalog schema."""

from catalog_svc.storage.tables import SCHEMA, metadata
from chassis.migrations import run_migrations

run_migrations(schema=SCHEMA, metadata=metadata)
