"""Same request id, same answer, one effect: one after another, all at once, and with another body refused."""

from __future__ import annotations

import asyncio

import pytest
from google.protobuf.wrappers_pb2 import Int64Value
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from usav.catalog.v1 import family_pb2

from chassis.context import Principal, acting_as
from chassis.database import Database
from chassis.errors import FailedPrecondition
from chassis.idempotency import Idempotency, RequestIdReused
from tests.integration.chassis.schema import answers, thing


class Caller:
    """Creates a thing per effect; the answer tells which."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.commits = 0
        self.once = Idempotency(db, answers, after_commit=self.count)

    def count(self) -> None:
        self.commits += 1

    async def effect(self, conn: AsyncConnection) -> Int64Value:
        number = (await conn.execute(select(func.count()).select_from(thing))).scalar_one() + 1
        await conn.execute(insert(thing).values(id=number, name=f"thing {number}"))
        return Int64Value(value=number)

    async def create(self, request_id: str, name: str = "Bose", user: str = "1", method: str = "/x/Create") -> int:
        request = family_pb2.CreateFamilyRequest(family=family_pb2.Family(name=name), request_id=request_id)
        with acting_as(Principal(user, user, "ADMIN"), method):
            return (await self.once.run(request, Int64Value, self.effect)).value

    async def things(self) -> int:
        async with self.db.read.connect() as conn:
            return (await conn.execute(select(func.count()).select_from(thing))).scalar_one()


@pytest.fixture
def caller(db: Database) -> Caller:
    return Caller(db)


async def test_one_hundred_repeats_have_one_effect_and_one_answer(caller: Caller) -> None:
    assert {await caller.create("a") for _ in range(100)} == {1}
    assert await caller.things() == 1


async def test_fifty_at_once_have_one_effect_and_one_answer(caller: Caller) -> None:
    assert set(await asyncio.gather(*(caller.create("a") for _ in range(50)))) == {1}
    assert await caller.things() == 1


async def test_the_same_id_with_another_body_is_refused(caller: Caller) -> None:
    await caller.create("a", name="Bose")
    with pytest.raises(RequestIdReused, match="request_id"):
        await caller.create("a", name="Sony")
    assert await caller.things() == 1


async def test_without_an_id_every_call_counts(caller: Caller) -> None:
    assert [await caller.create(""), await caller.create("")] == [1, 2]


async def test_ids_of_two_callers_and_two_methods_are_apart(caller: Caller) -> None:
    await caller.create("a", user="1")
    await caller.create("a", user="2")
    await caller.create("a", user="1", method="/x/Other")
    assert await caller.things() == 3


async def test_a_failed_call_is_not_stored_and_may_be_repeated(caller: Caller) -> None:
    request = family_pb2.CreateFamilyRequest(request_id="a")

    async def fails(conn: AsyncConnection) -> Int64Value:
        await caller.effect(conn)
        raise FailedPrecondition("not now")

    with acting_as(Principal("1", "1", "ADMIN"), "/x/Create"):
        with pytest.raises(FailedPrecondition):
            await caller.once.run(request, Int64Value, fails)
        assert await caller.things() == 0
        assert (await caller.once.run(request, Int64Value, caller.effect)).value == 1


async def test_old_answers_are_trimmed_and_young_ones_kept(caller: Caller) -> None:
    await caller.create("old")
    async with caller.db.transaction() as conn:
        await conn.execute(text("UPDATE sample.stored_answer SET created_at = now() - interval '25 hours'"))
    await caller.create("young")
    await caller.once.trim()
    async with caller.db.read.connect() as conn:
        assert (await conn.execute(select(answers.c.request_id))).scalars().all() == ["young"]


async def test_a_commit_wakes_the_feed(caller: Caller) -> None:
    await caller.create("a")
    assert caller.commits == 1
