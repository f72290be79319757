"""Migrations of the catalog schema, each in a transaction of its own and reversible."""
