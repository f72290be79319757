"""Token buckets, pauses and daily budgets on a clock of the test's own."""

from __future__ import annotations

import pytest

from sync_svc.channels.budgets import DailyBudget
from sync_svc.channels.limits import SECONDS_PER_DAY, Limit, QuotaExhausted
from sync_svc.channels.quota import Throttle


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def make_throttle(clock: Clock, **limits: Limit) -> Throttle:
    return Throttle(Limit(1.0, 2), limits, clock=clock, sleep=clock.sleep)


async def test_burst_goes_at_once_and_the_next_call_waits_for_its_refill() -> None:
    clock = Clock()
    throttle = make_throttle(clock)
    await throttle.take("")
    await throttle.take("")
    assert clock.now == 1000.0
    await throttle.take("")
    assert clock.now == pytest.approx(1001.0)


async def test_call_that_would_wait_too_long_fails_and_takes_nothing() -> None:
    clock = Clock()
    throttle = make_throttle(clock, slow=Limit(0.001, 1))
    await throttle.take("slow")
    with pytest.raises(QuotaExhausted) as refused:
        await throttle.take("slow")
    assert refused.value.retry_after_s == pytest.approx(1000.0)
    clock.now += 1000.0
    assert throttle.left("slow") == 1


async def test_pause_stops_every_operation_until_it_ends() -> None:
    clock = Clock()
    throttle = make_throttle(clock, other=Limit(10.0, 10))
    throttle.pause(30.0)
    assert throttle.left("other") == 0
    with pytest.raises(QuotaExhausted) as refused:
        await throttle.take("other")
    assert refused.value.retry_after_s == pytest.approx(30.0)
    clock.now += 30.0
    await throttle.take("other")


async def test_shorter_pause_does_not_end_a_longer_one() -> None:
    clock = Clock()
    throttle = make_throttle(clock)
    throttle.pause(30.0)
    throttle.pause(1.0)
    assert throttle.paused_for() == pytest.approx(30.0)


async def test_pause_during_a_short_wait_holds_the_waiting_call_too() -> None:
    clock = Clock()
    throttle = Throttle(Limit(1.0, 1), clock=clock, sleep=clock.sleep)

    async def sleep_and_be_told_to_stop(seconds: float) -> None:
        clock.now += seconds
        if clock.now < 1002.0:
            throttle.pause(3.0)

    throttle._sleep = sleep_and_be_told_to_stop
    await throttle.take("")
    await throttle.take("")
    assert clock.now >= 1004.0


def test_window_limit_never_lets_more_through_than_the_window_holds() -> None:
    limit = Limit.per_window(600, 60.0, burst_share=0.3)
    assert limit.burst + limit.rate_per_s * 60.0 <= 600.0


def test_budget_keeps_its_last_uses_for_the_urgent() -> None:
    budget = DailyBudget("revisions of", limit=5, reserve=2, clock=lambda: 10_000.0)
    for _ in range(3):
        budget.spend("offer", urgent=False)
    with pytest.raises(QuotaExhausted):
        budget.spend("offer", urgent=False)
    budget.spend("offer", urgent=True)
    budget.spend("offer", urgent=True)
    with pytest.raises(QuotaExhausted):
        budget.spend("offer", urgent=True)
    budget.spend("another", urgent=False)


def test_budget_begins_anew_with_the_day() -> None:
    now = 10 * SECONDS_PER_DAY + 8 * 3600.0
    budget = DailyBudget("revisions of", limit=1, reserve=0, clock=lambda: now)
    budget.spend("offer", urgent=False)
    with pytest.raises(QuotaExhausted) as refused:
        budget.spend("offer", urgent=False)
    assert refused.value.retry_after_s == pytest.approx(SECONDS_PER_DAY)
    now += SECONDS_PER_DAY
    assert budget.left("offer") == 1
