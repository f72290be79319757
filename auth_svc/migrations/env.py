"""Runs the migrations of the schema `auth`."""

from auth_svc.storage.tables import SCHEMA, metadata
from chassis.migrations import run_migrations

run_migrations(SCHEMA, metadata)
