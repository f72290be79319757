"""A running auth service per test module, on a migrated database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.factories.databases import Databases
from tests.integration.auth.harness import AuthHub, use_cheap_hashing


@pytest.fixture(scope="module")
async def hub(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AuthHub]:
    """One auth service with the admin "admin"; passwords are hashed cheaply."""
    with pytest.MonkeyPatch.context() as patch:
        use_cheap_hashing(patch)
        async with databases.clone("auth") as url:
            started = await AuthHub.start(url, Path(tmp_path_factory.mktemp("state")))
            yield started
            await started.stop()
