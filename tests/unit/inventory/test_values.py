"""Money, times, serial numbers, receipts and feed payloads."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as MoneyMessage
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import InvalidArgument
from inventory_svc.convert.values import to_moment, to_money, to_money_message, to_timedelta, to_timestamp
from inventory_svc.domain.errors import BatchTooLarge, SerialNumberRepeated
from inventory_svc.domain.item import Action, Status
from inventory_svc.domain.money import MAX_AMOUNT, Money
from inventory_svc.domain.receipt import ReceiptLine, check_size, units
from inventory_svc.domain.serial_numbers import clean, refuse_repeats
from inventory_svc.queries.changes import read_change


@given(st.decimals(0, MAX_AMOUNT, places=4))
def test_money_comes_back_exactly(amount: Decimal) -> None:
    assert to_money(to_money_message(Money(amount)), "cost") == Money(amount)


def test_money_without_a_currency_is_in_dollars() -> None:
    assert to_money(MoneyMessage(units=3), "cost") == Money(Decimal(3), "USD")


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (MoneyMessage(units=-1), "cost"),
        (MoneyMessage(nanos=-1), "cost"),
        (MoneyMessage(nanos=50_000), "cost.nanos"),
        (MoneyMessage(nanos=1_000_000_000), "cost.nanos"),
        (MoneyMessage(units=10_000_000_000), "cost"),
        (MoneyMessage(currency_code="dollars"), "cost.currency_code"),
        (MoneyMessage(currency_code="ÄÖÜ"), "cost.currency_code"),
    ],
)
def test_wrong_money_names_its_field(message: MoneyMessage, field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        to_money(message, "cost")
    assert caught.value.violations[0].field == field


@given(st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - made aware
def test_times_come_back_exactly(moment: datetime) -> None:
    assert to_moment(to_timestamp(moment), "time") == moment


@pytest.mark.parametrize("timestamp", [Timestamp(seconds=10**15), Timestamp(seconds=-(10**14)), Timestamp(nanos=-1)])
def test_impossible_time_names_its_field(timestamp: Timestamp) -> None:
    with pytest.raises(InvalidArgument) as caught:
        to_moment(timestamp, "received_after")
    assert caught.value.violations[0].field == "received_after"


def test_duration_keeps_its_fraction() -> None:
    assert to_timedelta(Duration(seconds=90, nanos=500_000_000)) == timedelta(seconds=90.5)


def test_serial_number_is_kept_as_entered_without_blanks() -> None:
    assert clean("  Ab 12\t\n") == "Ab 12"


def test_repeated_serial_number_names_the_second_place() -> None:
    with pytest.raises(SerialNumberRepeated) as caught:
        refuse_repeats(["A", "", "B", "", "a"], "lines[{}].serial_number")
    assert caught.value.violations[0].field == "lines[4].serial_number"


def line(count: int = 1, serial_number: str = "") -> ReceiptLine:
    return ReceiptLine("T-1", 0, serial_number, count, "A", None, "")


def test_lines_become_units_in_order() -> None:
    made = list(units([line(2), line(1, "S-1")], [7, 8]))
    assert [(unit.variant_id, unit.serial_number) for unit in made] == [(7, ""), (7, ""), (8, "S-1")]


def test_receipt_may_reach_the_limit_but_not_pass_it() -> None:
    assert check_size([line(99_999), line()]) == 100_000
    with pytest.raises(BatchTooLarge) as caught:
        check_size([line(100_000), line()])
    assert caught.value.metadata == {"limit": "100000"}


def test_feed_payload_is_read() -> None:
    payload = [4, 5, None, "AVAILABLE", "RECEIVE", 6, "A ü", "PO", 1_700_000_000_123_456, 99]
    change = read_change(json.dumps(payload).encode())
    assert (change.item_id, change.variant_id, change.movement_id, change.revision) == (4, 5, 6, 99)
    assert (change.before_status, change.after_status, change.action) == (None, Status.AVAILABLE, Action.RECEIVE)
    assert change.changed_at == datetime.fromtimestamp(1_700_000_000, UTC) + timedelta(microseconds=123_456)
