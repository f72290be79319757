"""Rules and schedules on a real database: they take effect at once, and touch what they touch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.money_pb2 import Money
from sqlalchemy import select, update
from usav.sync.v1 import channel_pb2, listing_pb2, sync_service_pb2

from chassis.clock import now
from sync_svc.domain.listing import Urgency
from sync_svc.storage.tables import auto_listing, feed_position, listing
from sync_svc.upstream import FeedEvent, VariantPage
from sync_svc.workers.auto_listing import AutoLister
from sync_svc.workers.feeds import Gathered
from sync_svc.workers.wakeups import Alarm
from tests.factories.sync.engine import Engine, running, until
from tests.factories.sync.platform import FakePlatform
from tests.factories.sync.upstream import FakeHub
from tests.integration.sync.harness import Refused, SyncApi

Channel = channel_pb2.Channel
Listing = listing_pb2.Listing


async def _set_rules(api: SyncApi, channel_id: int, **rules: Any) -> Any:
    request = sync_service_pb2.UpdateChannelRequest(channel=Channel(id=channel_id, rules=Channel.Rules(**rules)))
    return await api.call("UpdateChannel", request)


def _closed_now() -> Any:
    start, end = now() - timedelta(hours=1), now() + timedelta(hours=1)
    quiet = Channel.Schedule.QuietHours(start=f"{start:%H:%M}", end=f"{end:%H:%M}")
    return Channel.Schedule(quiet_hours=[quiet])


async def test_new_rules_are_answered_and_reach_the_platform_without_restart(
    api: SyncApi, engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    hub.add(1, "00845", 9, price="10.20")
    made = await engine.add_channel()
    await engine.add_listing(made, 1, "00845")
    async with running(engine.supervisor.run):
        await until(lambda: platform.shelves.get("00845") and platform.shelves["00845"].quantity == 9)
        answer = await _set_rules(api, made.id, cap_units=4, price_rounding=Channel.ENDING_99, price_floor="12.5")
        assert (answer.rules.price_floor, answer.rules.price_rounding) == ("12.5", Channel.ENDING_99)
        await until(lambda: platform.shelves["00845"].quantity == 4)
        assert platform.shelves["00845"].price == Decimal("12.50")
        await _set_rules(api, made.id, price_floor="0")
        await until(lambda: platform.shelves["00845"].price == Decimal("10.99"))


async def test_price_rules_touch_only_what_has_no_price_of_its_own(api: SyncApi, engine: Engine) -> None:
    made = await engine.add_channel()
    priced = await engine.add_listing(made, 1, "00845", synced_generation=1, price=Decimal(5))
    unpriced = await engine.add_listing(made, 2, "00846", synced_generation=1)
    await _set_rules(api, made.id, price_factor="1.5")
    assert [(await engine.row(one)).status for one in (priced, unpriced)] == ["SYNCED", "DIRTY"]


async def test_rules_that_show_nothing_plan_nothing(api: SyncApi, engine: Engine) -> None:
    made = await engine.add_channel()
    listing_id = await engine.add_listing(made, 1, "00845", synced_generation=1)
    await _set_rules(api, made.id, poll_interval_seconds=30, auto_list=True, buffer_units=0, schedule=_closed_now())
    assert (await engine.row(listing_id)).status == "SYNCED"


async def test_closed_channel_sends_only_stock_that_falls(
    api: SyncApi, engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    hub.add(1, "00845", 5)
    made = await engine.add_channel()
    listing_id = await engine.add_listing(made, 1, "00845")
    async with running(engine.supervisor.run, engine.feed.run):
        await engine.settled()
        await _set_rules(api, made.id, schedule=_closed_now())
        hub.set_free(1, 8)
        await until(lambda: _is(engine, listing_id, "DIRTY"))
        await asyncio.sleep(0.5)
        assert platform.shelves["00845"].quantity == 5
        hub.sell(1)
        await until(lambda: platform.shelves["00845"].quantity == 7)
        hub.set_free(1, 20)
        await until(lambda: _is(engine, listing_id, "DIRTY"))
        await _set_rules(api, made.id, schedule=Channel.Schedule())
        await until(lambda: platform.shelves["00845"].quantity == 20)


async def _is(engine: Engine, listing_id: int, status: str) -> bool:
    return bool((await engine.row(listing_id)).status == status)


async def test_listing_has_its_own_rules(api: SyncApi, engine: Engine, hub: FakeHub, platform: FakePlatform) -> None:
    hub.add(1, "00845", 9)
    made = await engine.add_channel(cap_units=5)
    listing_id = await engine.add_listing(made, 1, "00845")
    own = Listing.Overrides(cap_units=2, price_factor="2")
    request = sync_service_pb2.UpdateListingRequest(listing=Listing(id=listing_id, overrides=own))
    assert (await api.call("UpdateListing", request)).overrides == own
    async with running(engine.push_worker(made).run):
        await engine.settled()
        assert (platform.shelves["00845"].quantity, platform.shelves["00845"].price) == (2, Decimal("20.00"))
        cleared = sync_service_pb2.UpdateListingRequest(
            listing=Listing(id=listing_id), update_mask=FieldMask(paths=["overrides"])
        )
        assert not (await api.call("UpdateListing", cleared)).HasField("overrides")
        await until(lambda: platform.shelves["00845"].quantity == 5)


async def _listed(engine: Engine, channel_id: int) -> list[str]:
    async with engine.db.read.connect() as conn:
        here = select(listing.c.platform_sku).where(listing.c.channel_id == channel_id).order_by(listing.c.id)
        return list((await conn.execute(here)).scalars())


async def test_rule_switched_on_lists_what_is_there_already(api: SyncApi, engine: Engine, hub: FakeHub) -> None:
    hub.page_size = 3
    for number in range(1, 9):
        hub.add(number, f"0084{number}", 1)
    made, other = await engine.add_channel(), await engine.add_channel(account="OTHER", auto_list=True)
    await engine.add_listing(made, 4, "00844", "OLD-SKU", deleted_at=now())
    async with running(engine.supervisor.run):
        await _set_rules(api, made.id, auto_list=True)
        await until(lambda: _is_finished(engine, made.id))
    assert await _listed(engine, made.id) == ["OLD-SKU", *(f"0084{n}" for n in (1, 2, 3, 5, 6, 7, 8))]
    assert await _listed(engine, other.id) == [], "only the channel whose rule was switched on"


async def test_worker_that_dies_under_way_goes_on_behind_the_last_page(
    api: SyncApi, engine: Engine, hub: FakeHub
) -> None:
    hub.page_size = 2
    for number in range(1, 8):
        hub.add(number, f"0084{number}", 1)
    made = await engine.add_channel()
    await _set_rules(api, made.id, auto_list=True)
    asked: list[str] = []

    class Dying:
        async def list_variants(self, page_token: str) -> VariantPage:
            asked.append(page_token)
            if len(asked) == 3:
                raise RuntimeError("killed")
            return await hub.list_variants(page_token)

        async def find_variants(self, skus: Sequence[str]) -> dict[int, str]:
            return await hub.find_variants(skus)

    tools = replace(engine.list_tools, variants=Dying())
    with pytest.raises(RuntimeError):
        await AutoLister(made, tools, Alarm()).run()
    assert await _listed(engine, made.id) == ["00841", "00842", "00843", "00844"]
    async with engine.db.transaction() as conn:
        await conn.execute(update(auto_listing).values(lease_until=now()))
    async with running(AutoLister(made, tools, Alarm()).run, AutoLister(made, tools, Alarm()).run):
        await until(lambda: _is_finished(engine, made.id))
    assert asked == ["", "2", "4", "4", "6"]
    assert await _listed(engine, made.id) == [f"0084{n}" for n in range(1, 8)]


async def test_token_of_an_earlier_key_begins_anew_and_switching_off_ends_it(
    api: SyncApi, engine: Engine, hub: FakeHub
) -> None:
    hub.page_size = 1
    for number in (1, 2):
        hub.add(number, f"0084{number}", 1)
    made = await engine.add_channel()
    await _set_rules(api, made.id, auto_list=True)
    async with engine.db.transaction() as conn:
        await conn.execute(update(auto_listing).values(page_token="of another key"))
    async with running(AutoLister(made, engine.list_tools, Alarm()).run):
        await until(lambda: _is_finished(engine, made.id))
    assert await _listed(engine, made.id) == ["00841", "00842"]
    hub.add(3, "00843", 1)
    for wanted in (False, True, False):
        await _set_rules(api, made.id, auto_list=wanted)
    async with running(AutoLister(made, engine.list_tools, Alarm()).run):
        await asyncio.sleep(0.3)
    assert await _listed(engine, made.id) == ["00841", "00842"]


async def _is_finished(engine: Engine, channel_id: int) -> bool:
    async with engine.db.read.connect() as conn:
        here = select(auto_listing.c.finished_at).where(auto_listing.c.channel_id == channel_id)
        return (await conn.execute(here)).scalar_one_or_none() is not None


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"price_rounding": 9}, "channel.rules.price_rounding"),
        ({"price_floor": "-1"}, "channel.rules.price_floor"),
        ({"price_floor": "1.234"}, "channel.rules.price_floor"),
        ({"schedule": Channel.Schedule(time_zone="Mars/Olympus")}, "channel.rules.schedule.time_zone"),
        ({"schedule": Channel.Schedule(windows=["* * * *"])}, "channel.rules.schedule.windows[0]"),
        (
            {"schedule": Channel.Schedule(quiet_hours=[Channel.Schedule.QuietHours(start="01:00", end="01:00")])},
            "channel.rules.schedule.quiet_hours[0]",
        ),
    ],
)
async def test_bad_rules_name_the_field(api: SyncApi, engine: Engine, rules: dict[str, Any], field: str) -> None:
    made = await engine.add_channel()
    with pytest.raises(Refused) as caught:
        await _set_rules(api, made.id, **rules)
    assert (caught.value.code, caught.value.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_bad_overrides_name_the_field(api: SyncApi) -> None:
    bad = Listing(id=1, overrides=Listing.Overrides(price_factor="0"), price=Money(units=1))
    with pytest.raises(Refused) as caught:
        await api.call("UpdateListing", sync_service_pb2.UpdateListingRequest(listing=bad))
    assert caught.value.fields == ["listing.overrides.price_factor"]


async def test_new_variant_is_listed_where_the_channel_lists_by_itself(engine: Engine, hub: FakeHub) -> None:
    lists = await engine.add_channel(auto_list=True)
    await engine.add_channel(account="DRAGON")
    hub.add(1, "00845", 2)
    hub.add(2, "00846", 2)
    await engine.add_listing(lists, 2, "00846", platform_sku="SHOP-2", deleted_at=now(), intent="ENDED")
    async with running(engine.feed.run):
        await until(lambda: _follows(engine))
        for sku in ("00845", "00846", "00845"):
            hub.tell_variant(sku)
        hub.tell_deleted(3)
        await until(lambda: _has(engine, ("SHOP-2", "00845")))
    made = [(row.channel_id, row.platform_sku, row.variant_id) for row in await _rows(engine)]
    assert made == [(lists.id, "SHOP-2", 2), (lists.id, "00845", 1)]


async def _follows(engine: Engine) -> bool:
    async with engine.db.read.connect() as conn:
        return bool((await conn.execute(select(feed_position.c.resume_token))).scalar_one_or_none())


async def _rows(engine: Engine) -> Any:
    async with engine.db.read.connect() as conn:
        return (await conn.execute(select(listing).order_by(listing.c.id))).all()


async def _has(engine: Engine, platform_skus: tuple[str, ...]) -> bool:
    return tuple(row.platform_sku for row in await _rows(engine)) == platform_skus


def test_event_of_a_deleted_variant_is_not_listable() -> None:
    gathered = Gathered()
    gathered.add(FeedEvent("1", 7, Urgency.PRICE_OR_CONTENT, content=True, sku="00845"))
    gathered.add(FeedEvent("2", 7, Urgency.STOCK_FELL, content=True))
    assert (gathered.listable, gathered.content) == ({}, {7: Urgency.STOCK_FELL})


async def test_new_zoho_channel_lists_by_itself_unless_told_otherwise(api: SyncApi) -> None:
    for account, platform, rules, expected in (
        ("A", Channel.ZOHO, None, True),
        ("B", Channel.ZOHO, Channel.Rules(auto_list=False), False),
        ("C", Channel.EBAY, None, False),
    ):
        request = sync_service_pb2.CreateChannelRequest(
            channel=Channel(platform=platform, account=account, rules=rules)
        )
        assert (await api.call("CreateChannel", request)).rules.auto_list is expected
