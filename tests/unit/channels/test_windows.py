"""Polling cursors: overlap, fixed ends, and orders that change while a window is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync_svc.channels.windows import FIRST_WINDOW, OVERLAP, cursor_behind, cursor_within, open_cursor

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def test_empty_and_unreadable_cursors_begin_at_the_default_window() -> None:
    for cursor in ("", "yesterday", "a/b/c/d"):
        window = open_cursor(cursor, NOW)
        assert (window.start, window.end) == (NOW - FIRST_WINDOW, NOW)


def test_next_window_overlaps_the_one_before_and_ends_now() -> None:
    before = open_cursor("", NOW)
    later = NOW + timedelta(minutes=1)
    window = open_cursor(cursor_behind(before), later)
    assert (window.start, window.end) == (NOW - OVERLAP, later)


def test_window_under_way_keeps_its_end_whatever_the_time() -> None:
    page = open_cursor("", NOW).after(200, 450)
    assert page is not None
    again = open_cursor(cursor_within(page), NOW + timedelta(hours=1))
    assert again == page
    assert (again.offset, again.end) == (200, NOW)


def test_cursor_from_a_clock_that_ran_ahead_does_not_skip_the_present() -> None:
    assert open_cursor((NOW + timedelta(hours=2)).isoformat(), NOW).start == NOW - OVERLAP


def test_last_page_ends_the_window() -> None:
    page = open_cursor("", NOW).after(200, 450)
    assert page is not None
    last = page.after(200, 450)
    assert last is not None
    assert last.after(50, 450) is None
    assert open_cursor("", NOW).after(0, 0) is None


@given(st.integers(1, 40), st.lists(st.tuples(st.integers(0, 39), st.integers(0, 5)), max_size=12))
def test_no_order_is_missed_however_many_leave_the_window_meanwhile(count: int, leaving: list[tuple[int, int]]) -> None:
    """Orders leave (they were modified again, and come in a later window); those that stay must all be read."""
    orders = list(range(count))
    left: set[int] = set()
    departures = dict(leaving)
    read: set[int] = set()
    window = open_cursor("", NOW)
    for page in range(500):
        shown = orders[window.offset : window.offset + 5]
        read |= set(shown)
        following = window.after(len(shown), len(orders))
        if following is None:
            break
        window = following
        for _ in range(departures.get(page, 0)):
            if orders:
                left.add(orders.pop(0))
    assert set(orders) <= read
