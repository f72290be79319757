"""Every marketplace call in a ring of bounded size, with a cursor, so that tests can count pushes.

Counters are kept beside the ring and never forget, even when the ring has turned over.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sandbox.wire import Call, Json


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One call as it was answered; `status` 0 means that no answer was given."""

    cursor: int
    time: float
    platform: str
    account: str
    operation: str
    method: str
    path: str
    skus: tuple[str, ...]
    quantities: tuple[tuple[str, int], ...]
    status: int
    duration_ms: float
    fault: str
    batch: str

    def as_json(self) -> Json:
        """The entry as the control plane shows it."""
        return {
            "cursor": self.cursor,
            "time": self.time,
            "platform": self.platform,
            "account": self.account,
            "operation": self.operation,
            "method": self.method,
            "path": self.path,
            "skus": list(self.skus),
            "quantities": dict(self.quantities),
            "status": self.status,
            "duration_ms": round(self.duration_ms, 3),
            "fault": self.fault,
            "batch": self.batch,
        }


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which entries to show; an empty value does not filter. `operation` takes shell patterns."""

    since: int = 0
    platform: str = ""
    account: str = ""
    operation: str = ""
    sku: str = ""
    status: int | None = None
    sets_quantity: bool = False

    def takes(self, entry: LoggedCall) -> bool:
        """Whether the entry passes."""
        return (
            (not self.platform or entry.platform == self.platform)
            and (not self.account or entry.account == self.account)
            and (not self.operation or fnmatchcase(entry.operation, self.operation))
            and (not self.sku or self.sku in entry.skus)
            and (self.status is None or entry.status == self.status)
            and (not self.sets_quantity or bool(entry.quantities))
        )


class CallLog:
    """The ring and its counters. `cursor` is that of the newest entry."""

    def __init__(self, capacity: int = 50_000) -> None:
        self._ring: deque[LoggedCall] = deque(maxlen=capacity)
        self.cursor = 0
        self.counts: Counter[tuple[str, str, str, int]] = Counter()

    def add(
        self, platform: str, call: Call, status: int, *, started: float, fault: str = "", batch: str = ""
    ) -> LoggedCall:
        """Appends an entry; `started` is a `time.perf_counter()` reading."""
        self.cursor += 1
        entry = LoggedCall(
            cursor=self.cursor,
            time=time.time(),
            platform=platform,
            account=call.account,
            operation=call.operation,
            method=call.method,
            path=call.path,
            skus=tuple(dict.fromkeys(touch.sku for touch in call.touched)),
            quantities=tuple((touch.sku, touch.quantity) for touch in call.touched if touch.quantity is not None),
            status=status,
            duration_ms=(time.perf_counter() - started) * 1000,
            fault=fault,
            batch=batch,
        )
        self._ring.append(entry)
        self.counts[platform, call.account, call.operation, status] += 1
        return entry

    def entries(self, wanted: LogFilter) -> Iterator[LoggedCall]:
        """Matching entries, oldest first."""
        skipped = max(0, wanted.since - (self.cursor - len(self._ring)))
        for index, entry in enumerate(self._ring):
            if index >= skipped and wanted.takes(entry):
                yield entry

    def clear(self) -> None:
        """Forgets entries and counters; the cursor goes on, so old cursors stay valid."""
        self._ring.clear()
        self.counts.clear()
