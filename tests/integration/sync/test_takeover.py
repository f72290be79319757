"""A process that is started again at its address goes on at once with what its killed forerunner held."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy import text

from sync_svc.storage.feeds import FeedPosition
from sync_svc.storage.takeover import LeaseIds, take_over
from tests.factories.sync.engine import Engine
from tests.factories.sync.upstream import FakeHub


def test_names_of_one_address_begin_alike_and_differ() -> None:
    ids, same, other = LeaseIds("host 127.0.0.1:50054"), LeaseIds("host 127.0.0.1:50054"), LeaseIds("host 127.0.0.1:1")
    first, last = ids.range()
    made = [ids.new() for _ in range(100)]
    assert len(set(made)) == 100
    assert all(first <= name <= last for name in [*made, same.new()])
    assert not first <= other.new() <= last


async def test_everything_of_the_former_process_is_free_and_nothing_of_others(engine: Engine, hub: FakeHub) -> None:
    hub.add(1, "00845", 5)
    channel = await engine.add_channel()
    mine, others = LeaseIds("one"), LeaseIds("another")
    listings = [await engine.add_listing(channel, 1, "00845", f"SHOP-{number}") for number in range(2)]
    for ids in (mine, others):
        assert await engine.leases.take(channel.id, ids.new(), 1) is not None
        async with engine.db.transaction() as conn:
            values = {"channel": channel.id, "order": f"O-{ids.owner}", "lease": ids.new()}
            statement = (
                "INSERT INTO sync.order_task (channel_id, external_order_id, lease, lease_until)"
                " VALUES (:channel, :order, :lease, now() + interval '1 minute')"
            )
            await conn.execute(text(statement), values)
        assert await FeedPosition(engine.db, ids.owner, ids.new(), lease_s=60.0).claim() is not None
    assert await engine.notes.claim_poll(channel.id, mine.new(), 60.0) is not None
    freed = await engine.db.run(lambda conn: take_over(conn, mine))
    assert freed == 4
    taken = await engine.leases.take(channel.id, uuid4(), 10)
    assert taken is not None
    assert [one.was_left_unknown for one in taken.listings] == [True], "what the dead one has sent is read back"
    assert taken.listings[0].id in listings
    assert [task.external_order_id for task in await engine.tasks.take(channel.id, uuid4(), 10)] == ["O-one"]
    assert await FeedPosition(engine.db, "one", uuid4(), lease_s=60.0).claim() is not None
    assert await FeedPosition(engine.db, "another", uuid4(), lease_s=60.0).claim() is None
    assert await engine.notes.claim_poll(channel.id, uuid4(), 60.0) is not None
