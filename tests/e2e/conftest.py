"""One whole hub for all tests that go through its gateway: free ports, a state folder of its own, stopped at the end."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import httpx2
import pytest

from build_tools.protos import ensure_generated
from deploy.local.hub import Hub
from deploy.local.settings import HubSettings
from tests.factories.folders import scratch_folder

ORIGIN = "https://shop.example"


def clean_environment() -> dict[str, str]:
    """The caller's environment without settings of the hub: a test's hub must not depend on the machine's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HUB_") and name != "DATABASE_URL"}


@pytest.fixture(scope="session")
async def hub() -> AsyncIterator[Hub]:
    """The hub, healthy. Tests share it, so each makes its own families, users and units."""
    ensure_generated()
    with scratch_folder() as folder:
        settings = HubSettings(
            state_dir=folder / "state",
            gateway_port=0,
            cors_origins=(ORIGIN,),
            environ=clean_environment(),
            postgres_options={"fsync": "off"},
        )
        async with Hub(settings) as running:
            yield running


@pytest.fixture(scope="session")
async def client(hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client at the gateway, not signed in."""
    async with httpx2.AsyncClient(base_url=hub.gateway_url, timeout=30) as made:
        yield made


@pytest.fixture(scope="session")
async def admin_token(hub: Hub, client: httpx2.AsyncClient) -> str:
    """An access token of the first admin."""
    form = {"grant_type": "password", "username": hub.admin_user, "password": hub.admin_password}
    answer = await client.post("/api/v1/auth/token", data=form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@pytest.fixture(scope="session")
async def admin(hub: Hub, admin_token: str) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client at the gateway, signed in as the first admin."""
    headers = {"authorization": f"Bearer {admin_token}"}
    async with httpx2.AsyncClient(base_url=hub.gateway_url, timeout=30, headers=headers) as made:
        yield made
