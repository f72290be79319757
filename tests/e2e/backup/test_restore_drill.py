"""A hub is backed up while it is used, the backup is proven, restored on another machine, and replaces a hub that runs."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import grpc
import httpx2
import pytest
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import inventory_service_pb2_grpc

from deploy.backup.sealing import new_key
from deploy.local.hub import Hub
from deploy.local.settings import HubSettings
from deploy.local.topology import SERVICES
from tests.e2e.conftest import SignedIn, clean_environment
from tests.e2e.hubctl.conftest import HubctlUser
from tests.factories.folders import scratch_folder

API = "/api/v1"


async def post(client: httpx2.AsyncClient, path: str, body: dict[str, Any]) -> Any:
    answer = await client.post(f"{API}{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def receive(client: httpx2.AsyncClient, units: int) -> tuple[str, list[str]]:
    """A new variant and the ids of so many units of it."""
    family = await post(client, "/families", {"name": f"Drill {secrets.token_hex(3)}"})
    identity = await post(client, "/identities", {"product_id": family["product_id"], "type": "PRODUCT"})
    variant = await post(client, "/variants", {"identity_id": identity["id"]})
    sku = variant["full_sku"]
    received = await post(client, "/inventory/receive", {"sku": sku, "count": units, "location": "A1-S1"})
    return sku, [one["id"] for one in received["items"]]


@pytest.fixture(scope="module")
def backups(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of an operator: a folder and a key."""
    folder = tmp_path_factory.mktemp("backups")
    return {
        "HUB_BACKUP_TO": str(folder / "store"),
        "HUB_BACKUP_KEY": new_key(),
        "HUBCTL_SESSION": str(folder / "session.json"),
    }


@pytest.fixture(scope="module")
async def made(hub: Hub, admin: httpx2.AsyncClient, backups: dict[str, str]) -> dict[str, Any]:
    """A backup that was made while units were held and let go."""
    operator = HubctlUser({"HUB_STATE_DIR": str(hub.settings.state), **backups})
    _, units = await receive(admin, 40)
    stop = asyncio.Event()

    async def hold_and_let_go(mine: list[str]) -> int:
        count = 0
        while not stop.is_set():
            for unit in mine:
                await post(admin, f"/inventory/{unit}/reserve", {"order_reference": f"DRILL-{unit}"})
                await post(admin, f"/inventory/{unit}/release", {})
                count += 2
        return count

    load = [asyncio.create_task(hold_and_let_go(units[start::4])) for start in range(4)]
    await asyncio.sleep(0.3)
    (listed,) = (await asyncio.to_thread(operator.ok, "--json", "backup", "create")).objects[-1:]
    stop.set()
    assert sum(await asyncio.gather(*load)) > 8
    assert listed["sealed"] == listed["secrets"] == "yes"
    return listed


def test_the_drill_proves_the_backup(made: dict[str, Any], hub: Hub, backups: dict[str, str]) -> None:
    operator = HubctlUser({"HUB_STATE_DIR": str(hub.settings.state), **backups})
    proven = operator.ok("--json", "backup", "drill", str(made["backup"])).objects[-1]
    assert proven["rows"] == made["rows"]
    assert proven["units"] >= 40
    assert proven["movements"] > proven["units"]


@pytest.fixture(scope="module")
async def second(made: dict[str, Any], backups: dict[str, str]) -> AsyncIterator[tuple[Hub, HubctlUser]]:
    """The hub that was restored on another machine, running, and its operator."""
    with scratch_folder() as folder:
        operator = HubctlUser({"HUB_STATE_DIR": str(folder / "state"), **backups})
        await asyncio.to_thread(operator.ok, "backup", "restore", str(made["backup"]))
        settings = HubSettings(
            state_dir=folder / "state",
            gateway_port=0,
            environ={**clean_environment(), **backups, "HUB_BACKUP_TO": str(folder / "own")},
            postgres_options={"fsync": "off"},
        )
        async with Hub(settings) as running:
            yield running, operator


