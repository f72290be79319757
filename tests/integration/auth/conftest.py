"""A running auth service per test module, on a migrated database of its own."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from deploy.local.ports import Ports
from deploy.local.postgres import EmbeddedPostgres, PostgresPlace
from tests.integration.auth.harness import AuthHub, use_cheap_hashing


@pytest.fixture(scope="session")
async def auth_server_url() -> AsyncIterator[str]:
    # Not below pytest's own folder, which the user that Postgres runs as cannot reach.
    folder = Path(tempfile.mkdtemp(prefix="hub-auth-pg-"))
    ports = Ports()
    place = PostgresPlace(data=folder / "data", log=folder / "log", port=ports.take_free(), password="p" * 20)
    server = EmbeddedPostgres(place, {"fsync": "off"})
    await server.start()
    yield place.url("postgres")
    await server.stop()
    ports.release()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
async def database_url(auth_server_url: str) -> AsyncIterator[str]:
    """An empty database; the address is the administrator's."""
    name = f"auth_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(auth_server_url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    yield auth_server_url.rpartition("/")[0] + f"/{name}"
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


@pytest.fixture(scope="module")
async def hub(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AuthHub]:
    """One auth service with the admin "admin"; passwords are hashed cheaply."""
    with pytest.MonkeyPatch.context() as patch:
        use_cheap_hashing(patch)
        started = await AuthHub.start(database_url, Path(tmp_path_factory.mktemp("state")))
        yield started
        await started.stop()
