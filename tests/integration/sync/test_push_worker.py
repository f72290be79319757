"""The push worker on a real database: what ends up on the platform, whatever happens on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text

from sync_svc.channels.base import (
    OVER_QUOTA,
    ChannelOrder,
    ListingPhase,
    ListingState,
    OrderLine,
    Outcome,
    PushResult,
)
from sync_svc.domain.channel import Channel
from sync_svc.domain.listing import Urgency
from sync_svc.operations.channels import pause_channel
from sync_svc.storage.deliveries import queue_orders
from sync_svc.storage.tables import channel_run, listing_attempt
from sync_svc.workers import push
from sync_svc.workers.push import PUSHES_AT_ONCE
from tests.factories.sync.engine import Engine, running, until
from tests.factories.sync.platform import FakePlatform
from tests.factories.sync.upstream import FakeHub

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def _raise(engine: Engine, variant_id: int) -> None:
    async with engine.db.transaction() as conn:
        wakes = await engine.generations.raise_variants(conn, [variant_id], Urgency.STOCK)
    engine.alarms.pushes.ring(wakes)


async def test_new_listing_is_created_with_quantity_and_price(
    engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    hub.add(1, "00845", 3, "19.99")
    channel = await engine.add_channel()
    listing_id = await engine.add_listing(channel, 1, "00845", "SHOP-1")
    async with running(engine.push_worker(channel).run):
        await engine.settled()
    shelf = platform.shelves["SHOP-1"]
    assert (shelf.quantity, str(shelf.price)) == (3, "19.99")
    row = await engine.row(listing_id)
    assert (row.status, row.pushed_quantity, row.external_id) == ("SYNCED", 3, "L-SHOP-1")
    assert row.lease is None


async def test_ten_sales_in_a_moment_are_fewer_pushes_and_the_right_number(
    engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    hub.add(1, "00845", 10)
    channel = await engine.add_channel()
    await engine.add_listing(channel, 1, "00845")
    async with running(engine.push_worker(channel).run, engine.feed.run):
        await until(lambda: platform.shelves.get("00845") and platform.shelves["00845"].quantity == 10)
        await engine.settled()
        before = platform.pushes
        for _ in range(10):
            hub.sell(1)
            await asyncio.sleep(0.01)
        await until(lambda: platform.shelves["00845"].quantity == 0)
        await engine.settled()
    assert platform.pushes - before < 10
    assert platform.shelves["00845"].quantity == 0


async def test_worker_killed_between_push_and_record_leaves_no_wrong_quantity(
    engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    hub.add(1, "00845", 5)
    channel = await engine.add_channel()
    listing_id = await engine.add_listing(channel, 1, "00845")
    await _die_in_a_push(engine, channel, platform)
    hub.free[1] = 2
    assert (await engine.row(listing_id)).synced_generation == 0
    async with running(engine.push_worker(channel).run):
        await engine.settled()
    assert platform.shelves["00845"].quantity == 2
    assert platform.reads == 1, "what the killed push left is read back first"
    assert (await engine.row(listing_id)).status == "SYNCED"


@pytest.mark.parametrize("workers", [2, 8])
async def test_workers_never_push_one_listing_at_once(
    engine: Engine, hub: FakeHub, platform: FakePlatform, workers: int
) -> None:
    channel = await engine.add_channel()
    for number in range(1, 6):
        hub.add(number, f"0000{number}", 100)
        await engine.add_listing(channel, number, f"0000{number}")
    platform.max_batch = 2
    under_way: list[int] = []
    met: set[int] = set()

    async def watch(batch: Sequence[ListingState]) -> None:
        ids = [state.listing_id for state in batch]
        met.update(set(ids) & set(under_way))
        under_way.extend(ids)
        await asyncio.sleep(0.02)
        for listing_id in ids:
            under_way.remove(listing_id)

    platform.before_apply = watch
    others = [Engine(engine.db, hub, {"EBAY": platform}, owner=f"worker-{number}") for number in range(workers)]
    async with running(*(other.push_worker(channel).run for other in others)):
        for _ in range(20):
            for number in range(1, 6):
                hub.free[number] -= 1
                await _raise(engine, number)
                for other in others:
                    other.alarms.pushes.of(channel.id).ring_in(0)
            await asyncio.sleep(0.01)
        await engine.settled()
    assert met == set()
    for number in range(1, 6):
        told = [state for state in platform.journal if state.platform_sku == f"0000{number}"]
        assert told[-1].quantity == 80
        assert len({state.generation for state in told}) == len(told), "no generation was sent twice"
        for order in ([state.generation for state in told], [-state.quantity for state in told]):
            assert order == sorted(order), "nothing older landed after something newer"


async def test_late_answer_after_lease_loss_counts_for_nothing_and_is_mended(
    engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    hub.add(1, "00845", 7)
    channel = await engine.add_channel()
    listing_id = await engine.add_listing(channel, 1, "00845")
    stalled, go_on = asyncio.Event(), asyncio.Event()

    async def stall(_: Sequence[ListingState]) -> None:
        platform.before_apply = None
        stalled.set()
        await go_on.wait()

    platform.before_apply = stall
    engine.leases._lease_s = 0.2
    async with running(engine.push_worker(channel).run):
        await stalled.wait()
        hub.free[1] = 4
        other = Engine(engine.db, hub, {"EBAY": platform}, owner="other")
        async with running(other.push_worker(channel).run):
            await until(lambda: "00845" in platform.shelves and platform.shelves["00845"].quantity == 4)
            await engine.settled()
            go_on.set()
            await until(lambda: len(platform.journal) >= 3)
            await engine.settled()
    assert [state.quantity for state in platform.journal][:2] == [4, 7], "the old number did land last"
    assert platform.shelves["00845"].quantity == 4, "and was mended"
    async with engine.db.read.connect() as conn:
        late = select(func.count()).where(listing_attempt.c.listing_id == listing_id, listing_attempt.c.late)
        assert (await conn.execute(late)).scalar_one() == 1


async def test_a_change_during_a_push_is_pushed_after_it(engine: Engine, hub: FakeHub, platform: FakePlatform) -> None:
    hub.add(1, "00845", 9)
    channel = await engine.add_channel()
    await engine.add_listing(channel, 1, "00845")

    async def change(_: Sequence[ListingState]) -> None:
        platform.before_apply = None
        hub.free[1] = 1
        await _raise(engine, 1)

    platform.before_apply = change
    async with running(engine.push_worker(channel).run):
        await until(lambda: len(platform.journal) == 2)
        await engine.settled()
    assert platform.shelves["00845"].quantity == 1


async def test_what_a_platform_changes_by_itself_during_a_push_is_put_right_after_it(
    engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    hub.add(1, "00845", 9)
    channel = await engine.add_channel()
    await engine.add_listing(channel, 1, "00845")

    async def sell_and_cancel(_: Sequence[ListingState]) -> None:
        """It is sold there and cancelled before the hub has heard of it; the platform does not give the unit back."""
        platform.after_apply = None
        platform.shelves["00845"].quantity -= 1
        async with engine.db.transaction() as conn:
            await queue_orders(conn, channel.id, ["O-1"])
        (task,) = await engine.tasks.take(channel.id, uuid4(), 1)
        seen = ChannelOrder("O-1", [OrderLine("1", "00845", 1)], True, True, AT, AT, "CANCELLED")
        order = await engine.intake.see(task, seen)
        assert order is not None
        await engine.intake.apply(task, order, cancelled=True)

    platform.after_apply = sell_and_cancel
    async with running(engine.push_worker(channel).run):
        await engine.settled()
    assert platform.shelves["00845"].quantity == 9


async def _refused(engine: Engine, listing_id: int, platform: FakePlatform) -> None:
    """What a push of an unknown end has left is read back, and the push that is to mend it is refused."""
    platform.refuse_with = PushResult(0, Outcome.RETRY, "busy", code="busy")
    await until(lambda: _has_error(engine, listing_id, "RETRY"))
    platform.refuse_with = None


async def _truth_is_gone(engine: Engine, listing_id: int, platform: FakePlatform) -> None:
    """The listing is taken and given back, as the truth cannot be read."""

    async def is_given_back() -> bool:
        return not (await engine.row(listing_id)).lease_owner

    engine.hub.is_down = True
    await until(is_given_back)
    engine.hub.is_down = False


@pytest.mark.parametrize("trouble", [_refused, _truth_is_gone])
async def test_a_push_of_unknown_end_is_not_forgotten_over_the_next_trouble(
    engine: Engine,
    hub: FakeHub,
    platform: FakePlatform,
    trouble: Callable[[Engine, int, FakePlatform], Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(push, "_TRUTH_RETRY_S", 0.05)
    hub.add(1, "00845", 9)
    channel = await engine.add_channel()
    listing_id = await engine.add_listing(channel, 1, "00845")
    async with running(engine.push_worker(channel).run):
        await engine.settled()
    hub.free[1] = 4
    await _raise(engine, 1)
    await _die_in_a_push(engine, channel, platform)
    hub.free[1] = 9
    async with running(engine.push_worker(channel).run):
        await trouble(engine, listing_id, platform)
        await until(lambda: _has_status(engine, listing_id, "SYNCED"))
    assert platform.shelves["00845"].quantity == 9, (
        "what is recorded as shown was shown before the push that was cut off"
    )


async def test_refused_account_pauses_the_channel_until_access_is_mended(
    engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    for number in range(1, 4):
        hub.add(number, f"0000{number}", 1)
    platform.max_batch = 1
    platform.refuse_with = PushResult(0, Outcome.AUTH, "The token was revoked.", code="http_401")
    channel = await engine.add_channel()
    ids = [await engine.add_listing(channel, number, f"0000{number}") for number in range(1, 4)]
    async with running(engine.push_worker(channel).run):
        await until(lambda: platform.pushes >= 1)
        await asyncio.sleep(0.5)
    assert platform.pushes <= 4, "the pushes under way end, then the account is silent"
    rows = [await engine.row(listing_id) for listing_id in ids]
    assert {row.error_class for row in rows} <= {"AUTH", None}
    assert all(row.attempts == 0 for row in rows)


async def test_what_the_quota_has_no_room_for_is_no_error_and_goes_on_by_itself(
    engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    hub.add(1, "00845", 3)
    channel = await engine.add_channel()
    listing_id = await engine.add_listing(channel, 1, "00845")
    platform.refuse_with = PushResult(0, Outcome.RETRY, "no room", code=OVER_QUOTA, wait_s=0.1)
    async with running(engine.push_worker(channel).run):
        await until(lambda: platform.pushes >= 3)
        row = await engine.row(listing_id)
        assert (row.status, row.error_class, row.error_message, row.attempts) == ("PENDING", None, "", 0)
        platform.refuse_with = None
        await engine.settled()
    assert platform.shelves["00845"].quantity == 3
    async with engine.db.read.connect() as conn:
        assert (await conn.execute(select(func.count()).select_from(listing_attempt))).scalar_one() == 1


async def test_a_quota_that_is_used_up_for_long_is_told(engine: Engine, hub: FakeHub, platform: FakePlatform) -> None:
    hub.add(1, "00845", 3)
    channel = await engine.add_channel()
    listing_id = await engine.add_listing(channel, 1, "00845")
    platform.refuse_with = PushResult(0, Outcome.RETRY, "used up", code=OVER_QUOTA, retry_after_s=3600)
    async with running(engine.push_worker(channel).run):
        await engine.settled()
    row = await engine.row(listing_id)
    assert (row.status, row.error_class, row.error_message) == ("ERROR", "RETRY", "used up")


async def test_permanent_refusal_waits_for_a_change(engine: Engine, hub: FakeHub, platform: FakePlatform) -> None:
    hub.add(1, "00845", 1)
    platform.refuse_with = PushResult(0, Outcome.PERMANENT, "The category is gone.", code="25005")
    channel = await engine.add_channel()
    listing_id = await engine.add_listing(channel, 1, "00845")
    async with running(engine.push_worker(channel).run):
        await until(lambda: platform.pushes == 1)
        await until(lambda: _has_error(engine, listing_id, "PERMANENT"))
        await asyncio.sleep(0.4)
        assert platform.pushes == 1
        platform.refuse_with = None
        await _raise(engine, 1)
        await engine.settled()
    assert platform.shelves["00845"].quantity == 1
    row = await engine.row(listing_id)
    assert (row.status, row.error_class, row.error_message) == ("SYNCED", None, "")


async def _has_error(engine: Engine, listing_id: int, error_class: str) -> bool:
    return bool((await engine.row(listing_id)).error_class == error_class)


async def test_unanswered_push_is_read_back_before_it_is_sent_again(
    engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    hub.add(1, "00845", 6)
    channel = await engine.add_channel()
    listing_id = await engine.add_listing(channel, 1, "00845", content_generation=0)

    async def vanish(_: Sequence[ListingState]) -> None:
        platform.after_apply = None
        raise TimeoutError

    platform.after_apply = vanish
    async with running(engine.push_worker(channel).run):
        await until(lambda: _has_error(engine, listing_id, "UNKNOWN"))
        await until(lambda: _has_status(engine, listing_id, "SYNCED"))
    assert (platform.pushes, platform.reads) == (1, 1), "it had been applied, so nothing is sent twice"


async def _has_status(engine: Engine, listing_id: int, status: str) -> bool:
    return bool((await engine.row(listing_id)).status == status)


async def test_nothing_is_sent_when_nothing_differs(engine: Engine, hub: FakeHub, platform: FakePlatform) -> None:
    hub.add(1, "00845", 50)
    channel = await engine.add_channel(cap_units=5)
    await engine.add_listing(channel, 1, "00845")
    async with running(engine.push_worker(channel).run):
        await engine.settled()
        hub.free[1] = 49
        await _raise(engine, 1)
        await engine.settled()
    assert (platform.pushes, platform.shelves["00845"].quantity) == (1, 5)


async def test_zero_goes_first(engine: Engine, hub: FakeHub, platform: FakePlatform) -> None:
    channel = await engine.add_channel()
    for number in range(1, 9):
        hub.add(number, f"0000{number}", 5)
        await engine.add_listing(channel, number, f"0000{number}")
    async with running(engine.push_worker(channel).run):
        await engine.settled()
    hub.free = {number: 0 if number == 8 else 4 for number in range(1, 9)}
    platform.journal.clear()
    for number in range(1, 9):
        await _raise(engine, number)
    await asyncio.sleep(2 * engine.gap_s)
    async with running(engine.push_worker(channel).run):
        await engine.settled()
    assert platform.journal[0].platform_sku == "00008"


async def test_new_listings_wait_for_the_end_of_an_import_and_a_sale_does_not(
    engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    hub.add(1, "00845", 3)
    hub.add(2, "00846", 3)
    channel = await engine.add_channel()
    await engine.add_listing(channel, 1, "00845", "OLD")
    async with running(engine.push_worker(channel).run, engine.feed.run):
        await engine.settled()
        engine.alarms.rush.note(1_000)
        began = asyncio.get_running_loop().time()
        await engine.add_listing(channel, 2, "00846", "NEW")
        hub.sell(1)
        await until(lambda: platform.shelves["OLD"].quantity == 2)
        assert "NEW" not in platform.shelves
        assert engine.alarms.rush.left_s() > 0
        await until(lambda: "NEW" in platform.shelves)
        assert asyncio.get_running_loop().time() - began >= 1.0


async def test_a_sale_does_not_wait_for_pushes_that_take_long(
    engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    platform.max_batch = 1
    channel = await engine.add_channel()
    for number in range(1, 9):
        hub.add(number, f"0000{number}", 5)
        await engine.add_listing(channel, number, f"0000{number}")
    async with running(engine.push_worker(channel).run):
        await engine.settled()
        stuck = asyncio.Event()

        async def slow(batch: Sequence[ListingState]) -> None:
            if batch[0].quantity:
                await stuck.wait()

        platform.before_apply = slow
        hub.free = dict.fromkeys(range(1, 9), 9)
        for number in range(1, 8):
            await _raise(engine, number)
        await until(lambda: platform.pushes >= 8 + PUSHES_AT_ONCE)
        hub.free[8] = 0
        async with engine.db.transaction() as conn:
            wakes = await engine.generations.raise_variants(conn, [8], Urgency.STOCK_FELL)
        engine.alarms.pushes.ring(wakes)
        await until(lambda: platform.shelves["00008"].quantity == 0)
        assert platform.pushes == 8 + PUSHES_AT_ONCE + 1
        stuck.set()
        await engine.settled()
    assert {shelf.quantity for shelf in platform.shelves.values()} == {0, 9}


async def test_paused_channel_shows_zero_and_one_never_active_is_left_alone(
    engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    hub.add(1, "00845", 5)
    paused = await engine.add_channel()
    untouched = await engine.add_channel(account="USAV", state="PAUSED", activated_at=None)
    await engine.add_listing(paused, 1, "00845", "PAUSED-1")
    await engine.add_listing(untouched, 1, "00845", "NEW-1")
    async with running(engine.push_worker(paused).run, engine.push_worker(untouched).run):
        await until(lambda: "PAUSED-1" in platform.shelves)
        await engine.db.run(lambda conn: pause_channel(engine.desk, conn, paused.id))
        await until(lambda: platform.shelves["PAUSED-1"].quantity == 0)
    assert "NEW-1" not in platform.shelves


async def test_deleted_listing_is_taken_off_the_platform(engine: Engine, hub: FakeHub, platform: FakePlatform) -> None:
    hub.add(1, "00845", 5)
    channel = await engine.add_channel()
    listing_id = await engine.add_listing(channel, 1, "00845")
    async with running(engine.push_worker(channel).run):
        await engine.settled()
        async with engine.db.transaction() as conn:
            await conn.execute(text("UPDATE sync.listing SET deleted_at = now() WHERE id = :id"), {"id": listing_id})
            engine.alarms.pushes.ring(await engine.generations.raise_listings(conn, [listing_id], content=True))
        await engine.settled()
    assert platform.shelves["00845"].phase is ListingPhase.ENDED


async def test_every_attempt_is_a_row(engine: Engine, hub: FakeHub, platform: FakePlatform) -> None:
    channel = await engine.add_channel()
    for number in range(1, 4):
        hub.add(number, f"0000{number}", number)
        await engine.add_listing(channel, number, f"0000{number}")
    async with running(engine.push_worker(channel).run):
        await engine.settled()
    async with engine.db.read.connect() as conn:
        attempts = (await conn.execute(select(listing_attempt).order_by(listing_attempt.c.listing_id))).all()
        runs = (await conn.execute(select(channel_run))).all()
    assert [(row.quantity, row.outcome) for row in attempts] == [(1, "DONE"), (2, "DONE"), (3, "DONE")]
    assert [(row.item_count, row.failed_count) for row in runs] == [(3, 0)]


async def _die_in_a_push(engine: Engine, channel: Channel, platform: FakePlatform) -> None:
    """A worker's push is applied, and the worker killed before it has recorded that; its lease ends soon."""
    lease_s, engine.leases._lease_s = engine.leases._lease_s, 0.3
    applied = asyncio.Event()

    async def hang(_: Sequence[ListingState]) -> None:
        applied.set()
        await asyncio.sleep(3600)

    platform.after_apply = hang
    task = asyncio.create_task(engine.push_worker(channel).run())
    await applied.wait()
    await kill(task)
    platform.after_apply, engine.leases._lease_s = None, lease_s


async def kill(task: asyncio.Task[None]) -> None:
    """End a worker and all its pushes as a kill of the process would: nothing more runs or is recorded."""
    for other in asyncio.all_tasks():
        if "PushWorker" in repr(other.get_coro()):
            other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
