"""Sixty-four callers on the same units in every way there is: each unit has one winner at most, and losers are told why."""

from __future__ import annotations

import random

import pytest

from tests.factories.inventory.crowd import Crowd
from tests.integration.inventory.harness import InventoryHub, new_bundle, new_sku


async def crowd_round(hub: InventoryHub, seed: int, *, units: int, calls: int) -> None:
    skus = [new_sku() for _ in range(5)]
    bundle = new_bundle(hub, (2, (skus[0], skus[1])), (1, (skus[2],)))
    received = [item.id for sku in skus for item in await hub.receive(sku, count=units // len(skus))]

    def stub(name: str) -> object:
        return hub.caller(f"SALES_REP:{name}")

    crowd = Crowd(stub, stub, skus, bundle, received, random.Random(seed))
    await crowd.run(calls)
    query = "SELECT id FROM inventory.item WHERE id = ANY($1) AND status IN ('RESERVED', 'SOLD')"
    crowd.check({row["id"] for row in await hub.rows(query, received)})


async def test_crowd_never_shares_a_unit(hub: InventoryHub) -> None:
    await crowd_round(hub, 1, units=1000, calls=4)
    await crowd_round(hub, 2, units=200, calls=6)
    await hub.check_invariants()


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_crowd_never_shares_a_unit_in_two_hundred_rounds(hub: InventoryHub) -> None:
    for seed in range(200):
        await crowd_round(hub, seed, units=1000, calls=8)
    await hub.check_invariants()
