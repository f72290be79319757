"""Polling by modification time without missing anything: the cursor of `orders_since`, for every platform. Pure.

A poll reads one window whose upper bound is fixed when it starts, page by page, and the next window overlaps it. An order that
changes while its window is read leaves the window and moves those behind it forward; `Window.after` steps back by as many.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

OVERLAP = timedelta(minutes=5)
FIRST_WINDOW = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Window:
    """A time range under way: `offset` orders of it are read, `total` were in it at the last page (-1: none read yet)."""

    start: datetime
    end: datetime
    offset: int = 0
    total: int = -1

    def after(self, count: int, total: int) -> Window | None:
        """The next page once `count` orders were read of `total`; None when that was the last one."""
        if total < self.total:
            return replace(self, offset=max(self.offset - (self.total - total), 0), total=total)
        offset = self.offset + count
        return replace(self, offset=offset, total=total) if count and offset < total else None


def open_cursor(cursor: str, now: datetime, *, first: timedelta = FIRST_WINDOW) -> Window:
    """Continues the window of `cursor`, or begins the next one up to `now`.

    A cursor is `<time>` between windows and `<start>/<end>/<offset>/<total>` within one. A cursor that is neither begins
    at the default window: reading too much is harmless.
    """
    parts = cursor.split("/")
    try:
        if len(parts) == 4:
            return Window(_parse(parts[0]), _parse(parts[1]), max(int(parts[2]), 0), int(parts[3]))
        if cursor:
            return Window(min(_parse(cursor), now) - OVERLAP, now)
    except ValueError:
        pass
    return Window(now - first, now)


def cursor_within(window: Window) -> str:
    """The cursor that continues this window."""
    return f"{_text(window.start)}/{_text(window.end)}/{window.offset}/{window.total}"


def cursor_behind(window: Window) -> str:
    """The cursor that begins after this window."""
    return _text(window.end)


def _parse(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
