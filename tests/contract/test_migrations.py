"""Models and migrations of every service describe the same schema, and every migration can be undone and done again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Index, Integer, MetaData, Table

from build_tools.layout import SERVICE_PACKAGES
from build_tools.migrations_check import (
    Migrations,
    check_service,
    on_connection,
    problems,
    scratch_database,
    scratch_server,
)

MADE = "made"

ENVIRONMENT = """
from alembic import context
from sqlalchemy import MetaData
from chassis.migrations import run_migrations
run_migrations("made", context.config.attributes.get("metadata", MetaData(schema="made")))
"""
REVISION = """
from alembic import op
revision = "0001"
down_revision = None
def upgrade():
    columns = "id integer PRIMARY KEY, width integer CONSTRAINT ck_width CHECK (width > 0)"
    op.execute(f"CREATE TABLE IF NOT EXISTS made.shelf ({columns})")
    op.execute("CREATE INDEX IF NOT EXISTS ix_shelf_width ON made.shelf (width)")
def downgrade():
    op.execute("DOWNGRADE")
"""


@pytest.fixture(scope="module")
async def server_url() -> AsyncIterator[str]:
    async with scratch_server() as url:
        yield url


@pytest.mark.parametrize("package", SERVICE_PACKAGES)
async def test_models_and_migrations_agree_and_every_revision_can_be_redone(server_url: str, package: str) -> None:
    assert await check_service(server_url, package) == []


def made_migrations(folder: Path, *, downgrade: str = "DROP TABLE made.shelf") -> Migrations:
    """A schema with one table whose model lacks the CHECK and the index."""
    (folder / "versions").mkdir()
    (folder / "env.py").write_text(ENVIRONMENT)
    (folder / "versions" / "0001_shelf.py").write_text(REVISION.replace("DOWNGRADE", downgrade))
    metadata = MetaData(schema=MADE)
    Table("shelf", metadata, Column("id", Integer, primary_key=True), Column("width", Integer))
    return Migrations(MADE, folder, metadata)


async def found_in(server_url: str, migrations: Migrations) -> list[str]:
    async with scratch_database(server_url) as url:
        return await on_connection(url, lambda connection: problems(connection, migrations))


async def test_a_constraint_and_an_index_that_the_models_lack_are_found(server_url: str, tmp_path: Path) -> None:
    found = await found_in(server_url, made_migrations(tmp_path))

    assert any("remove_index" in one and "ix_shelf_width" in one for one in found), found
    assert "made.shelf: the models have no CHECK ck_width" in found


async def test_a_column_that_the_migrations_lack_is_found(server_url: str, tmp_path: Path) -> None:
    migrations = made_migrations(tmp_path)
    shelf = migrations.metadata.tables["made.shelf"]
    shelf.append_column(Column("depth", Integer))
    Index("ix_shelf_width", shelf.c.width)

    found = await found_in(server_url, migrations)

    assert any("add_column" in one and "depth" in one for one in found), found


async def test_a_downgrade_that_leaves_something_is_found(server_url: str, tmp_path: Path) -> None:
    migrations = made_migrations(tmp_path, downgrade="DROP INDEX made.ix_shelf_width")

    found = await found_in(server_url, migrations)

    assert "left behind by all downgrades: relation shelf" in found


async def test_an_upgrade_that_does_not_restore_what_was_undone_is_found(server_url: str, tmp_path: Path) -> None:
    migrations = made_migrations(tmp_path, downgrade="ALTER TABLE made.shelf ALTER COLUMN width SET NOT NULL")

    found = await found_in(server_url, migrations)

    assert any("undoing and redoing 0001: changed: column shelf.width" in one for one in found), found
