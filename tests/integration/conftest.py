"""One Postgres for all integration tests; `databases.clone("catalog")` gives a module a migrated database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.factories.databases import Databases, scratch_server


@pytest.fixture(scope="session")
async def databases() -> AsyncIterator[Databases]:
    """Databases to order: `clone` migrated ones, `empty` bare ones."""
    async with scratch_server() as made:
        yield made
