"""A hub of the gateway, Postgres and the auth service only."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from deploy.local.hub import Hub
from deploy.local.settings import HubSettings

ADMIN_PASSWORD = "seven green bottles"
_LEFT_OUT = frozenset({"catalog", "inventory", "sync", "sandbox"})


@pytest.fixture(scope="package")
async def auth_hub() -> AsyncIterator[Hub]:
    # Not below pytest's own folder, which the user that Postgres runs as cannot reach.
    folder = Path(tempfile.mkdtemp(prefix="hub-auth-e2e-"))
    settings = HubSettings(
        state_dir=folder,
        gateway_port=0,
        admin_password=ADMIN_PASSWORD,
        skip=_LEFT_OUT,
        extra_env={"auth": {"HUB_HEALTH_SERVICES": "auth"}},
        postgres_options={"fsync": "off"},
    )
    async with Hub(settings) as hub:
        yield hub
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="package")
async def http(auth_hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    """Speaks JSON to the gateway."""
    async with httpx2.AsyncClient(base_url=auth_hub.gateway_url, timeout=20) as client:
        yield client


@pytest.fixture(scope="package")
async def admin(http: httpx2.AsyncClient) -> dict[str, str]:
    """The headers of the first admin."""
    answer = await http.post("/api/v1/auth/token", data={"username": "admin", "password": ADMIN_PASSWORD})
    return {"authorization": f"Bearer {answer.json()['access_token']}"}
