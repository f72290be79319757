"""Point-in-time recovery, whole: a hub that keeps its log is brought back to a given second, and goes on from there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from deploy.backup.sealing import new_key
from deploy.local.hub import Hub
from deploy.local.settings import HubSettings
from tests.e2e.backup.test_restore_drill import API, post, receive, until
from tests.e2e.conftest import SignedIn, clean_environment, make_locations
from tests.e2e.hubctl.conftest import HubctlUser
from tests.factories.databases import scratch_server
from tests.factories.folders import scratch_folder

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@asynccontextmanager
async def running(state: Path, environment: dict[str, str]) -> AsyncIterator[tuple[Hub, httpx2.AsyncClient]]:
    settings = HubSettings(state_dir=state, gateway_port=0, environ={**clean_environment(), **environment})
    async with (
        Hub(settings) as hub,
        httpx2.AsyncClient(base_url=hub.gateway_url, timeout=30, auth=SignedIn(hub)) as client,
    ):
        yield hub, client


async def serials(client: httpx2.AsyncClient, sku: str) -> list[str]:
    answer = await client.get(f"{API}/inventory", params={"sku": sku, "page_size": 100})
    return sorted(unit["serial_number"] for unit in answer.json()["items"])


async def a_moment_between(client: httpx2.AsyncClient, sku: str, before: str, after: str) -> datetime:
    """Two units a second and more apart, and the second between them."""
    body = {"sku": sku, "location": "A1-S1"}
    await post(client, "/inventory/receive", {**body, "serial_numbers": [before]})
    await asyncio.sleep(1.2)
    moment = datetime.now(UTC)
    await asyncio.sleep(1.2)
    await post(client, "/inventory/receive", {**body, "serial_numbers": [after]})
    return moment


async def shipped_beyond(operator: HubctlUser, moment: datetime, bases: int = 1) -> None:
    async def is_there() -> bool:
        found: list[dict[str, Any]] = await asyncio.to_thread(operator.json, "backup", "pitr", "list")
        return (
            len(found) >= bases
            and found[-1]["until about"] > f"{moment:%Y-%m-%d %H:%M:%SZ}"
            and found[-1]["segments"] > 1
        )

    await until(is_there, seconds=120)


async def dumped_and_restored_elsewhere(operator: HubctlUser, moment: datetime) -> None:
    """As for a Postgres that is not the embedded one, while the hub runs: a backup of that second, restored by its address."""
    await asyncio.to_thread(operator.ok, "backup", "pitr", "dump", f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}")
    before: list[Any] = await asyncio.to_thread(operator.json, "backup", "list")
    moments = f"{operator.environment['HUB_BACKUP_TO']}/moments"
    (dumped,) = await asyncio.to_thread(operator.json, "backup", "list", "--to", moments)
    assert dumped["secrets"] == "yes"
    assert dumped["backup"] not in {one["backup"] for one in before}
    async with scratch_server() as databases:
        elsewhere = HubctlUser({**operator.environment, "DATABASE_URL": databases.url("restored")})
        await asyncio.to_thread(elsewhere.ok, "backup", "restore", "--to", moments)
        connection = await asyncpg.connect(databases.url("restored"))
        found = await connection.fetch("SELECT serial_number FROM inventory.item ORDER BY serial_number")
        await connection.close()
    assert "KEPT-1" in {row[0] for row in found}
    assert "LOST-1" not in {row[0] for row in found}


async def test_the_hub_goes_back_to_a_second_and_on_from_there() -> None:
    with scratch_folder() as folder:
        state = folder / "state"
        settings = {
            "HUB_BACKUP_TO": str(folder / "store"),
            "HUB_BACKUP_KEY": new_key(),
            "HUB_BACKUP_WAL": "on",
            "HUB_BACKUP_WAL_SECONDS": "2",
        }
        operator = HubctlUser({"HUB_STATE_DIR": str(state), "HUBCTL_SESSION": str(folder / "session"), **settings})
        async with running(state, settings) as (hub, client):
            await make_locations(hub)
            await shipped_beyond(operator, datetime.now(UTC))
            sku, _ = await receive(client, 1)
            first = await a_moment_between(client, sku, "KEPT-1", "LOST-1")
            await post(client, "/inventory/receive", {"sku": sku, "count": 30, "location": "A1-S2"})
            await shipped_beyond(operator, datetime.now(UTC))
            await dumped_and_restored_elsewhere(operator, first)
            refused = await asyncio.to_thread(operator.run, "backup", "pitr", "restore", f"{first:%Y-%m-%dT%H:%M:%SZ}")
            assert (refused.status, "another hub" in refused.err) == (2, True)
        ahead = operator.run("backup", "pitr", "restore", "2099-01-01T00:00:00Z")
        assert (ahead.status, "has not come yet" in ahead.err) == (2, True)
        gone = operator.run("backup", "pitr", "restore", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
        assert (gone.status, "ends before" in gone.err) == (2, True)
        went = operator.ok("backup", "pitr", "restore", f"{first:%Y-%m-%dT%H:%M:%S.%fZ}", "--resume-channels")
        assert "the ledger is whole" in went.out
        async with running(state, settings) as (hub, client):
            assert "LOST-1" not in (found := await serials(client, sku))
            assert "KEPT-1" in found
            assert len(found) == 2
            # And once more, on the course of history that began with the first return, once it has a base backup.
            await shipped_beyond(operator, datetime.now(UTC), bases=2)
            second = await a_moment_between(client, sku, "KEPT-2", "LOST-2")
            await shipped_beyond(operator, datetime.now(UTC))
        operator.ok("backup", "pitr", "restore", f"{second:%Y-%m-%dT%H:%M:%S.%fZ}")
        # A new machine has nothing but the key.
        elsewhere = HubctlUser({**operator.environment, "HUB_STATE_DIR": str(folder / "other")})
        elsewhere.ok("backup", "pitr", "restore", f"{second:%Y-%m-%dT%H:%M:%S.%fZ}")
        for place in (state, folder / "other"):
            async with running(place, {}) as (hub, client):
                assert {"KEPT-1", "KEPT-2"} <= set(await serials(client, sku))
                assert len(await serials(client, sku)) == 3
                channels = (await client.get(f"{API}/channels")).json()["items"]
                assert {one["state"] for one in channels} == {"PAUSED"}
