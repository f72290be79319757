"""Callers who share a transaction do not share their fate."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from chassis.errors import Aborted, HubError, Unavailable
from inventory_svc.operations.together import Together


class Batches:
    """Stands for a change: records each batch, refuses some units, and may be slow. A unit is taken once."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.taken: set[int] = set()
        self.errors: dict[int, HubError] = {}
        self.own_errors: dict[int, HubError] = {}
        self.gate = asyncio.Event()
        self.gate.set()

    async def serve(self, ids: Sequence[int]) -> list[str | HubError | None]:
        self.batches.append(list(ids))
        await self.gate.wait()
        for unit in ids:
            if unit in self.errors:
                raise self.errors[unit]
        return [self._outcome(unit) for unit in ids]

    def _outcome(self, unit: int) -> str | HubError | None:
        if unit in self.own_errors:
            return self.own_errors[unit]
        if unit in self.taken:
            return None
        self.taken.add(unit)
        return f"unit {unit}"


@pytest.fixture
def batches() -> Batches:
    return Batches()


@pytest.fixture
def together(batches: Batches) -> Together[int, str]:
    return Together(batches.serve, key=lambda unit: unit, most=16)


def ask(together: Together[int, str], unit: int) -> asyncio.Task[str | None]:
    return asyncio.ensure_future(together.ask(unit))


async def test_callers_of_one_moment_share_a_batch(together: Together[int, str], batches: Batches) -> None:
    found = await asyncio.gather(*(ask(together, number) for number in range(10)))
    assert found == [f"unit {number}" for number in range(10)]
    assert batches.batches == [list(range(10))]


async def test_a_batch_has_its_limit(together: Together[int, str], batches: Batches) -> None:
    await asyncio.gather(*(ask(together, number) for number in range(40)))
    assert [len(batch) for batch in batches.batches] == [16, 16, 8]


async def test_later_callers_gather_behind_a_batch_under_way(together: Together[int, str], batches: Batches) -> None:
    batches.gate.clear()
    first = ask(together, 1)
    await asyncio.sleep(0.01)
    others = [ask(together, number) for number in (2, 3)]
    await asyncio.sleep(0.01)
    assert batches.batches == [[1]]
    batches.gate.set()
    await asyncio.gather(first, *others)
    assert batches.batches == [[1], [2, 3]]


async def test_same_unit_goes_to_one_caller(together: Together[int, str], batches: Batches) -> None:
    found = await asyncio.gather(*(ask(together, 7) for _ in range(5)))
    assert sum(answer is not None for answer in found) == 1
    assert all(len(set(batch)) == len(batch) for batch in batches.batches)


async def test_refused_batch_fails_only_the_caller_it_is_about(together: Together[int, str], batches: Batches) -> None:
    batches.errors[2] = Aborted("contended")
    found = await asyncio.gather(*(ask(together, number) for number in (1, 2, 3)), return_exceptions=True)
    assert isinstance(found[1], Aborted)
    assert (found[0], found[2]) == ("unit 1", "unit 3")


async def test_error_of_one_caller_is_his_alone(together: Together[int, str], batches: Batches) -> None:
    batches.own_errors[2] = Aborted("reused")
    found = await asyncio.gather(*(ask(together, number) for number in (1, 2, 3)), return_exceptions=True)
    assert isinstance(found[1], Aborted)
    assert (found[0], found[2]) == ("unit 1", "unit 3")
    assert len(batches.batches) == 1


async def test_lost_database_fails_all_and_repeats_nothing(together: Together[int, str], batches: Batches) -> None:
    batches.errors[2] = Unavailable("gone")
    found = await asyncio.gather(*(ask(together, number) for number in (1, 2, 3)), return_exceptions=True)
    assert all(isinstance(error, Unavailable) for error in found)
    assert len(batches.batches) == 1
    batches.errors.clear()
    assert await ask(together, 4) is not None


async def test_for_a_caller_who_goes_away_in_time_nothing_is_done(
    together: Together[int, str], batches: Batches
) -> None:
    batches.gate.clear()
    first = ask(together, 1)
    await asyncio.sleep(0.01)
    impatient, patient = ask(together, 2), ask(together, 3)
    await asyncio.sleep(0.01)
    impatient.cancel()
    await asyncio.sleep(0)
    batches.gate.set()
    await asyncio.gather(first, patient)
    assert batches.batches == [[1], [3]]


async def test_enough_callers_go_beside_a_batch_under_way(batches: Batches) -> None:
    together = Together(batches.serve, key=lambda unit: unit, enough=3)
    batches.gate.clear()
    waiting = [ask(together, 1)]
    await asyncio.sleep(0.01)
    for expected, units in (([[1]], (2, 3)), ([[1], [2, 3, 4]], (4,)), ([[1], [2, 3, 4]], range(5, 12))):
        waiting += [ask(together, unit) for unit in units]
        await asyncio.sleep(0.01)
        assert batches.batches == expected
    batches.gate.set()
    assert await asyncio.gather(*waiting) == [f"unit {number}" for number in range(1, 12)]
    assert batches.batches == [[1], [2, 3, 4], list(range(5, 12))]


async def test_batch_beside_one_that_is_refused_keeps_its_outcomes(batches: Batches) -> None:
    together = Together(batches.serve, key=lambda unit: unit, enough=2)
    batches.errors[1] = Aborted("refused")
    batches.gate.clear()
    refused = ask(together, 1)
    await asyncio.sleep(0.01)
    others = [ask(together, unit) for unit in (2, 3)]
    await asyncio.sleep(0.01)
    batches.gate.set()
    assert await asyncio.gather(*others) == ["unit 2", "unit 3"]
    with pytest.raises(Aborted):
        await refused
