"""Alarms wake sleepers when they should."""

from __future__ import annotations

import asyncio
import time

from sync_svc.workers.wakeups import Alarm, Alarms


async def _slept(alarm: Alarm, at_most_s: float) -> float:
    started = time.monotonic()
    await alarm.sleep(at_most_s)
    return time.monotonic() - started


async def test_without_a_ring_it_sleeps_its_time() -> None:
    assert 0.04 < await _slept(Alarm(), 0.05) < 1


async def test_a_ring_wakes_at_once_and_later_ones_change_nothing() -> None:
    alarm = Alarm()
    asyncio.get_running_loop().call_later(0.01, alarm.ring_in, 0)
    asyncio.get_running_loop().call_later(0.005, alarm.ring_in, 5)
    assert await _slept(alarm, 3) < 1


async def test_a_ring_while_awake_ends_the_next_sleep_only() -> None:
    alarm = Alarm()
    alarm.ring_in(0)
    assert await _slept(alarm, 3) < 1
    assert await _slept(alarm, 0.05) > 0.04


async def test_a_ring_in_the_future_is_kept_over_a_shorter_sleep() -> None:
    alarm = Alarm()
    alarm.ring_in(0.1)
    assert await _slept(alarm, 0.02) < 0.09
    assert await _slept(alarm, 3) < 1


async def test_each_channel_has_its_alarm() -> None:
    alarms = Alarms()
    alarms.ring({1: 0.0})
    assert await _slept(alarms.of(1), 3) < 1
    assert await _slept(alarms.of(2), 0.05) > 0.04


async def test_an_earlier_ring_does_not_undo_a_later_one() -> None:
    alarm = Alarm()
    alarm.ring_in(0.5)
    alarm.ring_in(0)
    assert await _slept(alarm, 5) < 0.4
    assert await _slept(alarm, 5) < 4
