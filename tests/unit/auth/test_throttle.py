"""How the waits after failed sign-ins grow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from auth_svc.domain.throttle import (
    ACCOUNT_AT_ADDRESS,
    ADDRESS,
    ALARM,
    HELD_FAILURES,
    Counter,
    adds_to_alarm,
    network_of,
    throttle_keys,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_the_first_failures_cost_nothing_then_the_wait_doubles_up_to_the_cap() -> None:
    waits = [ACCOUNT_AT_ADDRESS.delay(failures).total_seconds() for failures in (1, 4, 5, 6, 7, 13, 14, 10_000)]
    assert waits == [0, 0, 1, 2, 4, 256, 300, 300]


def test_an_address_is_more_patient_and_waits_less_than_an_account_at_an_address() -> None:
    assert ADDRESS.free_failures > ACCOUNT_AT_ADDRESS.free_failures
    assert ADDRESS.delay(10_000) == timedelta(seconds=10)


def test_the_counters_of_one_account_at_two_addresses_are_two() -> None:
    here, there = throttle_keys("maria", "10.0.0.1"), throttle_keys("maria", "10.0.0.2")
    assert here.account_at_address != there.account_at_address
    assert here.address != there.address


def test_the_account_is_counted_whatever_its_case_and_not_kept_in_plain() -> None:
    assert throttle_keys("Maria", "10.0.0.1") == throttle_keys("mARIA", "10.0.0.1")
    assert "maria" not in throttle_keys("maria", "10.0.0.1").account_at_address


def test_the_counters_are_locked_in_one_order_whatever_the_account() -> None:
    for account in ("maria", "bob", "zoe"):
        rules = throttle_keys(account, "10.0.0.1").rules()
        assert rules[0] == ("*@10.0.0.1", ADDRESS)


def test_one_address_alone_never_rings_the_alarm() -> None:
    assert sum(adds_to_alarm(failures) for failures in range(1, 10_001)) < ALARM.free_failures


def test_while_the_alarm_rings_new_addresses_wait_longer_and_longer_up_to_the_cap() -> None:
    keys = throttle_keys("maria", "10.0.0.1")

    def wait(failures: int, at: datetime = NOW) -> float:
        return keys.rings({keys.account: Counter(failures, NOW, NOW)}, at).total_seconds()

    assert [wait(failures) for failures in (0, 49, 50, 51, 55, 10_000)] == [0, 0, 2, 4, 60, 60]
    assert wait(10_000, NOW + ALARM.memory + timedelta(seconds=1)) == 0


def test_an_address_that_has_waited_already_is_held_by_its_own_counter_only() -> None:
    keys = throttle_keys("maria", "10.0.0.1")
    counters = {keys.account: Counter(99, NOW, NOW), keys.account_at_address: Counter(HELD_FAILURES, NOW, NOW)}
    assert not keys.rings(counters, NOW)
    assert ACCOUNT_AT_ADDRESS.delay(HELD_FAILURES + 1) == timedelta(seconds=32)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_one_subscriber_is_one_address(address: str, network: str) -> None:
    assert network_of(address) == network
