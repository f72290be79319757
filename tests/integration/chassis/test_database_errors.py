"""What Postgres refuses becomes the right status, without a word of the database in it. One test per kind."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from sqlalchemy import BigInteger, bindparam, insert, select, text, update

from chassis.database import Database, Statement
from chassis.database_errors import ConstraintDetail
from chassis.errors import (
    Aborted,
    AlreadyExists,
    Code,
    DeadlineExceeded,
    FailedPrecondition,
    HubError,
    InvalidArgument,
    Unavailable,
)
from tests.integration.chassis.schema import SCHEMA, thing

ADD = Statement(
    insert(thing).values(
        id=bindparam("id"), name=bindparam("name"), amount=bindparam("amount"), parent_id=bindparam("parent")
    )
)
BY_ID = Statement(select(thing.c.name).where(thing.c.id == bindparam("id", type_=BigInteger)))


async def add(db: Database, number: int, name: str, amount: int = 0, parent: int | None = None) -> None:
    await db.execute(ADD, id=number, name=name, amount=amount, parent=parent)


def assert_bland(error: HubError) -> None:
    said = f"{error.message} {error.metadata}"
    for leak in ("SELECT", "INSERT", "duplicate key", "relation", "violates", "thing.id", "Traceback"):
        assert leak not in said


async def test_a_unique_violation_is_already_exists(db: Database) -> None:
    await add(db, 1, "one")
    with pytest.raises(AlreadyExists) as caught:
        await add(db, 2, "one")
    assert caught.value.reason == "VALUE_TAKEN"
    assert_bland(caught.value)


async def test_a_service_names_the_error_of_its_constraint(db: Database) -> None:
    class NameTaken(AlreadyExists):
        reason = "NAME_TAKEN"

    def name_taken(detail: ConstraintDetail) -> HubError:
        return NameTaken("That name is taken.")

    db.constraints = {"uq_thing_name": name_taken}
    await add(db, 1, "one")
    with pytest.raises(NameTaken):
        await add(db, 2, "one")
    with pytest.raises(NameTaken):
        async with db.transaction() as conn:
            await conn.execute(insert(thing).values(id=3, name="one"))


async def test_a_foreign_key_violation_is_failed_precondition(db: Database) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        await add(db, 1, "child", parent=99)
    assert caught.value.reason == "REFERENCE_VIOLATED"
    assert_bland(caught.value)


async def test_a_check_violation_is_invalid_argument(db: Database) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await add(db, 1, "debt", amount=-1)
    assert caught.value.reason == "VALUE_REFUSED"


async def test_a_missing_value_is_invalid_argument(db: Database) -> None:
    with pytest.raises(InvalidArgument):
        async with db.transaction() as conn:
            await conn.execute(text("INSERT INTO sample.thing (id) VALUES (1)"))


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
async def test_a_character_that_cannot_be_stored_is_invalid_argument(db: Database, name: str) -> None:
    with pytest.raises(InvalidArgument):
        await add(db, 1, name)
    with pytest.raises(InvalidArgument):
        async with db.transaction() as conn:
            await conn.execute(insert(thing).values(id=1, name=name))


@pytest.mark.parametrize("number", [2**63, -(2**70)])
async def test_a_number_out_of_range_is_invalid_argument(db: Database, number: int) -> None:
    with pytest.raises(InvalidArgument):
        await db.fetchval(BY_ID, id=number)


async def test_a_statement_past_its_time_is_deadline_exceeded(db: Database) -> None:
    with pytest.raises(DeadlineExceeded):
        async with db.transaction() as conn:
            await conn.execute(text("SET LOCAL statement_timeout = '20ms'"))
            await conn.execute(text("SELECT pg_sleep(2)"))


async def test_a_lock_that_is_not_free_in_time_is_aborted(db: Database) -> None:
    await add(db, 1, "one")
    async with db.transaction() as holder:
        await holder.execute(text("SELECT 1 FROM sample.thing WHERE id = 1 FOR UPDATE"))
        with pytest.raises(Aborted):
            async with db.transaction() as conn:
                await conn.execute(text("SET LOCAL lock_timeout = '20ms'"))
                await conn.execute(update(thing).values(amount=5))


async def test_a_deadlock_is_tried_again_and_both_end_well(db: Database) -> None:
    await add(db, 1, "one")
    await add(db, 2, "two")
    met = asyncio.Barrier(2)
    tries = 0

    async def cross(first: int, second: int) -> None:
        nonlocal tries
        meeting = True

        async def work(conn: object) -> None:
            nonlocal tries, meeting
            tries += 1
            await conn.execute(update(thing).where(thing.c.id == first).values(amount=thing.c.amount + 1))  # type: ignore[attr-defined]
            if meeting:
                meeting = False
                await met.wait()
            await conn.execute(update(thing).where(thing.c.id == second).values(amount=thing.c.amount + 1))  # type: ignore[attr-defined]

        await db.run(work)

    await asyncio.gather(cross(1, 2), cross(2, 1))
    assert tries == 3, "one of the two was the victim once"
    async with db.read.connect() as conn:
        assert (await conn.execute(select(thing.c.amount))).scalars().all() == [2, 2]


async def test_a_serialization_failure_that_stays_is_aborted(db: Database) -> None:
    await add(db, 1, "one")

    async def work(conn: object) -> None:
        await conn.execute(text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))  # type: ignore[attr-defined]
        await conn.execute(select(thing.c.amount))  # type: ignore[attr-defined]
        async with db.transaction() as other:
            await other.execute(update(thing).values(amount=thing.c.amount + 1))
        await conn.execute(update(thing).values(amount=7))  # type: ignore[attr-defined]

    with pytest.raises(Aborted) as caught:
        await db.run(work, attempts=2)
    assert caught.value.code is Code.ABORTED


async def terminate_others(db: Database) -> None:
    connection = await asyncpg.connect(db.url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", f"hub_{SCHEMA}"
    )
    await connection.close()


async def test_a_read_survives_lost_connections(db: Database) -> None:
    await add(db, 1, "one")
    await terminate_others(db)
    assert await db.fetchval(BY_ID, id=1) == "one"


async def test_a_connection_lost_in_a_transaction_is_unavailable(db: Database) -> None:
    with pytest.raises(Unavailable) as caught:
        async with db.transaction() as conn:
            await conn.execute(text("SELECT 1"))
            await terminate_others(db)
            await conn.execute(text("SELECT 1"))
    assert caught.value.reason == "DATABASE_UNAVAILABLE"
    async with db.transaction() as conn:
        assert (await conn.execute(text("SELECT 1"))).scalar() == 1


async def test_no_server_at_all_is_unavailable() -> None:
    nowhere = await Database.open("postgresql://nobody@127.0.0.1:1/none", schema=SCHEMA)
    try:
        with pytest.raises(Unavailable):
            await nowhere.fetchval(BY_ID, id=1)
        with pytest.raises(Unavailable):
            async with nowhere.transaction():
                pass
        with pytest.raises(Unavailable):
            await nowhere.current_revision()
    finally:
        await nowhere.close()


async def test_a_fault_of_our_own_is_not_dressed_up(db: Database) -> None:
    with pytest.raises(Exception, match="does not exist") as caught:
        async with db.transaction() as conn:
            await conn.execute(text("SELECT * FROM sample.no_such_table"))
    assert not isinstance(caught.value, HubError), "it must reach the log as what it is, and the caller as INTERNAL"
