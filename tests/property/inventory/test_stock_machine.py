"""A Hypothesis state machine over the real service and a simple model, everything compared after every step."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.factories.inventory.invariants import faults
from tests.integration.inventory.harness import InventoryHub
from tests.property.inventory.model import AFTER_SALE, Unit
from tests.property.inventory.order_model import Asked
from tests.property.inventory.world import World

LONG_STEPS = 100_000
PARTS = 4
_PLACES = st.integers(0, 11)
_CALLERS = st.sampled_from(["SALES_REP:ann", "SALES_REP:bob"])
_ORDERS = st.sampled_from(["X", "Y", "Z"])
_ANY_ORDER = st.sampled_from(["", "X", "Y"])
_SHELVES = st.sampled_from(["", "A", "B"])
_SKUS = st.integers(0, 3)
_LINE_IDS = st.sampled_from([(), ("1",), ("2",), ("1", "2"), ("9",)])
_EDITS = st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["SET", "RAISE"])), min_size=1, max_size=2)
_LINES = st.lists(st.tuples(_SKUS, st.integers(1, 2), st.booleans(), _PLACES), min_size=1, max_size=2)


def machine_of(world: World, runner: asyncio.Runner) -> type[RuleBasedStateMachine]:
    """The machine that drives this world."""

    class StockMachine(RuleBasedStateMachine):
        def do(self, step: Coroutine[Any, Any, None]) -> None:
            runner.run(step)

        def on_unit(self, place: int, step: Any, *arguments: Any) -> None:
            unit = world.stock.pick(place)
            if unit is not None:
                self.do(step(unit, *arguments))

        @initialize()
        def begin(self) -> None:
            self.do(world.begin())
            for sku in range(3):
                self.do(world.receive(sku, 2, True, "A", 1250 * sku))

        def teardown(self) -> None:
            if world.skus:
                self.do(world.end())

        @invariant()
        def all_agrees(self) -> None:
            if world.skus:
                self.do(world.compare())

        @rule(sku=_SKUS, count=st.integers(1, 3), serials=st.booleans(), location=_SHELVES, cost=st.integers(0, 9999))
        def receive(self, sku: int, count: int, serials: bool, location: str, cost: int) -> None:
            self.do(world.receive(sku, count, serials, location, cost))

        @rule(place=_PLACES, caller=_CALLERS, order=_ANY_ORDER)
        def reserve(self, place: int, caller: str, order: str) -> None:
            self.on_unit(place, world.reserve, caller, order)

        @rule(place=_PLACES, caller=_CALLERS, order=_ANY_ORDER)
        def release(self, place: int, caller: str, order: str) -> None:
            self.on_unit(place, world.release, caller, order)

        @rule(place=_PLACES, caller=_CALLERS, order=_ANY_ORDER)
        def sell(self, place: int, caller: str, order: str) -> None:
            self.on_unit(place, world.sell, caller, order)

        @rule(place=_PLACES)
        def expire(self, place: int) -> None:
            self.on_unit(place, world.expire)

        @rule()
        def sweep(self) -> None:
            self.do(world.hub.sweep())

        @rule(place=_PLACES, location=st.sampled_from(["A", "B"]))
        def move(self, place: int, location: str) -> None:
            self.on_unit(place, world.move, location)

        @rule(place=_PLACES, order=_ANY_ORDER)
        def take_back(self, place: int, order: str) -> None:
            self.on_unit(place, world.take_back, order)

        @rule(place=_PLACES, sku=st.integers(0, 4))
        def restock(self, place: int, sku: int) -> None:
            self.on_unit(place, world.restock, sku)

        @rule(place=_PLACES, method=st.sampled_from(sorted(AFTER_SALE)))
        def after_sale(self, place: int, method: str) -> None:
            self.on_unit(place, world.after_sale, method)

        @rule(place=_PLACES)
        def delete(self, place: int) -> None:
            self.on_unit(place, world.delete)

        @rule(place=_PLACES)
        def ship(self, place: int) -> None:
            self.on_unit(place, world.ship)

        @rule(place=_PLACES, transfer=_PLACES)
        def arrive(self, place: int, transfer: int) -> None:
            self.on_unit(place, world.arrive, transfer)

        @rule(order=_ORDERS, lines=_LINES, caller=_CALLERS, sell=st.booleans(), again=st.booleans())
        def allocate(self, order: str, lines: list[Any], caller: str, sell: bool, again: bool) -> None:
            kept = [(key[1], world.orders.lines[key]) for key in world.orders.of(order)]
            if again and kept:
                asked = {line_id: Asked(line.sku, line.quantity) for line_id, line in kept}
            else:
                asked = {str(number): _asked(world, *line) for number, line in enumerate(lines, start=1)}
            self.do(world.allocate(order, asked, caller, sell))

        @rule(order=_ORDERS, edits=_EDITS, caller=_CALLERS, sell=st.booleans())
        def edit_order(self, order: str, edits: list[tuple[int, str]], caller: str, sell: bool) -> None:
            lines = [(key[1], world.orders.lines[key].sku) for key in world.orders.of(order)]
            asked = {
                line_id: Asked(sku, quantity, change=change)
                for (line_id, sku), (quantity, change) in zip(lines, edits, strict=False)
            }
            if asked:
                self.do(world.allocate(order, asked, caller, sell))

        @rule(order=_ORDERS, line_ids=_LINE_IDS)
        def extend(self, order: str, line_ids: tuple[str, ...]) -> None:
            self.do(world.extend(order, line_ids))

        @rule(order=_ORDERS, line_ids=_LINE_IDS)
        def commit(self, order: str, line_ids: tuple[str, ...]) -> None:
            self.do(world.commit(order, line_ids))

        @rule(order=_ORDERS, line_ids=_LINE_IDS)
        def release_order(self, order: str, line_ids: tuple[str, ...]) -> None:
            self.do(world.release_order(order, line_ids))

        @rule(sku=_SKUS)
        def grant_all(self, sku: int) -> None:
            self.do(world.grant_all(sku))

        @rule(locations=st.sampled_from([("A",), ("B",), ("A", "B")]))
        def open_count(self, locations: tuple[str, ...]) -> None:
            self.do(world.open_count(locations))

        @rule(count=_PLACES, unit=_PLACES, location=_PLACES)
        def scan(self, count: int, unit: int, location: int) -> None:
            if world.counts:
                self.on_unit(unit, lambda found: world.scan(_newest(world, count), found, location))

        @rule(count=_PLACES)
        def close(self, count: int) -> None:
            if world.counts:
                self.do(world.close(_newest(world, count)))

        @rule(count=_PLACES)
        def approve(self, count: int) -> None:
            if world.counts:
                self.do(world.approve(_newest(world, count)))

        @rule(place=st.integers(0, 99))
        def replay(self, place: int) -> None:
            self.do(world.replay(place))

        @rule(chance=st.integers(0, 3), milliseconds=st.sampled_from([0, 1, 2, 4, 8, 20]))
        def crash_in_the_next_call(self, chance: int, milliseconds: int) -> None:
            # A restart takes as long as a dozen steps.
            if chance == 0:
                world.crash_after = milliseconds / 1000

    return StockMachine


def _newest(world: World, place: int) -> Any:
    """Mostly the newest count: the others are settled soon."""
    return world.counts[-1 - place % min(2, len(world.counts))]


def _asked(world: World, sku: int, quantity: int, is_named: bool, place: int) -> Asked:
    unit: Unit | None = world.stock.pick(place)
    if is_named and unit is not None and unit.serial and not unit.is_deleted:
        return Asked(unit.sku, 1, (unit,))
    return Asked(world.skus[sku], quantity)


async def connect(url: str) -> asyncpg.Connection:
    connection: asyncpg.Connection = await asyncpg.connect(url)
    return connection


def run_steps(url: str, examples: int, steps: int, *, number: int = 0) -> World:
    """Runs the machine on a service of its own; answers the world as it was left."""
    with asyncio.Runner() as runner:
        hub = runner.run(InventoryHub.start(url, sweeps=False))
        world = World(hub, runner.run(connect(url)))
        try:
            machine = machine_of(world, runner)
            how = settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                derandomize=number == 0,
            )
            run_state_machine_as_test(seed(number)(machine) if number else machine, settings=how)
        finally:
            runner.run(world.watcher.close())
            runner.run(world.hub.stop())
    return world


def test_service_does_what_the_model_does(database_url: str) -> None:
    world = run_steps(database_url, examples=20, steps=30)
    assert world.steps > 400
    assert world.crashes > 0


async def test_what_looks_after_every_step_sees_a_fault(database_url: str) -> None:
    """The run before left some units there."""
    connection = await connect(database_url)
    await connection.execute("SET session_replication_role = replica")
    for spoil, fault in (
        ("UPDATE inventory.item SET location = 'Q'", "a unit and its ledger differ"),
        (
            "INSERT INTO inventory.reservation (item_id, holder_id, holder_name) VALUES (-1, '', '')",
            "a unit and its hold differ",
        ),
        ("UPDATE inventory.movement SET reason = 'x' WHERE sequence = 1", "a chain is broken"),
        ("UPDATE inventory.ledger_head SET hash = sha256('x')", "a unit's last row and its seal differ"),
        ("DELETE FROM inventory.outbox", "the feed and the ledger differ"),
        ("DELETE FROM inventory.stock_level_change; DELETE FROM inventory.stock_level", "levels and units differ"),
        (
            "DELETE FROM inventory.stock_level_change; UPDATE inventory.location_level SET units = units + 1",
            "levels of locations and units differ",
        ),
    ):
        async with connection.transaction():
            await connection.execute("SAVEPOINT as_it_was")
            await connection.execute(spoil)
            assert fault in {each for each, _ in await faults(connection)}
            await connection.execute("ROLLBACK TO as_it_was")
    assert await faults(connection) == []
    await connection.close()


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(PARTS), ids="part-{}".format)
def test_service_does_what_the_model_does_in_a_hundred_thousand_steps(database_url: str, part: int) -> None:
    """In parts, which may run side by side: `-k part-2` has seeds of its own."""
    steps = crashes = 0
    number = part * LONG_STEPS
    while steps < LONG_STEPS // PARTS:
        number += 1
        world = run_steps(database_url, examples=50, steps=50, number=number)
        steps, crashes = steps + world.steps, crashes + world.crashes
        print(f"part {part}, seed {number}: {steps} steps, {crashes} crashes", flush=True)
    assert crashes > steps // 500
