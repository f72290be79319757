"""When keys take over and when they are withdrawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from auth_svc.domain.key_schedule import KeyPolicy, KeyTimes

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
POLICY = KeyPolicy()


def key(name: str, age: timedelta) -> KeyTimes:
    return KeyTimes(name, NOW - age)


def test_a_key_is_followed_by_another_after_its_time_and_not_before() -> None:
    assert not POLICY.is_due([key("a", timedelta(days=29, hours=23))], NOW)
    assert POLICY.is_due([key("a", timedelta(days=30))], NOW)
    assert POLICY.is_due([], NOW)


def test_while_one_waits_for_its_turn_no_other_is_due() -> None:
    keys = [key("a", timedelta(days=31)), key("b", timedelta(minutes=-9))]
    assert not POLICY.is_due(keys, NOW)
    assert POLICY.pending(keys, NOW) == keys[1]
    assert POLICY.pending(keys[:1], NOW) is None


def test_a_key_is_kept_until_its_last_token_has_expired() -> None:
    former = key("a", timedelta(days=31))
    assert POLICY.withdrawable([former, key("b", timedelta(minutes=16))], NOW) == []
    assert POLICY.withdrawable([former, key("b", timedelta(minutes=18))], NOW) == ["a"]
    assert POLICY.withdrawable([former], NOW) == []
    assert POLICY.withdrawable([former, key("b", timedelta(minutes=-5))], NOW) == []
