"""When a channel is open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sync_svc.domain.schedule import CronWindow, QuietHours, Schedule, zone

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def at(hour: int, minute: int = 0, *, day: int = 0) -> datetime:
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


def test_without_windows_it_is_always_open() -> None:
    assert Schedule().is_open(at(3))
    assert Schedule().as_json() == {}


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [(at(8), True), (at(18, 59), True), (at(19), False), (at(7, 59), False), (at(12, day=5), False)],
)
def test_window_names_minutes(moment: datetime, is_open: bool) -> None:
    assert Schedule(windows=("* 8-18 * * 1-5",)).is_open(moment) is is_open


def test_any_of_several_windows_opens() -> None:
    schedule = Schedule(windows=("* 8 * * *", "*/15 20 * * *"))
    assert [schedule.is_open(one) for one in (at(8, 7), at(20, 15), at(20, 16))] == [True, True, False]


@pytest.mark.parametrize(("hour", "is_open"), [(21, True), (22, False), (3, False), (6, True)])
def test_quiet_hours_go_over_midnight_and_close_windows(hour: int, is_open: bool) -> None:
    schedule = Schedule(windows=("* * * * *",), quiet_hours=(("22:00", "06:00"),))
    assert schedule.is_open(at(hour)) is is_open


def test_times_are_of_the_time_zone_in_summer_and_winter() -> None:
    schedule = Schedule("America/Los_Angeles", windows=("* 9 * * *",))
    assert schedule.is_open(datetime(2026, 1, 10, 17, 30, tzinfo=UTC))
    assert schedule.is_open(datetime(2026, 7, 10, 16, 30, tzinfo=UTC))
    assert not schedule.is_open(datetime(2026, 7, 10, 17, 30, tzinfo=UTC))


def test_days_of_month_and_week_are_alternatives_when_both_are_given() -> None:
    window = CronWindow.parse("* * 1 * 7")
    assert window.holds(datetime(2026, 11, 29))  # noqa: DTZ001  # local time
    assert window.holds(datetime(2026, 12, 1))  # noqa: DTZ001
    assert not window.holds(datetime(2026, 12, 2))  # noqa: DTZ001


@pytest.mark.parametrize(
    "text", ["", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "5-1 * * * *", "*/0 * * * *", "a * * * *"]
)
def test_what_is_no_cron_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no|five fields"):
        CronWindow.parse(text)


def test_other_bad_input_is_refused() -> None:
    for start, end in (("24:00", "01:00"), ("9:00", "10:00"), ("08:00", "08:00")):
        with pytest.raises(ValueError, match=r"time of day|the same"):
            QuietHours.parse(start, end)
    for name in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(ValueError, match="no time zone"):
            zone(name)


def test_schedule_survives_its_storage() -> None:
    schedule = Schedule("Asia/Ho_Chi_Minh", ("0 * * * *",), (("22:00", "06:00"),))
    assert Schedule.from_json(schedule.as_json()) == schedule
