"""A hub of its own for rubbish."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from deploy.local.hub import Hub
from tests.e2e.conftest import SignedIn, whole_hub


@pytest.fixture(scope="package")
async def victim() -> AsyncIterator[Hub]:
    """A hub of its own: rubbish that happens to be valid takes away what other tests stand on."""
    async with whole_hub() as running:
        yield running


@pytest.fixture
async def victims_token(victim: Hub) -> str:
    async with httpx2.AsyncClient(base_url=victim.gateway_url, timeout=30, auth=SignedIn(victim)) as admin:
        answer = await admin.get("/api/v1/auth/me")
    assert answer.status_code == 200, answer.text
    return answer.request.headers["authorization"].removeprefix("Bearer ")


@pytest.fixture
async def rubbish(victim: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client at that hub's gateway, signed in as its admin."""
    async with httpx2.AsyncClient(base_url=victim.gateway_url, timeout=30, auth=SignedIn(victim)) as made:
        yield made
