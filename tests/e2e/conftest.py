"""One whole hub for all tests that go through its gateway: free ports, a state folder of its own, stopped at the end."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager

import httpx2
import pytest

from build_tools.protos import ensure_generated
from deploy.local.hub import Hub
from deploy.local.settings import HubSettings
from tests.factories.folders import scratch_folder

PLACES = ("A1-S1", "A1-S2", "B2", "E1", "M1", "R1", "R2", "X")
ORIGIN = "https://shop.example"


def clean_environment() -> dict[str, str]:
    """The caller's environment without settings of the hub: a test's hub must not depend on the machine's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HUB_") and name != "DATABASE_URL"}


@pytest.fixture(scope="session")
async def hub() -> AsyncIterator[Hub]:
    """The hub, healthy. Tests share it, so each makes its own families, users and units."""
    async with whole_hub() as running:
        yield running


@asynccontextmanager
async def whole_hub() -> AsyncIterator[Hub]:
    """A healthy hub with the places that tests put units to."""
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
            await make_locations(running)
            yield running


async def make_locations(hub: Hub) -> None:
    """The places that tests put units to."""
    async with httpx2.AsyncClient(base_url=hub.gateway_url, timeout=30, auth=SignedIn(hub)) as admin:
        for code in PLACES:
            answer = await admin.post("/api/v1/inventory/locations", json={"code": code})
            assert answer.status_code == 200, answer.text


@pytest.fixture(scope="session")
async def client(hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client at the gateway, not signed in."""
    async with httpx2.AsyncClient(base_url=hub.gateway_url, timeout=30) as made:
        yield made


class SignedIn(httpx2.Auth):
    """Signs in, as the first admin unless told otherwise, and again when a test has ended the session all tests share."""

    requires_response_body = True

    def __init__(self, hub: Hub, username: str = "", password: str = "") -> None:
        self.username = username or hub.admin_user
        self._form = {
            "grant_type": "password",
            "username": self.username,
            "password": password or hub.admin_password,
        }
        self._url = f"{hub.gateway_url}/api/v1/auth/token"
        self.token = "none-yet"

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        request.headers["authorization"] = f"Bearer {self.token}"
        answer = yield request
        if answer.status_code == 401 and "TOKEN_" in answer.text:
            tokens = yield httpx2.Request("POST", self._url, data=self._form)
            self.token = str(tokens.json()["access_token"])
            request.headers["authorization"] = f"Bearer {self.token}"
            yield request


@pytest.fixture(scope="session")
async def admin(hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client at the gateway, signed in as the first admin."""
    async with httpx2.AsyncClient(base_url=hub.gateway_url, timeout=30, auth=SignedIn(hub)) as made:
        yield made


@pytest.fixture
async def admin_token(admin: httpx2.AsyncClient) -> str:
    """An access token of the first admin that holds at this moment."""
    answer = await admin.get("/api/v1/auth/me")
    assert answer.status_code == 200, answer.text
    return answer.request.headers["authorization"].removeprefix("Bearer ")
