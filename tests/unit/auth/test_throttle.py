"""How the waits after failed sign-ins grow."""

from __future__ import annotations

from datetime import timedelta

from auth_svc.domain.throttle import ACCOUNT_AT_ADDRESS, ADDRESS, throttle_keys


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
