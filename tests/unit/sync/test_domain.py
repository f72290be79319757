"""Channels, orders and backoff."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync_svc.domain.backoff import backoff_s
from sync_svc.domain.channel import Block, Channel, ChannelState, Connection, Platform
from sync_svc.domain.order import Line, OrderReason, OrderStatus, in_trouble, order_reference, verdict
from sync_svc.domain.rules import Rules

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def channel(**values: Any) -> Channel:
    given: dict[str, Any] = {
        "id": 1,
        "platform": Platform.EBAY,
        "account": "MEKONG",
        "display_name": "",
        "site": "",
        "api_base_url": "",
        "token_url": "",
        "options": {},
        "rules": Rules(),
        "state": ChannelState.ACTIVE,
        "credential_names": ("token",),
        "version": 1,
        "created_at": NOW,
        "updated_at": NOW,
        "activated_at": NOW,
    }
    return Channel(**{**given, **values})


def line(**values: Any) -> Line:
    given: dict[str, Any] = {
        "line_id": "1",
        "platform_sku": "S",
        "title": "",
        "quantity": 1,
        "unit_price": None,
        "currency": "USD",
    }
    return Line(**{**given, **values})


@pytest.mark.parametrize(
    ("values", "has_connector", "connection"),
    [
        ({}, True, Connection.CONNECTED),
        ({}, False, Connection.NO_CONNECTOR),
        ({"credential_names": ()}, True, Connection.NO_CREDENTIALS),
        ({"block": Block.AUTH, "blocked_until": NOW + timedelta(1)}, True, Connection.AUTH_REFUSED),
        ({"block": Block.THROTTLE, "blocked_until": NOW + timedelta(1)}, True, Connection.THROTTLED),
        ({"block": Block.AUTH, "blocked_until": NOW}, True, Connection.CONNECTED),
    ],
)
def test_connection(values: dict[str, Any], has_connector: bool, connection: Connection) -> None:
    assert channel(**values).connection(has_connector=has_connector, now=NOW) is connection


@pytest.mark.parametrize(
    ("values", "pushes"),
    [
        ({}, True),
        ({"state": ChannelState.PAUSED}, True),
        ({"state": ChannelState.PAUSED, "rules": Rules(zero_when_paused=False)}, False),
        ({"activated_at": None}, False),
    ],
)
def test_paused_channel_pushes_zero_unless_told_not_to(values: dict[str, Any], pushes: bool) -> None:
    assert channel(**values).pushes is pushes


def test_secrets_stay_out_of_repr() -> None:
    assert "topsecret" not in repr(channel(sealed_credentials=b"topsecret", sealed_webhook=b"topsecret"))


def test_backoff_doubles_up_to_its_cap_and_never_below_half() -> None:
    most = [backoff_s(attempts, first_s=1, cap_s=60, spread=lambda: 0.0) for attempts in range(1, 10)]
    least = [backoff_s(attempts, first_s=1, cap_s=60, spread=lambda: 1.0) for attempts in range(1, 10)]
    assert most == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert least == [value / 2 for value in most]
    assert backoff_s(10_000, first_s=1, cap_s=60, spread=lambda: 0.0) == 60


def test_order_reference() -> None:
    assert order_reference("EBAY", "MEKONG", "12-345") == "EBAY-MEKONG-12-345"


@pytest.mark.parametrize(
    ("lines", "paid", "cancelled", "status"),
    [
        ([line()], True, False, OrderStatus.SOLD),
        ([line()], False, False, OrderStatus.HELD),
        ([line()], True, True, OrderStatus.CANCELLED),
        ([line(), in_trouble(line(), OrderReason.UNKNOWN_SKU, "x")], True, False, OrderStatus.NEEDS_ATTENTION),
        ([in_trouble(line(cancelled=True), OrderReason.UNKNOWN_SKU, "x")], True, False, OrderStatus.SOLD),
    ],
)
def test_verdict(lines: list[Line], paid: bool, cancelled: bool, status: OrderStatus) -> None:
    assert verdict(lines, paid=paid, cancelled=cancelled)[0] is status
