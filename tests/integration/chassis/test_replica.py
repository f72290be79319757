"""Reads on a standby are as fresh as on the primary, whatever the standby does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest
from sqlalchemy import text

from chassis.database import Database, Statement
from chassis.replica import Replica
from deploy.local.ports import Ports
from deploy.local.postgres import EmbeddedPostgres, PostgresPlace
from tests.factories.folders import scratch_folder
from tests.factories.standby import caught_up, promote, standby_of
from tests.integration.chassis.conftest import make_schema
from tests.integration.chassis.schema import SCHEMA

COUNT = Statement(text("SELECT count(*) AS things, pg_is_in_recovery() AS on_standby FROM sample.thing"))


@dataclass
class Pair:
    """A primary and its standby, and the two as a service sees them."""

    standby: EmbeddedPostgres
    primary: EmbeddedPostgres
    db: Database
    replica: Replica

    async def write(self) -> None:
        """One more row, committed."""
        async with self.db.transaction() as conn:
            await conn.execute(text("INSERT INTO sample.thing SELECT count(*), count(*)::text FROM sample.thing"))

    async def read(self) -> tuple[int, bool]:
        """How many rows a reader sees, and whether the standby told him."""
        (row,) = await self.replica.fetch(COUNT)
        return row["things"], row["on_standby"]

    async def at_standby(self, statement: str) -> None:
        connection = await asyncpg.connect(self.standby.place.url("postgres"))
        await connection.execute(statement)
        await connection.close()


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    with scratch_folder() as folder, Ports() as ports:
        place = PostgresPlace(folder / "data", folder / "log", ports.take_free(), "p" * 20)
        primary = EmbeddedPostgres(place, {"fsync": "off"})
        await primary.start()
        await make_schema(place.url("postgres"))
        async with standby_of(primary, folder, ports.take_free()) as standby:
            db = await Database.open(place.url("postgres"), schema=SCHEMA)
            replica = Replica(db, standby.place.url("postgres"))
            await caught_up(standby, primary)
            yield Pair(standby, primary, db, replica)
            await replica.close()
            await db.close()
        await primary.stop()


async def test_what_was_committed_is_read_wherever_the_standby_is(pair: Pair) -> None:
    assert await pair.read() == (0, True)
    for number in range(1, 20):
        await pair.write()
        assert (await pair.read())[0] == number
    await caught_up(pair.standby, pair.primary)
    assert await pair.read() == (19, True)

    await pair.at_standby("SELECT pg_wal_replay_pause()")
    await pair.write()
    assert await pair.read() == (20, False)
    await pair.at_standby("SELECT pg_wal_replay_resume()")
    await caught_up(pair.standby, pair.primary)
    assert await pair.read() == (20, True)


async def test_a_standby_that_is_gone_or_goes_its_own_way_is_not_asked(pair: Pair) -> None:
    await promote(pair.standby)
    await pair.write()
    assert await pair.read() == (1, False)
    await pair.standby.stop()
    assert await pair.read() == (1, False)
    assert await pair.read() == (1, False)
