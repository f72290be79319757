"""One Postgres for all integration tests.

@pytest.fixture(scope="module")
async def database_url(databases: Databases) -> AsyncIterator[str]:
    async with databases.clone("catalog") as url:
        yield Databases.as_service(url, "catalog")
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.factories.databases import Databases, scratch_server


@pytest.fixture(scope="session")
async def databases() -> AsyncIterator[Databases]:
    """Databases to order: `clone` migrated ones, `empty` bare ones."""
    # Not below pytest's own folder: each run of pytest shuts it to all users but its own, also to the one Postgres runs as.
    with tempfile.TemporaryDirectory(prefix="hub-tests-", ignore_cleanup_errors=True) as folder:
        async with scratch_server(Path(folder)) as made:
            yield made
