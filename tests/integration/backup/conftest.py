"""A hub, a desk and databases to restore to, which are removed at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from deploy.backup.folder_store import FolderStore
from tests.factories.databases import Databases
from tests.integration.backup.hubs import SCHEMAS, Desk, Hub, fresh_name


@pytest.fixture
async def hub(databases: Databases) -> AsyncIterator[Hub]:
    async with databases.clone(*SCHEMAS) as url:
        made = Hub(url)
        await made.fill()
        yield made


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(FolderStore(tmp_path / "store"))


@pytest.fixture
async def elsewhere(databases: Databases) -> AsyncIterator[Hub]:
    """A database that is not there yet."""
    name = fresh_name()
    yield Hub(databases.url(name))
    connection = await asyncpg.connect(databases.url())
    for database in (name, f"{name}_restoring", f"{name}_before_restore"):
        await connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
    await connection.close()
