"""Callers who share a statement do not share their fate."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from chassis.errors import Aborted, HubError, Unavailable
from inventory_svc.domain.item import Item, Status
from inventory_svc.domain.ledger import Cause
from inventory_svc.operations.reserve_together import ReserveTogether
from inventory_svc.storage import unit_changes
from inventory_svc.storage.unit_changes import Claim
from tests.unit.inventory.test_item import unit

CAUSE = Cause("1", "ann", "ADMIN", "r")


class Statements:
    """Stands for storage: records each statement's units, refuses some, and may be slow."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.taken: set[int] = set()
        self.errors: dict[int, HubError] = {}
        self.gate = asyncio.Event()
        self.gate.set()

    async def reserve(self, session: Any, claims: Sequence[Claim], *, waits: bool) -> list[Item]:
        assert not waits
        ids = [claim.item_id for claim in claims]
        self.batches.append(ids)
        await self.gate.wait()
        for item_id in ids:
            if item_id in self.errors:
                raise self.errors[item_id]
        free = [item_id for item_id in ids if item_id not in self.taken]
        self.taken |= set(free)
        return [unit(Status.RESERVED, id=item_id) for item_id in free]


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Statements:
    made = Statements()
    monkeypatch.setattr(unit_changes, "reserve", made.reserve)
    return made


def reserve(together: ReserveTogether, item_id: int) -> asyncio.Task[Item | None]:
    return asyncio.ensure_future(together.reserve(Claim(item_id, timedelta(hours=1), CAUSE)))


async def test_callers_of_one_moment_share_a_statement(statements: Statements) -> None:
    together = ReserveTogether(None)  # type: ignore[arg-type]  # storage is a double
    found = await asyncio.gather(*(reserve(together, number) for number in range(10)))
    assert [item.id for item in found if item] == list(range(10))
    assert statements.batches == [list(range(10))]


async def test_later_callers_gather_behind_a_statement_under_way(statements: Statements) -> None:
    together = ReserveTogether(None)  # type: ignore[arg-type]  # storage is a double
    statements.gate.clear()
    first = reserve(together, 1)
    await asyncio.sleep(0.01)
    others = [reserve(together, number) for number in (2, 3)]
    await asyncio.sleep(0.01)
    assert statements.batches == [[1]]
    statements.gate.set()
    await asyncio.gather(first, *others)
    assert statements.batches == [[1], [2, 3]]


async def test_same_unit_goes_to_one_caller(statements: Statements) -> None:
    together = ReserveTogether(None)  # type: ignore[arg-type]  # storage is a double
    found = await asyncio.gather(*(reserve(together, 7) for _ in range(5)))
    assert sum(item is not None for item in found) == 1
    assert all(len(set(batch)) == len(batch) for batch in statements.batches)


async def test_refused_statement_fails_only_the_caller_it_is_about(statements: Statements) -> None:
    together = ReserveTogether(None)  # type: ignore[arg-type]  # storage is a double
    statements.errors[2] = Aborted("contended")
    found = await asyncio.gather(*(reserve(together, number) for number in (1, 2, 3)), return_exceptions=True)
    assert isinstance(found[1], Aborted)
    assert [item.id for item in found if isinstance(item, Item)] == [1, 3]


async def test_lost_database_fails_all_and_repeats_nothing(statements: Statements) -> None:
    together = ReserveTogether(None)  # type: ignore[arg-type]  # storage is a double
    statements.errors[2] = Unavailable("gone")
    found = await asyncio.gather(*(reserve(together, number) for number in (1, 2, 3)), return_exceptions=True)
    assert all(isinstance(error, Unavailable) for error in found)
    assert len(statements.batches) == 1
    statements.errors.clear()
    assert await reserve(together, 4) is not None


async def test_caller_who_goes_away_in_time_holds_nothing(statements: Statements) -> None:
    together = ReserveTogether(None)  # type: ignore[arg-type]  # storage is a double
    statements.gate.clear()
    first = reserve(together, 1)
    await asyncio.sleep(0.01)
    impatient, patient = reserve(together, 2), reserve(together, 3)
    await asyncio.sleep(0.01)
    impatient.cancel()
    await asyncio.sleep(0)
    statements.gate.set()
    await asyncio.gather(first, patient)
    assert statements.batches == [[1], [3]]
