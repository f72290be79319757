"""The Alembic history of the schema `inventory`."""
