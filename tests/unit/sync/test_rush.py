"""A rush begins with a large batch, ends soon after the last one, and never lasts for ever."""

import pytest

from sync_svc.workers import rush
from sync_svc.workers.rush import Rush


class Clock:
    def __init__(self) -> None:
        self.at = 1_000.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(rush, "time", made)
    return made


def test_few_listings_are_no_rush(clock: Clock) -> None:
    some = Rush()
    some.note(100)
    assert some.left_s() == 0


def test_it_lasts_a_second_beyond_the_last_batch(clock: Clock) -> None:
    some = Rush()
    some.note(1_000)
    clock.at += 0.8
    some.note(1_000)
    clock.at += 0.8
    assert some.left_s() == pytest.approx(0.2)
    clock.at += 0.3
    assert some.left_s() == 0


def test_it_is_over_after_two_minutes_though_more_comes_and_begins_anew_after_a_pause(clock: Clock) -> None:
    some = Rush()
    for _ in range(250):
        some.note(1_000)
        clock.at += 0.5
    some.note(1_000)
    assert some.left_s() == 0
    clock.at += 5
    some.note(1_000)
    assert some.left_s() == pytest.approx(1.0)
