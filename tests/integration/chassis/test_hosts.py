"""An address of several hosts leads to the one that takes writes, whichever answers first and wherever it moves."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import asyncpg
import pytest

from chassis.database import Database
from chassis.errors import Unavailable
from chassis.hosts import Hosts
from deploy.local.migrate import migrate
from deploy.local.ports import Ports
from deploy.local.postgres import EmbeddedPostgres, PostgresPlace
from tests.factories.databases import ROLE_SECRET
from tests.factories.folders import scratch_folder
from tests.factories.standby import caught_up, promote, standby_of
from tests.integration.chassis.conftest import make_schema
from tests.integration.chassis.schema import SCHEMA
from tests.integration.chassis.test_database_errors import ADD, BY_ID

_MOST_SECONDS = 4.0


@dataclass
class Pair:
    """A primary and its standby; the standby is named first wherever both are."""

    primary: EmbeddedPostgres
    standby: EmbeddedPostgres
    nobody: int

    def url(self, *before: int, database: str = "postgres") -> str:
        """Both, after hosts that are of no use, as an administrator."""
        ports = (*before, self.standby.place.port, self.primary.place.port)
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        return f"postgresql://hub_admin:{self.primary.place.password}@{hosts}/{database}"


@pytest.fixture(scope="module")
async def pair() -> AsyncIterator[Pair]:
    with scratch_folder() as folder, Ports() as ports:
        place = PostgresPlace(folder / "primary", folder / "primary.log", ports.take_free(), secrets.token_hex(16))
        primary = EmbeddedPostgres(place, {"fsync": "off"})
        await primary.start()
        try:
            async with standby_of(primary, folder, ports.take_free()) as standby:
                yield Pair(primary, standby, ports.take_free())
        finally:
            await primary.stop()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A host that takes connections and never says a word, as one behind a broken network may."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


async def test_a_host_that_says_nothing_costs_its_share_once(pair: Pair, silent_port: int) -> None:
    hosts = Hosts(pair.url(silent_port))
    first, second = await _timed(hosts), await _timed(hosts)
    assert 1.0 < first < _MOST_SECONDS
    assert second < 1.0


async def test_without_a_primary_the_database_is_not_reachable(pair: Pair) -> None:
    standby = f"127.0.0.1:{pair.standby.place.port}"
    url = f"postgresql://hub_admin:{pair.primary.place.password}@{standby},{standby}/postgres"
    db = await Database.open(url, schema=SCHEMA)
    try:
        with pytest.raises(Unavailable):
            await db.current_revision()
    finally:
        await db.close()


async def test_a_wrong_password_is_told_though_other_hosts_are_down(pair: Pair) -> None:
    url = pair.url(pair.nobody).replace(pair.primary.place.password, "wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await Hosts(url).connect(timeout=_MOST_SECONDS)


async def test_migrations_make_their_database_on_the_primary(pair: Pair) -> None:
    await migrate(pair.url(pair.nobody, database="made"), ROLE_SECRET, ("catalog",))
    connection = await asyncpg.connect(pair.primary.place.url("made"))
    assert await connection.fetchval("SELECT count(*) FROM catalog.alembic_version") == 1
    await connection.close()


async def test_writes_find_the_primary_before_and_after_it_moves(pair: Pair) -> None:
    """The last one here: nothing is left of the primary."""
    await make_schema(pair.primary.place.url("postgres"))
    db = await Database.open(pair.url(pair.nobody), schema=SCHEMA)
    try:
        await db.execute(ADD, id=1, name="before", amount=0, parent=None)
        async with db.transaction() as one, db.transaction() as other:
            assert one is not other
        listener = await db.connect_listener()
        assert not await listener.fetchval("SELECT pg_is_in_recovery()")
        await listener.close()
        await caught_up(pair.standby, pair.primary)
        pair.primary.process.give_up()
        await promote(pair.standby)
        await _add_until_done(db, 2)
        # The two connections to the former primary are in the pool still; nobody is lent them.
        async with db.transaction() as one, db.transaction() as other:
            for connection in (one, other):
                assert (await connection.exec_driver_sql("SELECT pg_is_in_recovery()")).scalar() is False
        assert await db.fetchval(BY_ID, id=1) == "before"
    finally:
        await db.close()


async def _timed(hosts: Hosts) -> float:
    began = time.monotonic()
    connection = await hosts.connect(timeout=_MOST_SECONDS)
    assert not await connection.fetchval("SELECT pg_is_in_recovery()")
    await connection.close()
    return time.monotonic() - began


async def _add_until_done(db: Database, number: int) -> None:
    """Connections to the former primary are told of its end one by one."""
    for _ in range(50):
        try:
            await db.execute(ADD, id=number, name="after", amount=0, parent=None)
        except Unavailable:
            await asyncio.sleep(0.1)
        else:
            return
    raise AssertionError("no host took the write")
