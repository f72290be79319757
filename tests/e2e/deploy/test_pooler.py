"""The whole hub behind a PgBouncer in transaction mode, with far fewer server sessions than its services have connections."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
import grpc
import httpx2
import pytest
from usav.inventory.v1 import inventory_service_pb2 as service
from usav.inventory.v1 import inventory_service_pb2_grpc, item_pb2, proof_pb2

from deploy.local.hub import Hub
from deploy.local.migrate import migrate
from deploy.local.settings import HubSettings
from tests.e2e.catalog.importing import catalog_of, import_catalog
from tests.e2e.conftest import SignedIn, clean_environment, make_locations
from tests.e2e.inventory.test_inventory_over_json import STOCK, answer_of, reason_and_fields
from tests.e2e.sync.conftest import Shop, shop_of
from tests.factories.databases import scratch_server
from tests.factories.folders import scratch_folder
from tests.factories.pgbouncer import Pooler, pgbouncer

SESSIONS = 3
CALLERS = 50
UNITS = 25
_SESSIONS = """SELECT usename, count(*) AS sessions FROM pg_stat_activity
    WHERE usename LIKE 'hub\\_%' AND usename <> 'hub_admin' AND application_name NOT LIKE '%\\_listen' GROUP BY 1"""

pytestmark = pytest.mark.long


@dataclass
class Pooled:
    """A hub whose services work through the pooler, and its database as the administrator sees it."""

    hub: Hub
    database_url: str
    pooler: Pooler

    async def most_sessions(self, done: asyncio.Event) -> Counter[str]:
        """The most server sessions that each role has had, until `done`."""
        connection, most = await asyncpg.connect(self.database_url), Counter[str]()
        while not done.is_set():
            most |= Counter({row["usename"]: row["sessions"] for row in await connection.fetch(_SESSIONS)})
            await asyncio.sleep(0.02)
        await connection.close()
        return most


@pytest.fixture(scope="module")
async def pooled() -> AsyncIterator[Pooled]:
    role_secret = secrets.token_hex(16)
    async with scratch_server() as databases:
        url = databases.url("hub")
        # The pooler is told the roles' secrets once; the hub's own migration step then finds and leaves them.
        await migrate(url, role_secret)
        async with pgbouncer(url, sessions=SESSIONS) as pooler:
            with scratch_folder() as folder:
                settings = HubSettings(
                    state_dir=folder / "state",
                    gateway_port=0,
                    database_url=url,
                    database_pooler_url=pooler.url,
                    environ={**clean_environment(), "HUB_ROLE_SECRET": role_secret},
                )
                async with Hub(settings) as hub:
                    await make_locations(hub)
                    yield Pooled(hub, url, pooler)


@pytest.fixture
async def shop(pooled: Pooled) -> AsyncIterator[Shop]:
    async with (
        httpx2.AsyncClient(base_url=pooled.hub.gateway_url, timeout=40, auth=SignedIn(pooled.hub)) as admin,
        shop_of(pooled.hub, admin) as made,
    ):
        yield made


async def test_fifty_callers_on_three_sessions_never_get_the_same_unit(pooled: Pooled, shop: Shop) -> None:
    await shop.stock(UNITS)
    units = [unit["id"] for unit in (await shop.get(STOCK, sku=shop.sku, page_size=UNITS))["items"]]
    done = asyncio.Event()
    counting = asyncio.create_task(pooled.most_sessions(done))
    watching = asyncio.create_task(reserved(pooled.hub, shop.admin, set(units)))
    await asyncio.sleep(0.5)

    async def want(caller: int) -> str:
        unit = units[caller % UNITS]
        body = {"order_reference": f"POOL-{caller}", "request_id": f"pool-{caller}"}
        answer = await shop.admin.post(f"{STOCK}/{unit}/reserve", json=body)
        assert answer.status_code in {200, 400}, answer.text
        if answer.status_code == 400:
            assert reason_and_fields(answer)[0] in {"HELD_FOR_ANOTHER", "STATUS_FORBIDS"}, answer.text
            return ""
        again = await answer_of(shop.admin.post(f"{STOCK}/{unit}/reserve", json=body))
        assert again == answer.json()
        return str(unit)

    won = [unit for unit in await asyncio.gather(*(want(caller) for caller in range(CALLERS))) if unit]
    assert sorted(won) == sorted(units)
    assert await asyncio.wait_for(watching, 20) == set(units)
    done.set()
    most = await counting
    assert set(most) == {"hub_auth", "hub_catalog", "hub_inventory", "hub_sync"}
    assert max(most.values()) <= SESSIONS, most


async def test_a_sale_changes_every_channel(shop: Shop) -> None:
    await shop.stock(2)
    await shop.list_everywhere()
    await shop.buy(shop.channels[0], 2)
    await shop.shows_everywhere(0)


async def test_an_import_and_the_proof_of_the_ledger(pooled: Pooled, shop: Shop) -> None:
    """What uses COPY, advisory locks and long reads."""
    imported = await import_catalog(shop.admin, catalog_of(f"Pool {shop.mark}", 60))
    assert imported["created_families"] == 60
    await shop.stock(3)
    target, metadata = await gateway(pooled.hub, shop.admin)
    async with grpc.aio.insecure_channel(target) as channel:
        stub = inventory_service_pb2_grpc.InventoryServiceStub(channel)
        told = [each async for each in stub.VerifyLedger(proof_pb2.VerifyLedgerRequest(), metadata=metadata)]
    assert told[-1].summary.units >= 3
    assert told[-1].summary.findings == 0


async def test_a_pooler_that_is_restarted_costs_nothing_but_another_try(pooled: Pooled, shop: Shop) -> None:
    await shop.stock(1)
    done = asyncio.Event()
    answers: Counter[int] = Counter()

    async def read_on() -> None:
        while not done.is_set():
            answers[(await shop.admin.get(f"{STOCK}?sku={shop.sku}")).status_code] += 1

    reading = [asyncio.create_task(read_on()) for _ in range(4)]
    await asyncio.sleep(0.5)
    await pooled.pooler.process.restart()
    await asyncio.sleep(2)
    done.set()
    await asyncio.gather(*reading)
    assert set(answers) <= {200, 503}, answers
    assert answers[200] > answers[503]
    await shop.list_everywhere()
    await shop.shows_everywhere(1)


async def reserved(hub: Hub, admin: httpx2.AsyncClient, wanted: set[str]) -> set[str]:
    """The units among `wanted` that a watcher has seen reserved, once it has seen them all."""
    seen: set[str] = set()
    target, metadata = await gateway(hub, admin)
    async with grpc.aio.insecure_channel(target) as channel:
        stub = inventory_service_pb2_grpc.InventoryServiceStub(channel)
        async for told in stub.WatchStock(service.WatchStockRequest(), metadata=metadata):
            if told.change.after_status == item_pb2.Item.RESERVED and str(told.change.item_id) in wanted:
                seen.add(str(told.change.item_id))
            if seen == wanted:
                break
    return seen


async def gateway(hub: Hub, admin: httpx2.AsyncClient) -> tuple[str, list[tuple[str, str]]]:
    """Its address, and the metadata of a caller who is signed in."""
    me = await admin.get("/api/v1/auth/me")
    return urlsplit(hub.gateway_url).netloc, [("authorization", me.request.headers["authorization"])]
