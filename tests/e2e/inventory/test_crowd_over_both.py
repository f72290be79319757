"""Sixty-four callers through the gateway, as gRPC and as JSON, on a thousand units: each unit has one winner at most."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import asyncpg
import pytest

from deploy.local.hub import Hub
from tests.e2e.inventory.scene import Person, a_shelf, fill, people
from tests.factories.inventory.crowd import Crowd

UNITS = 1000


@pytest.fixture(scope="module")
async def persons(hub: Hub) -> AsyncIterator[list[Person]]:
    async with people(hub, "SALES_REP", "SALES_REP") as found:
        yield found


async def crowd_round(hub: Hub, persons: list[Person], seed: int, calls: int) -> None:
    admin, holder, seller = persons
    for person in persons:
        await person.sign_in()
    shelf = await a_shelf(admin.client)
    units = await fill(admin.client, shelf, UNITS)
    crowd = Crowd(holder.stub, seller.stub, shelf.skus, shelf.bundle, units, random.Random(seed))
    await crowd.run(calls)
    connection = await asyncpg.connect(hub.database_url)
    query = "SELECT id FROM inventory.item WHERE id = ANY($1) AND status IN ('RESERVED', 'SOLD')"
    taken = {row["id"] for row in await connection.fetch(query, units)}
    await connection.close()
    crowd.check(taken)


async def test_crowd_over_grpc_and_json_never_shares_a_unit(hub: Hub, persons: list[Person]) -> None:
    await crowd_round(hub, persons, 1, calls=5)


@pytest.mark.long
@pytest.mark.timeout(7200)
async def test_crowd_over_grpc_and_json_never_shares_a_unit_in_two_hundred_rounds(
    hub: Hub, persons: list[Person]
) -> None:
    for seed in range(200):
        await crowd_round(hub, persons, seed, calls=8)
        print(f"round {seed + 1}", flush=True)
