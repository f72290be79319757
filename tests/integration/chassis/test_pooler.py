"""Behind a PgBouncer in transaction mode, with fewer server sessions than callers, every way into the database works."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import ARRAY, BigInteger, any_, bindparam, func, insert, select, text

from chassis.database import Database, Statement
from chassis.errors import AlreadyExists, Unavailable
from chassis.feed import Feed
from chassis.seal import Seal
from chassis.setting_values import PoolMode
from tests.factories.pgbouncer import pgbouncer
from tests.integration.chassis.schema import SCHEMA, outbox, thing
from tests.integration.chassis.test_feed import read, write

SESSIONS = 2
CALLERS = 30
BY_IDS = Statement(
    select(thing.c.id, thing.c.name)
    .where(thing.c.id == any_(bindparam("ids", type_=ARRAY(BigInteger))))
    .order_by(thing.c.id)
)
NAME = Statement(select(func.current_database()))
SESSIONS_NOW = Statement(text("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'hub_sample%'"))


@pytest.fixture
async def direct_url(db: Database, server_url: str) -> str:
    """Where `db` works."""
    return urlsplit(server_url)._replace(path=f"/{await db.fetchval(NAME)}").geturl()


@pytest.fixture
async def pooler_url(direct_url: str) -> AsyncIterator[str]:
    async with pgbouncer(direct_url, sessions=SESSIONS, query_wait_timeout="1") as pooler:
        yield pooler.url


@asynccontextmanager
async def behind(url: str, *, direct: str = "") -> AsyncIterator[Database]:
    """As another process of the service has it."""
    made = await Database.open(url, schema=SCHEMA, pool_mode=PoolMode.TRANSACTION, direct_url=direct)
    try:
        yield made
    finally:
        await made.close()


async def work(db: Database, caller: int) -> None:
    """A row in a transaction of an engine, one that is refused, and reads in the other three ways."""
    async with db.transaction() as conn:
        await conn.execute(insert(thing), {"id": caller, "name": f"n{caller}"})
        assert (await conn.execute(select(func.count()).where(thing.c.id == caller))).scalar_one() == 1
    with pytest.raises(AlreadyExists):
        async with db.transaction() as conn:
            await conn.execute(insert(thing), {"id": -caller, "name": f"n{caller}"})
    (row,) = await db.fetch(BY_IDS, ids=[caller])
    assert (row["id"], row["name"]) == (caller, f"n{caller}")
    async with db.hot_transaction() as hot:
        assert len(await hot.rows(BY_IDS, ids=[caller])) == 1
    async with db.read.connect() as conn:
        assert (await conn.execute(select(thing.c.name).where(thing.c.id == caller))).scalar_one() == f"n{caller}"


async def test_many_callers_of_two_processes_share_few_sessions(db: Database, pooler_url: str) -> None:
    async with behind(pooler_url) as one, behind(pooler_url) as other:
        await asyncio.gather(*(work((one, other)[caller % 2], caller) for caller in range(1, CALLERS + 1)))
        assert await one.fetchval(SESSIONS_NOW) - await connections_past_it(db) <= SESSIONS
        assert len(await db.fetch(BY_IDS, ids=list(range(1, CALLERS + 1)))) == CALLERS


async def connections_past_it(db: Database) -> int:
    pools = (db.read.pool, db.write.pool)
    return db.pool.get_size() + sum(pool.checkedin() + pool.checkedout() for pool in pools)  # type: ignore[attr-defined]


async def test_a_caller_who_gives_up_leaves_the_session_to_others(pooler_url: str) -> None:
    async with behind(pooler_url) as db:
        slow = Statement(text("SELECT pg_sleep(30)"))
        with suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await asyncio.gather(*(db.fetch(slow) for _ in range(SESSIONS)))
        async with asyncio.timeout(3):
            assert await db.fetch(BY_IDS, ids=[1]) == []


async def test_callers_who_give_up_waiting_for_a_session_are_gone_at_once(pooler_url: str) -> None:
    async with behind(pooler_url) as db:
        await asyncio.gather(*(db.fetch(BY_IDS, ids=[1]) for _ in range(6)))
        async with AsyncExitStack() as held:
            for _ in range(SESSIONS):
                conn = await held.enter_async_context(db.transaction())
                await conn.execute(text("SELECT 1"))
            began = time.monotonic()
            gone = await asyncio.gather(*(given_up(ask(db)) for ask in (asked, asked_within) * 3))
            assert all(gone)
            assert time.monotonic() - began < 0.9
        for ask in (asked, asked_within):
            assert await ask(db) == []


async def asked(db: Database) -> list[Any]:
    return await db.fetch(BY_IDS, ids=[1])


async def asked_within(db: Database) -> list[Any]:
    async with db.hot_transaction() as hot:
        return list(await hot.rows(BY_IDS, ids=[1]))


async def given_up(asking: Awaitable[Any]) -> bool:
    try:
        async with asyncio.timeout(0.3):
            await asking
    except TimeoutError:
        return True
    return False


async def test_who_waits_too_long_for_a_session_is_told_so(pooler_url: str) -> None:
    async with behind(pooler_url) as db, AsyncExitStack() as held:
        for _ in range(SESSIONS):
            conn = await held.enter_async_context(db.transaction())
            await conn.execute(text("SELECT 1"))
        with pytest.raises(Unavailable):
            await db.fetch(BY_IDS, ids=[1])


@pytest.mark.parametrize("hears", [True, False])
async def test_a_change_of_another_process_wakes_a_reader(pooler_url: str, direct_url: str, hears: bool) -> None:
    """At once where there is a way past the pooler, else by polling."""
    async with (
        behind(pooler_url, direct=direct_url if hears else "") as here,
        behind(pooler_url, direct=direct_url) as there,
    ):
        assert here.can_listen is hears
        feed, other = Feed(here, outbox, Seal("key")), Feed(there, outbox, Seal("key"))
        running = [asyncio.create_task(one.run()) for one in (feed, other)]
        await asyncio.sleep(0.3)
        reader = asyncio.create_task(read(feed, await feed.current_token(), 1))
        await asyncio.sleep(0.1)
        await write(there, "x")
        other.poke()
        began = time.monotonic()
        assert (await reader)[0] == ["x"]
        assert time.monotonic() - began < (0.35 if hears else 3)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
