"""A pass over live listings on a real database: what differs is found, told and mended; what only looks so is left alone."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import grpc
import pytest
from sqlalchemy import func, select
from usav.sync.v1 import channel_pb2, drift_pb2, sync_service_pb2

from sync_svc.channels.base import ChannelError, ListingPhase, Outcome
from sync_svc.domain.channel import Channel
from sync_svc.storage.tables import channel_run, drift, reconciliation
from tests.factories.sync.engine import Engine, running, until
from tests.factories.sync.platform import FakeChannel, FakePlatform
from tests.factories.sync.upstream import FakeHub
from tests.integration.sync.harness import Refused, SyncApi

Drift = drift_pb2.Drift


async def _shop(engine: Engine, hub: FakeHub, count: int = 3, **rules: Any) -> Channel:
    """A channel whose listings are all pushed."""
    made = await engine.add_channel(**rules)
    for number in range(1, count + 1):
        hub.add(number, f"0084{number}", 5)
        await engine.add_listing(made, number, f"0084{number}")
    async with running(engine.push_worker(made).run):
        await engine.settled()
    return made


async def _reconcile(api: SyncApi, name: str = "") -> list[int]:
    answer = await api.call("Reconcile", drift_pb2.ReconcileRequest(channel=name))
    return list(answer.channel_ids)


async def _passed(engine: Engine, times: int = 1) -> bool:
    runs = select(func.count()).select_from(channel_run).where(channel_run.c.kind == "RECONCILE")
    async with engine.db.read.connect() as conn:
        return bool((await conn.execute(runs)).scalar_one() >= times)


async def _listed(api: SyncApi, **wanted: Any) -> Any:
    return await api.call("ListDrift", drift_pb2.ListDriftRequest(**wanted))


async def test_differences_are_told_with_what_is_at_risk_and_mended(
    api: SyncApi, engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    made = await _shop(engine, hub, 4)
    platform.shelves["00841"].quantity = 8
    platform.shelves["00842"].price = Decimal("9.00")
    platform.shelves["00843"].phase = ListingPhase.ENDED
    async with running(engine.supervisor.run):
        assert await _reconcile(api, "mekong") == [made.id]
        await until(lambda: _passed(engine))
        await engine.settled()
    shown = [(shelf.quantity, shelf.price, shelf.phase) for shelf in platform.shelves.values()]
    assert shown == [(5, Decimal("10.00"), ListingPhase.LIVE)] * 4
    assert list((await _listed(api)).items) == []
    told = {item.platform_sku: item for item in (await _listed(api, show_mended=True)).items}
    assert {sku: list(item.differs) for sku, item in told.items()} == {
        "00841": [Drift.QUANTITY],
        "00842": [Drift.PRICE],
        "00843": [Drift.STATE],
    }
    assert (told["00841"].units_at_risk, told["00841"].money_at_risk.units, told["00841"].state) == (
        3,
        30,
        Drift.MENDED,
    )
    (one,) = (await _listed(api)).passes
    assert (one.checked_count, one.differing_count, one.under_way) == (4, 3, False)


async def test_rule_may_leave_differences_standing_and_a_later_pass_closes_them(
    api: SyncApi, engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    await _shop(engine, hub, 2, mend_drift=False)
    platform.shelves["00841"].quantity = 7
    async with running(engine.supervisor.run):
        for times in (1, 2):
            await _reconcile(api)
            await until(lambda times=times: _passed(engine, times))  # type: ignore[misc]  # bound at once
        answer = await _listed(api, channel="MEKONG", platform=channel_pb2.Channel.EBAY)
        (item,) = answer.items
        assert (item.state, item.hub_quantity, item.live_quantity) == (Drift.OPEN, 5, 7)
        assert (answer.units_at_risk, answer.total_size) == (2, 1)
        assert [(amount.currency_code, amount.units) for amount in answer.money_at_risk] == [("USD", 20)]
        assert platform.shelves["00841"].quantity == 7
        platform.shelves["00841"].quantity = 5
        await _reconcile(api)
        await until(lambda: _passed(engine, 3))
    answer = await _listed(api)
    assert (len(answer.items), answer.units_at_risk, len(answer.money_at_risk)) == (0, 0, 0)


async def test_sale_the_hub_has_not_heard_of_is_no_drift(
    api: SyncApi, engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    await _shop(engine, hub, 1, poll_interval_s=3600)
    async with running(engine.supervisor.run, engine.feed.run):
        await asyncio.sleep(0.3)
        journal = len(platform.journal)
        platform.buy("00841", 2)
        await _reconcile(api)
        await until(lambda: _passed(engine))
        await engine.settled()
    assert hub.free[1] == 3
    assert [state.quantity for state in platform.journal[journal:]] in ([], [3])
    assert platform.shelves["00841"].quantity == 3
    assert list((await _listed(api, show_mended=True)).items) == []


async def test_pass_that_was_cut_off_goes_on_where_it_stood(
    api: SyncApi, engine: Engine, hub: FakeHub, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync_svc.workers.drift._READ_AT_ONCE", 1)
    monkeypatch.setattr("sync_svc.workers.drift._FIRST_WAIT_S", 0.01)
    await _shop(engine, hub, 3)
    read: list[str] = []
    plain = FakeChannel.read

    async def reads(self: FakeChannel, batch: Any) -> Any:
        read.append(batch[0].platform_sku)
        if len(read) == 2:
            raise ChannelError(Outcome.RETRY, "busy")
        return await plain(self, batch)

    monkeypatch.setattr(FakeChannel, "read", reads)
    async with running(engine.supervisor.run):
        await _reconcile(api)
        await until(lambda: _passed(engine))
    assert read == ["00841", "00842", "00842", "00843"]


async def test_passes_come_by_themselves_and_are_shared_by_replicas(
    engine: Engine, hub: FakeHub, platform: FakePlatform
) -> None:
    await _shop(engine, hub, 3, reconcile_interval_s=1)
    other = Engine(engine.db, hub, {"EBAY": platform}, owner="other")
    platform.shelves["00841"].quantity = 9
    async with running(engine.supervisor.run, other.supervisor.run):
        await until(lambda: platform.shelves["00841"].quantity == 5)
    async with engine.db.read.connect() as conn:
        assert (await conn.execute(select(func.count()).select_from(drift))).scalar_one() == 1
        row = (await conn.execute(select(reconciliation))).one()
    assert row.next_at is not None


async def test_reconcile_says_what_is_in_the_way(api: SyncApi, engine: Engine) -> None:
    assert await _reconcile(api) == []
    for name, reason in (("99", "CHANNEL_NOT_FOUND"), ("BOOKS", "NO_CONNECTOR")):
        if name == "BOOKS":
            await engine.add_channel("ZOHO", "BOOKS")
        with pytest.raises(Refused) as caught:
            await _reconcile(api, name)
        assert caught.value.reason == reason
    with pytest.raises(Refused) as caught:
        await api.call("ListDrift", drift_pb2.ListDriftRequest(), "SALES_REP")
    assert caught.value.code == grpc.StatusCode.PERMISSION_DENIED


async def test_runs_of_passes_are_listed(api: SyncApi, engine: Engine, hub: FakeHub) -> None:
    made = await _shop(engine, hub, 2)
    async with running(engine.supervisor.run):
        await _reconcile(api)
        await until(lambda: _passed(engine))
    kind = channel_pb2.ChannelRun.RECONCILE
    runs = await api.call("ListChannelRuns", sync_service_pb2.ListChannelRunsRequest(id=made.id, kind=kind))
    assert [(run.item_count, run.failed_count) for run in runs.items] == [(2, 0)]
