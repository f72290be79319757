"""Starts a migration: `python -m build_tools.new_migration catalog "add the purge time"`, or `make migration`.

What the models have and the migrations lack is written into it; triggers, functions and the moving of data are for the author.
"""

from __future__ import annotations

import asyncio
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from build_tools.layout import ROOT, SERVICE_PACKAGES
from build_tools.migrations_check import Migrations, migrations_of, on_connection, scratch_database, scratch_server
from chassis.migrations import only

_TEMPLATE = '''"""{title}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {parent}
branch_labels = None
depends_on = None


def upgrade() -> None:
    {upgrade}


def downgrade() -> None:
    {downgrade}
'''


def write_migration(connection: Connection, migrations: Migrations, title: str) -> Path:
    """Brings an empty database up to the last migration and writes the next one. Gives its path."""
    config = migrations.config(connection)
    parent = ScriptDirectory.from_config(config).get_current_head()
    connection.execute(text(f'CREATE SCHEMA "{migrations.schema}"'))
    connection.commit()
    command.upgrade(config, "head")
    upgrade, downgrade = _missing(connection, migrations)
    revision = f"{int(parent or '0') + 1:04}"
    path = migrations.folder / "versions" / f"{revision}_{file_stem(title)}.py"
    named = {"title": title[:1].upper() + title[1:].rstrip("."), "revision": revision, "parent": _quoted(parent)}
    path.write_text(_TEMPLATE.format(**named, upgrade=upgrade, downgrade=downgrade))
    return path


def file_stem(title: str) -> str:
    """ "Add the purge time." as a file name: add_the_purge_time."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:60] or datetime.now(UTC).strftime("%Y%m%d")


def _missing(connection: Connection, migrations: Migrations) -> tuple[str, str]:
    """The Python of both directions, indented for a function."""
    context = MigrationContext.configure(
        connection,
        opts={"include_schemas": True, "include_name": only(migrations.schema), "compare_type": True},
    )
    script = produce_migrations(context, migrations.metadata)
    connection.rollback()
    if script.upgrade_ops is None or script.downgrade_ops is None:
        raise RuntimeError("Alembic compared nothing")
    both = (script.upgrade_ops, script.downgrade_ops)
    upgrade, downgrade = (render_python_code(one, migration_context=context) for one in both)
    return upgrade, downgrade


def _quoted(parent: str | None) -> str:
    return "None" if parent is None else f'"{parent}"'


async def _run(package: str, title: str) -> Path:
    async with scratch_server() as server_url, scratch_database(server_url) as url:
        written: list[Path] = []

        def work(connection: Connection) -> list[str]:
            written.append(write_migration(connection, migrations_of(package), title))
            return []

        await on_connection(url, work)
    return written[0]


def main() -> int:
    """Takes a service and what the migration does; prints the new file."""
    service, title = [*sys.argv[1:], "", ""][:2]
    package = f"{service.removesuffix('_svc')}_svc"
    if package not in SERVICE_PACKAGES or not title:
        services = ", ".join(name.removesuffix("_svc") for name in SERVICE_PACKAGES)
        print(f'migration: say which and what, as in: make migration service=catalog m="add a column" ({services})')
        return 2
    path = asyncio.run(_run(package, title))
    print(f"migration: wrote {path.relative_to(ROOT)}; read it, and run make fmt migrations-check")
    return 0


if __name__ == "__main__":
    sys.exit(main())
