"""Runs the migrations of the schema `sync`."""

from chassis.migrations import run_migrations
from sync_svc.storage.tables import SCHEMA, metadata

run_migrations(SCHEMA, metadata)
