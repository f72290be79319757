"""The feed: nothing skipped, nothing twice, whatever the order of commits and wherever the reader is cut off."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import text

from chassis.database import Database
from chassis.feed import _LISTENING_POLLS_AS_SELDOM, POLL_SECONDS, Checkpoint, Entry, Feed, ResumeTokenExpired
from chassis.outbox import OutboxRow, append
from chassis.seal import Seal
from tests.integration.chassis.schema import outbox


@pytest.fixture
async def feed(db: Database) -> AsyncIterator[Feed]:
    made = Feed(db, outbox, Seal("key"))
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def write(db: Database, *keys: str) -> None:
    async with db.transaction() as conn:
        await append(conn, outbox, [OutboxRow("sample", key, b"x") for key in keys])


async def read(feed: Feed, token: str, count: int) -> tuple[list[str], str]:
    """Reads `count` entries and leaves; answers their keys and the token behind the last."""
    keys: list[str] = []
    async with asyncio.timeout(20):
        async for item in feed.follow(token):
            token = item.resume_token
            if isinstance(item, Entry):
                keys.append(item.key)
            if len(keys) == count:
                break
    return keys, token


async def test_the_first_message_is_a_checkpoint_of_now(db: Database, feed: Feed) -> None:
    await write(db, "before")
    async for item in feed.follow(""):
        assert isinstance(item, Checkpoint)
        token = item.resume_token
        break
    await write(db, "after")
    assert (await read(feed, token, 1))[0] == ["after"]


async def test_a_row_that_commits_late_is_not_skipped(db: Database, feed: Feed) -> None:
    token = await feed.current_token()
    async with db.write.connect() as slow:
        await append(slow, outbox, [OutboxRow("sample", "late", b"x")])
        await write(db, "early")
        reader = asyncio.create_task(read(feed, token, 2))
        await asyncio.sleep(0.2)
        assert not reader.done(), "nothing may be shown that an open transaction could still precede"
        await slow.commit()
    feed.poke()
    keys, _ = await reader
    assert sorted(keys) == ["early", "late"]


async def test_a_rolled_back_row_never_shows_and_holds_nobody_up(db: Database, feed: Feed) -> None:
    token = await feed.current_token()
    async with db.write.connect() as failed:
        await append(failed, outbox, [OutboxRow("sample", "never", b"x")])
        await write(db, "kept")
        await failed.rollback()
    assert (await read(feed, token, 1))[0] == ["kept"]


async def test_a_reader_cut_off_anywhere_misses_nothing_and_sees_nothing_twice(db: Database, feed: Feed) -> None:
    chance = random.Random(7)
    token = await feed.current_token()
    expected = [f"k{number}" for number in range(300)]

    async def writer(mine: list[str]) -> None:
        for key in mine:
            async with db.transaction() as conn:
                await append(conn, outbox, [OutboxRow("sample", key, b"x")])
                await asyncio.sleep(chance.random() * 0.004)
            feed.poke()

    writers = [asyncio.create_task(writer(expected[start::6])) for start in range(6)]
    seen: list[str] = []
    while len(seen) < len(expected):
        keys, token = await read(feed, token, min(chance.randint(1, 40), len(expected) - len(seen)))
        seen += keys
    await asyncio.gather(*writers)
    assert len(seen) == len(set(seen))
    assert sorted(seen) == sorted(expected)


async def test_two_readers_see_the_same_order(db: Database, feed: Feed) -> None:
    token = await feed.current_token()
    await asyncio.gather(*(write(db, f"a{number}", f"b{number}") for number in range(30)))
    first, _ = await read(feed, token, 60)
    second, _ = await read(feed, token, 60)
    assert first == second


async def test_a_poke_on_another_replica_wakes_this_one(db: Database, feed: Feed) -> None:
    other = Feed(db, outbox, Seal("key"))
    carrying = asyncio.create_task(other.run())
    await asyncio.sleep(0.3)
    token = await feed.current_token()
    reader = asyncio.create_task(read(feed, token, 1))
    await asyncio.sleep(0.1)
    await write(db, "x")
    other.poke()
    async with asyncio.timeout(0.4):
        assert (await reader)[0] == ["x"]
    carrying.cancel()


async def test_a_token_older_than_the_trim_is_refused(db: Database, feed: Feed) -> None:
    token = await feed.current_token()
    await write(db, "old")
    async with db.transaction() as conn:
        await conn.execute(text("UPDATE sample.outbox SET created_at = now() - interval '10 days'"))
    await feed.trim()
    with pytest.raises(ResumeTokenExpired):
        await read(feed, token, 1)
    fresh = await feed.current_token()
    await write(db, "new")
    assert (await read(feed, fresh, 1))[0] == ["new"]


async def test_trimming_does_not_refuse_a_reader_that_has_read_all(db: Database, feed: Feed) -> None:
    token = await feed.current_token()
    await write(db, "old")
    _, token = await read(feed, token, 1)
    async with db.transaction() as conn:
        await conn.execute(text("UPDATE sample.outbox SET created_at = now() - interval '10 days'"))
    await feed.trim()
    await write(db, "new")
    assert (await read(feed, token, 1))[0] == ["new"]


@pytest.mark.parametrize("token", ["x", "AAAA", "é"])
async def test_a_made_up_token_is_refused(feed: Feed, token: str) -> None:
    with pytest.raises(ResumeTokenExpired):
        await read(feed, token, 1)


async def test_a_token_of_another_epoch_is_refused(db: Database, feed: Feed) -> None:
    token = await feed.current_token()
    async with db.transaction() as conn:
        await conn.execute(text("UPDATE sample.outbox_state SET epoch = 'restored from a backup'"))
    with pytest.raises(ResumeTokenExpired):
        await read(feed, token, 1)


async def test_a_reader_learns_midway_that_history_took_another_course(
    db: Database, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.feed.CHECKPOINT_SECONDS", 0.1)
    token = await feed.current_token()
    reader = asyncio.create_task(read(feed, token, 1))
    await asyncio.sleep(0.2)
    async with db.transaction() as conn:
        await conn.execute(text("UPDATE sample.outbox_state SET epoch = 'restored from a backup'"))
    async with asyncio.timeout(5):
        with pytest.raises(ResumeTokenExpired):
            await reader


async def test_a_token_names_the_cluster_and_its_timeline(db: Database, feed: Feed) -> None:
    opened = Seal("key").open(await feed.current_token(), "feed:sample")
    assert opened is not None
    async with db.transaction() as conn:
        cluster = (await conn.execute(text("SELECT system_identifier::text FROM pg_control_system()"))).scalar_one()
        epoch = (await conn.execute(text("SELECT epoch FROM sample.outbox_state"))).scalar_one()
    assert opened.decode().split("|")[0] == f"{epoch}.{cluster}.00000001"


async def test_rows_copied_from_another_cluster_do_not_hold_up_the_feed(db: Database) -> None:
    async with db.transaction() as conn:
        await conn.execute(
            text(
                "INSERT INTO sample.outbox (transaction_id, kind, key, payload) VALUES (1::bigint << 40, 'x', 'copied', 'x')"
            )
        )
        await conn.execute(
            text("UPDATE sample.outbox_state SET trimmed_transaction_id = 1::bigint << 39, trimmed_id = 7")
        )
    feed = Feed(db, outbox, Seal("key"))
    running = asyncio.create_task(feed.run())
    await asyncio.sleep(0.3)
    token = await feed.current_token()
    await write(db, "new")
    assert (await read(feed, token, 1))[0] == ["new"]
    running.cancel()


async def test_change_nobody_told_of_is_found_by_one_look_for_all_readers(
    db: Database, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    fetch, fetchrow = db.fetch, db.fetchrow

    async def counted(statement: Any, **parameters: Any) -> Any:
        looks.append("reader")
        return await fetch(statement, **parameters)

    async def counted_row(statement: Any, **parameters: Any) -> Any:
        looks.append("all" if statement is feed._newest else "start")
        return await fetchrow(statement, **parameters)

    monkeypatch.setattr(db, "fetch", counted)
    monkeypatch.setattr(db, "fetchrow", counted_row)
    reading = [asyncio.create_task(read(feed, await feed.current_token(), 1)) for _ in range(4)]
    await asyncio.sleep((_LISTENING_POLLS_AS_SELDOM + 1) * POLL_SECONDS)
    assert looks.count("all") >= 1
    # At the start, when the listener begins to hear, and after the first look.
    assert looks.count("reader") <= 12  # and not once each half second
    # Its writer died before it could tell.
    await write(db, "silent")
    assert [(await one)[0] for one in reading] == [["silent"]] * 4
