"""Imports on a hub of their own: killed in the middle, at every stage; and the real catalogue, where there is one."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx2
import pytest

from deploy.local.hub import Hub
from deploy.local.settings import HubSettings
from tests.e2e.catalog.importing import catalog_of, import_catalog, made_nothing, messages_of, post_catalog, summary_of
from tests.e2e.conftest import clean_environment
from tests.factories.folders import scratch_folder

REAL = os.environ.get("HUB_REAL_CATALOG", "")
# Five on a quiet machine, which `make bench` measures; tests share theirs.
REAL_SECONDS = 20.0
FAMILIES = 700
HEALTHY_SECONDS = 45.0
# What must never be seen, whenever an import ends.
HALF_MADE = {
    "bundle without recipe": """
        SELECT count(*) FROM catalog.identity i WHERE i.type IN ('BUNDLE', 'KIT')
        AND NOT EXISTS (SELECT FROM catalog.bundle_component WHERE parent_identity_id = i.id)""",
    "part without name": """
        SELECT count(*) FROM catalog.identity i WHERE i.type = 'PART' AND NOT EXISTS (
          SELECT FROM catalog.lci_definition d WHERE (d.product_id, d.component_index) = (i.product_id, i.component_index))""",
    "part or product without variant": """
        SELECT count(*) FROM catalog.identity i WHERE NOT EXISTS (SELECT FROM catalog.variant WHERE identity_id = i.id)""",
    "family twice": "SELECT count(*) - count(DISTINCT name) FROM catalog.family",
    "listing of no variant": """
        SELECT count(*) FROM sync.listing l WHERE NOT EXISTS (SELECT FROM catalog.variant v WHERE v.id = l.variant_id)""",
}


@pytest.fixture(scope="module")
async def own_hub() -> AsyncIterator[Hub]:
    """A hub whose services may be killed."""
    with scratch_folder() as folder:
        settings = HubSettings(
            state_dir=folder / "state",
            gateway_port=0,
            environ=clean_environment(),
            postgres_options={"fsync": "off"},
        )
        async with Hub(settings) as running:
            yield running


@pytest.fixture(scope="module")
async def own_admin(own_hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client at its gateway, signed in as its admin."""
    async with httpx2.AsyncClient(base_url=own_hub.gateway_url, timeout=60) as client:
        form = {"grant_type": "password", "username": own_hub.admin_user, "password": own_hub.admin_password}
        token = (await client.post("/api/v1/auth/token", data=form)).json()["access_token"]
        client.headers["authorization"] = f"Bearer {token}"
        yield client


@pytest.mark.skipif(not REAL, reason="HUB_REAL_CATALOG names no file")
async def test_the_real_catalogue_goes_in_whole(own_admin: httpx2.AsyncClient) -> None:
    content = await asyncio.to_thread(Path(REAL).read_bytes)
    told = await import_catalog(own_admin, content, dry_run=True)
    began = time.monotonic()
    answer = await post_catalog(own_admin, content)
    assert time.monotonic() - began < REAL_SECONDS
    done = summary_of(answer)
    assert (done["rows"], done["created_families"]) == (2391, 567)
    assert {**told, "dry_run": False} == done
    assert done["reported_by_reason"] == {"SKU_MISSING": "64", "SKU_TWICE": "11", "RECIPE_SLOTS_TAKEN": "18"}
    rows = [row for message in messages_of(answer) for row in message["rows"]]
    assert len({row["line"] for row in rows}) == 2391
    assert len([row for row in rows if "Product Color: WH/GY became WG" in row["notes"]]) == 4
    assert len([row for row in rows if "name: control characters repaired" in row["notes"]]) == 18
    again = await import_catalog(own_admin, content)
    assert made_nothing(again)


async def test_an_import_killed_at_every_stage_leaves_nothing_half_made_and_is_completed(
    own_hub: Hub, own_admin: httpx2.AsyncClient
) -> None:
    content = catalog_of("Killed", FAMILIES)
    for stage in ("READING", "PRODUCTS", "BUNDLES", "LISTINGS"):
        await _import_and_kill(own_hub, own_admin, content, stage)
        await _healthy(own_hub)
        assert await _half_made(own_hub) == {}
    told = await import_catalog(own_admin, content, dry_run=True)
    done = await import_catalog(own_admin, content)
    assert {**told, "dry_run": False} == done
    assert (done["rows"], done["reported_rows"]) == (4 * FAMILIES, 0)
    assert await _count(own_hub, "SELECT count(*) FROM catalog.family WHERE name LIKE 'Killed%'") == FAMILIES
    assert await _count(own_hub, "SELECT count(*) FROM sync.listing WHERE platform_sku LIKE 'Killed%'") == 4 * FAMILIES
    assert made_nothing(await import_catalog(own_admin, content))
    assert await _count(own_hub, "SELECT count(DISTINCT import_id) FROM catalog.import_row") <= 4


async def _import_and_kill(hub: Hub, client: httpx2.AsyncClient, content: bytes, stage: str) -> None:
    """Starts an import and kills the catalog once its report tells of the stage."""
    headers = {"content-type": "text/csv"}
    told = b""
    try:
        async with client.stream("POST", "/api/v1/catalog/import", content=content, headers=headers) as answer:
            async for piece in answer.aiter_bytes():
                told += piece
                if _tells_of(told, stage):
                    hub.processes["catalog"].kill()
    except httpx2.TransportError:
        pass
    assert b'"summary"' not in told, f"the import was over before {stage} could be interrupted"


def _tells_of(told: bytes, stage: str) -> bool:
    return b'"line":' in told if stage == "LISTINGS" else stage.encode() in told


async def _healthy(hub: Hub) -> None:
    deadline = time.monotonic() + HEALTHY_SECONDS
    await asyncio.sleep(0.3)
    while (await hub.health())[0] != 200:
        assert time.monotonic() < deadline, await hub.health()
        await asyncio.sleep(0.1)


async def _half_made(hub: Hub) -> dict[str, int]:
    counts = {what: await _count(hub, statement) for what, statement in HALF_MADE.items()}
    return {what: count for what, count in counts.items() if count}


async def _count(hub: Hub, statement: str) -> int:
    connection = await asyncpg.connect(hub.database_url)
    try:
        found: int = await connection.fetchval(statement)
        return found
    finally:
        await connection.close()
