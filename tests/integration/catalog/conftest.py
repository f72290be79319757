"""A catalog service per test module, on a migrated database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.factories.databases import Databases
from tests.integration.catalog.harness import CatalogHub


@pytest.fixture(scope="module")
async def database_url(databases: Databases) -> AsyncIterator[str]:
    """A migrated, empty database; the address is the administrator's."""
    async with databases.clone("catalog") as url:
        yield url


@pytest.fixture(scope="module")
async def hub(database_url: str) -> AsyncIterator[CatalogHub]:
    """A catalog service; sync does not answer it."""
    started = await CatalogHub.start(database_url)
    yield started
    await started.stop()
