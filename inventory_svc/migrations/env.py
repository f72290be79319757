"""Runs the migrations of the schema `inventory`."""

from chassis.migrations import run_migrations
from inventory_svc.storage.tables import SCHEMA, metadata

run_migrations(SCHEMA, metadata)
