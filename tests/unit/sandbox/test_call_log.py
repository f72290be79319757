"""The call log: filters, cursors, and a ring that turns over without losing its counts."""

import time

from sandbox.call_log import CallLog, LogFilter
from sandbox.wire import Call


def _call(sku: str, quantity: int | None = None, operation: str = "ebay.update") -> Call:
    call = Call("POST", "/x", operation=operation, account="USAV")
    call.note(sku)
    if quantity is not None:
        call.note(sku, quantity)
    return call


def _log(*calls: Call, capacity: int = 100) -> CallLog:
    log = CallLog(capacity)
    for call in calls:
        log.add("EBAY", call, 200, started=time.perf_counter())
    return log


def test_filter_tells_pushes_of_a_sku() -> None:
    log = _log(_call("A", 3), _call("B", 1), _call("A"))
    found = list(log.entries(LogFilter(sku="A", sets_quantity=True)))
    assert [entry.quantities for entry in found] == [(("A", 3),)]


def test_since_gives_only_newer_entries_also_after_the_ring_turned() -> None:
    log = _log(*(_call(f"S{index}") for index in range(10)), capacity=4)
    assert [entry.cursor for entry in log.entries(LogFilter())] == [7, 8, 9, 10]
    assert [entry.cursor for entry in log.entries(LogFilter(since=8))] == [9, 10]
    assert list(log.entries(LogFilter(since=10))) == []
    assert sum(log.counts.values()) == 10


def test_operation_takes_patterns_and_status_is_exact() -> None:
    log = _log(_call("A", operation="ebay.bulk_update"), _call("A", operation="ecwid.bulk_update"))
    assert len(list(log.entries(LogFilter(operation="ebay.*")))) == 1
    assert list(log.entries(LogFilter(status=500))) == []


def test_cursor_goes_on_after_clearing() -> None:
    log = _log(_call("A"))
    log.clear()
    log.add("EBAY", _call("B"), 200, started=time.perf_counter())
    assert [entry.cursor for entry in log.entries(LogFilter(since=1))] == [2]
