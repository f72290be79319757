"""One Postgres for all integration tests.

    @pytest.fixture(scope="module")
    async def database_url(databases: Databases) -> AsyncIterator[str]:
        async with databases.clone("catalog") as url:
            yield Databases.as_service(url, "catalog")
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.factories.databases import Databases, scratch_server


@pytest.fixture(scope="session")
async def databases() -> AsyncIterator[Databases]:
    """Databases to order: `clone` migrated ones, `empty` bare ones."""
    async with scratch_server() as made:
        yield made
