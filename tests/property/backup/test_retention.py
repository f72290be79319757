"""What the calendar keeps, for any run of backups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.backup.retention import Retention, kept

START = datetime(2026, 1, 1, tzinfo=UTC)
moments = st.sets(st.integers(0, 800 * 24).map(lambda hours: START + timedelta(hours=hours)), max_size=60)
retentions = st.builds(Retention, st.integers(0, 9), st.integers(0, 6), st.integers(0, 8))
END = START + timedelta(days=801)


@given(moments, retentions)
def test_the_newest_is_always_kept(times: set[datetime], retention: Retention) -> None:
    keep = kept(times, END, retention)
    assert keep <= times
    assert not times or max(times) in keep


@given(moments, retentions)
def test_no_more_than_the_numbers_say_and_pruning_again_removes_nothing(
    times: set[datetime], retention: Retention
) -> None:
    keep = kept(times, END, retention)
    assert len(keep) <= max(1, retention.daily + retention.weekly + retention.monthly)
    assert kept(keep, END, retention) == keep


@given(moments, retentions)
def test_each_of_the_last_periods_keeps_its_newest(times: set[datetime], retention: Retention) -> None:
    keep = kept(times, END, retention)
    for count, period in (
        (retention.daily, lambda at: at.date()),
        (retention.weekly, lambda at: at.isocalendar()[:2]),
        (retention.monthly, lambda at: (at.year, at.month)),
    ):
        for wanted in sorted({period(at) for at in times})[max(0, len({period(at) for at in times}) - count) :]:
            assert max(at for at in times if period(at) == wanted) in keep


@settings(max_examples=60)
@given(moments, retentions, st.integers(1, 9))
def test_pruning_often_keeps_what_pruning_once_keeps(times: set[datetime], retention: Retention, every: int) -> None:
    held: set[datetime] = set()
    for number, at in enumerate(sorted(times)):
        held.add(at)
        if number % every == 0:
            held = kept(held, at, retention)
    assert kept(held, END, retention) == kept(times, END, retention)


@given(moments, moments)
def test_what_comes_from_the_future_stays_and_takes_no_place(past: set[datetime], ahead: set[datetime]) -> None:
    future = {at + timedelta(days=900) for at in ahead}
    assert kept(past | future, END, Retention()) == kept(past, END, Retention()) | future


def test_a_year_of_daily_backups() -> None:
    days = [datetime(2026, 1, 1, 3, 15, tzinfo=UTC) + timedelta(days=number) for number in range(365)]
    keep = sorted(kept(days, days[-1], Retention()))
    assert [f"{at:%m-%d}" for at in keep] == [
        *(
            "07-31",
            "08-31",
            "09-30",
            "10-31",
            "11-30",
        ),  # the newest of each of six months, December's being the last day
        *("12-13", "12-20"),  # Sundays; that of the 27th is among the days
        *("12-25", "12-26", "12-27", "12-28", "12-29", "12-30", "12-31"),
    ]
