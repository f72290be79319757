"""How findings are judged where no hub is needed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from usav.sync.v1 import channel_pb2

from hubctl.doctor.api import _channel, _clock, certificate_ends
from hubctl.doctor.finding import FAIL, OK, WARN, Finding, run, well


@pytest.mark.parametrize(("days", "state"), [(100, OK), (20, WARN), (2, FAIL), (-1, FAIL)])
def test_certificates_are_judged_by_the_days_left(days: int, state: str) -> None:
    assert certificate_ends("c", datetime.now(UTC) + timedelta(days=days, minutes=1)).state == state


@pytest.mark.parametrize(("told", "state"), [(1000.0, OK), (999.5, OK), (996.0, WARN), (1010.0, WARN), (900.0, FAIL)])
def test_clocks_may_differ_by_the_second_that_a_header_leaves_open(told: float, state: str) -> None:
    assert _clock(told, began=1000.2, ended=1000.4).state == state


def test_a_check_that_breaks_is_a_finding_and_stops_no_other() -> None:
    def breaks() -> Iterator[Finding]:
        raise OSError("no route")

    first, second = run([("one", breaks), ("two", lambda: [well("two", "fine")])])
    assert (first.check, first.state, first.seen) == ("one", FAIL, "could not be checked: no route")
    assert second.state == OK


def test_a_channel_that_is_well_is_one_line_and_each_trouble_another() -> None:
    status = channel_pb2.ChannelStatus(
        platform=channel_pb2.Channel.EBAY,
        account="USAV",
        state=channel_pb2.Channel.ACTIVE,
        connection=channel_pb2.Channel.CONNECTED,
        listing_count=3,
        last_poll_time=_ago(5),
    )
    assert [one.state for one in _channel(status)] == [OK]
    status.quotas.add(name="inventory", limit=1000, remaining=20)
    status.last_poll_time.CopyFrom(_ago(3600))
    status.warnings.append("The seller's consent ends soon.")
    found = {one.check.partition(": ")[2]: one.state for one in _channel(status)}
    assert found == {"quota inventory": WARN, "warning": WARN, "orders": FAIL, "": OK}


def test_a_paused_channel_is_well() -> None:
    status = channel_pb2.ChannelStatus(state=channel_pb2.Channel.PAUSED, attention_count=3)
    assert [(one.state, one.seen) for one in _channel(status)] == [(OK, "paused")]


def _ago(seconds: int) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(datetime.now(UTC) - timedelta(seconds=seconds))
    return found