async def test_the_second_machine_has_the_hub(second: tuple[Hub, HubctlUser], hub: Hub) -> None:
    there, operator = second
    keys = [json.loads(one.state.secrets.read_text()) for one in (hub, there)]
    assert keys[0]["credential_key"] == keys[1]["credential_key"]
    assert keys[0]["postgres_password"] != keys[1]["postgres_password"]
    await asyncio.to_thread(operator.ok, "sign-in", "--local")
    assert "0" in (await asyncio.to_thread(operator.ok, "inventory", "verify")).out
    async with httpx2.AsyncClient(base_url=there.gateway_url, timeout=30, auth=SignedIn(there)) as client:
        channels = (await client.get(f"{API}/channels")).json()["items"]
        assert len(channels) >= 6
        for one in channels:
            if one["connection"] == "CONNECTED":  # Its credentials were sealed on the first machine.
                answer = await client.post(f"{API}/channels/{one['id']}/test", json={})
                assert answer.status_code == 200, answer.text


async def test_a_running_hub_is_replaced_and_comes_back(second: tuple[Hub, HubctlUser], made: dict[str, Any]) -> None:
    there, operator = second
    backup = str(made["backup"])
    async with httpx2.AsyncClient(base_url=there.gateway_url, timeout=30, auth=SignedIn(there)) as client:
        sku, _ = await receive(client, 1)
        before = client.headers | {
            "authorization": (await client.get(f"{API}/auth/me")).request.headers["authorization"]
        }
        token = await watch_token(there, before["authorization"])
        generations = await value(there, "SELECT sum(desired_generation) FROM sync.listing")
        refused = await asyncio.to_thread(operator.run, "backup", "restore", backup)
        assert (refused.status, "--force" in refused.err) == (2, True)
        assert (await client.get(f"{API}/variants/sku/{sku}")).status_code == 200
        ran = await asyncio.to_thread(operator.ok, "backup", "restore", backup, "--force")
        assert "the hub is online" in ran.out
        async with httpx2.AsyncClient(base_url=there.gateway_url, timeout=30, headers=before) as stale:
            assert (await stale.get(f"{API}/auth/me")).status_code == 401
        assert (await client.get(f"{API}/variants/sku/{sku}")).status_code == 404
        fresh = (await client.get(f"{API}/auth/me")).request.headers["authorization"]
    with pytest.raises(grpc.aio.AioRpcError, match="read a snapshot again"):
        await watch_token(there, fresh, token)
    await resynchronised(there, generations)


async def watch_token(hub: Hub, authorization: str, token: str = "") -> str:
    """Begins to watch and answers the token of the first event."""
    async with grpc.aio.insecure_channel(hub.addresses["inventory"]) as channel:
        stub = inventory_service_pb2_grpc.InventoryServiceStub(channel)
        call = stub.WatchStock(
            service.WatchStockRequest(resume_token=token), metadata=[("authorization", authorization)], timeout=20
        )
        return str((await call.read()).resume_token)


async def resynchronised(hub: Hub, generations: Any) -> None:
    """Sync noticed that both feeds are other ones: it follows them anew and has planned every listing once more."""
    query = (
        "SELECT count(*) FROM sync.feed_position WHERE updated_at > now() - interval '1 minute' AND resume_token <> ''"
    )

    async def follows_both() -> bool:
        return bool(await value(hub, query) == 2)

    await until(follows_both)
    if generations:
        assert await value(hub, "SELECT min(desired_generation) FROM sync.listing WHERE deleted_at IS NULL") > 1

    async def told_of_both() -> bool:
        return hub.state.log("sync").read_text().count("lost its place") >= 2

    await until(told_of_both)


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    """Waits until it holds. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.1)


async def value(hub: Hub, query: str) -> Any:
    connection = await asyncpg.connect(hub.database_url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_a_hub_with_a_place_for_backups_makes_them_by_itself(second: tuple[Hub, HubctlUser]) -> None:
    there, operator = second
    store = there.settings.environ["HUB_BACKUP_TO"]

    async def has_made_one() -> bool:
        return bool(await asyncio.to_thread(operator.json, "backup", "list", "--to", store))

    await until(has_made_one)
    listed = await asyncio.to_thread(operator.json, "backup", "list", "--to", store)
    assert listed[0]["rows"] > 40
    # Whoever has the key can read everything, so no service is told it.
    services = [there.environments.service(spec, 1) for spec in SERVICES]
    assert not [name for one in (*services, there.environments.sandbox()) for name in one if "BACKUP" in name]
    assert there.environments.backup()["HUB_BACKUP_KEY"] == there.settings.environ["HUB_BACKUP_KEY"]
