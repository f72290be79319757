"""Quotas over restarts and replicas, on a real database."""

from __future__ import annotations

import pytest

from chassis.database import Database
from chassis.errors import Unavailable
from sync_svc.channels.quota import DailyBudget, Limit, Meters, QuotaExhausted, Throttle, metered
from sync_svc.storage.quotas import QuotaRecords
from sync_svc.workers.quotas import QuotaKeeper
from tests.factories.sync.engine import Engine


def _connector() -> Meters:
    """What a connector makes while it is built."""
    with metered() as meters:
        Throttle(Limit(0.001, 5), {"orders": Limit(0.001, 3)})
        DailyBudget("revisions of offer", limit=4, reserve=1)
    Throttle(Limit(1, 1))
    return meters


async def _keeper(db: Database, channel_id: int) -> tuple[Meters, QuotaKeeper]:
    meters = _connector()
    keeper = QuotaKeeper(meters, QuotaRecords(db, channel_id))
    await keeper.restore()
    return meters, keeper


async def test_restart_gives_no_second_helping(engine: Engine) -> None:
    made = await engine.add_channel()
    meters, keeper = await _keeper(engine.db, made.id)
    assert len(meters.throttles) == 1
    for _ in range(2):
        await meters.throttles[0].take("orders")
    for _ in range(3):
        meters.budgets[0].spend("offer-1", urgent=False)
    await keeper.save()
    again, _ = await _keeper(engine.db, made.id)
    assert (again.throttles[0].left("orders"), again.throttles[0].left("")) == (1, 5)
    assert (again.budgets[0].left("offer-1"), again.budgets[0].left("offer-2")) == (1, 4)
    with pytest.raises(QuotaExhausted):
        again.budgets[0].spend("offer-1", urgent=False)
    other, _ = await _keeper(engine.db, (await engine.add_channel(account="DRAGON")).id)
    assert (other.throttles[0].left("orders"), other.budgets[0].left("offer-1")) == (3, 4)


async def test_uses_of_replicas_add_up(engine: Engine) -> None:
    made = await engine.add_channel()
    replicas = [await _keeper(engine.db, made.id) for _ in range(2)]
    for _ in range(2):
        for meters, keeper in replicas:
            meters.budgets[0].spend("offer-1", urgent=True)
            await keeper.save()
            await keeper.save()
    assert [meters.budgets[0].left("offer-1") for meters, _ in replicas] == [1, 0]


async def test_what_could_not_be_kept_is_kept_the_next_time(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await engine.add_channel()
    meters, keeper = await _keeper(engine.db, made.id)
    meters.budgets[0].spend("offer-1", urgent=False)

    async def fails(*_: object) -> dict[str, int]:
        raise Unavailable("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(QuotaRecords, "add_uses", fails)
        with pytest.raises(Unavailable):
            await keeper.save()
    await keeper.save()
    again, _ = await _keeper(engine.db, made.id)
    assert again.budgets[0].left("offer-1") == 3


async def test_changed_channel_goes_on_with_its_quota(engine: Engine) -> None:
    made = await engine.add_channel()
    engine.connectors.of(made)
    assert engine.connectors.meters(made.id) == Meters()
    assert engine.connectors.meters(99) == Meters()
