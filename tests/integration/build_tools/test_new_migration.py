"""A new migration holds what the models have beyond the last one, and running it makes both agree."""

from __future__ import annotations

import compileall
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table

from build_tools.migrations_check import Migrations, on_connection, problems, scratch_database, scratch_server
from build_tools.new_migration import file_stem, write_migration

ENVIRONMENT = """
from sqlalchemy import MetaData
from chassis.migrations import run_migrations
run_migrations("made", MetaData(schema="made"))
"""


async def test_the_first_and_the_next_migration_bring_the_models_into_the_database(tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text(ENVIRONMENT)
    metadata = MetaData(schema="made")
    migrations = Migrations("made", tmp_path, metadata)

    async with scratch_server() as server_url:
        shelf = Table("shelf", metadata, Column("id", Integer, primary_key=True))
        assert await _write(server_url, migrations, "Shelves") == ["0001_shelves.py"]
        shelf.append_column(Column("width", Integer))
        assert await _write(server_url, migrations, "add the width.") == ["0001_shelves.py", "0002_add_the_width.py"]
        async with scratch_database(server_url) as url:
            assert await on_connection(url, lambda connection: problems(connection, migrations)) == []
    assert compileall.compile_dir(tmp_path / "versions", quiet=1)


async def _write(server_url: str, migrations: Migrations, title: str) -> list[str]:
    def work(connection: Connection) -> list[str]:
        write_migration(connection, migrations, title)
        return sorted(path.name for path in (migrations.folder / "versions").glob("*.py"))

    async with scratch_database(server_url) as url:
        return await on_connection(url, work)


@pytest.mark.parametrize(
    ("title", "stem"),
    [("Add the purge time.", "add_the_purge_time"), ("SKU -> upper case!", "sku_upper_case"), ("x" * 99, "x" * 60)],
)
def test_the_file_is_named_after_what_it_does(title: str, stem: str) -> None:
    assert file_stem(title) == stem
