"""A process that ends knows whether a balancer may still send it calls."""

from __future__ import annotations

from typing import Any, cast

import grpc
import pytest
from grpc_health.v1 import health_pb2

from chassis import health_checks
from chassis.health_checks import HealthChecks

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class _Peer:
    def __init__(self, name: str) -> None:
        self._name = name

    def peer(self) -> str:
        return self._name


class Clock:
    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        patch.setattr("chassis.health_checks.time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def _ask(checks: HealthChecks, peer: str, times: int = 1) -> int:
    context = cast("grpc.aio.ServicerContext", cast("Any", _Peer(peer)))
    for _ in range(times):
        answer = await checks.Check(health_pb2.HealthCheckRequest(), context)
    return int(answer.status)


async def test_balancers_have_noticed_when_each_was_told_twice(clock: Clock) -> None:
    checks = HealthChecks()
    assert checks.is_noticed, "nobody sends calls here"
    for peer in ("gateway", "other gateway"):
        assert await _ask(checks, peer, 3) == _SERVING
    await checks.set("", _NOT_SERVING)
    assert not checks.is_noticed
    assert await _ask(checks, "gateway", 2) == _NOT_SERVING
    await _ask(checks, "other gateway")
    assert not checks.is_noticed
    await _ask(checks, "other gateway")
    assert checks.is_noticed


async def test_what_was_told_before_the_process_was_well_again_does_not_count(clock: Clock) -> None:
    checks = HealthChecks()
    await checks.set("", _NOT_SERVING)
    await _ask(checks, "gateway", 5)
    await checks.set("", _SERVING)
    await _ask(checks, "gateway")
    await checks.set("", _NOT_SERVING)
    await _ask(checks, "gateway")
    assert not checks.is_noticed


async def test_who_asked_once_or_long_ago_is_not_waited_for(clock: Clock) -> None:
    checks = HealthChecks()
    await _ask(checks, "gone gateway", 5)
    clock.now += 11
    await _ask(checks, "a probe")
    assert checks.is_noticed


async def test_probes_on_ever_new_connections_take_no_room(clock: Clock) -> None:
    checks = HealthChecks()
    await _ask(checks, "gateway", 2)
    for number in range(1_000):
        clock.now += 1
        await _ask(checks, f"probe {number}")
        await _ask(checks, "gateway")
    assert len(checks._balancers) <= health_checks._MOST_REMEMBERED
    await checks.set("", _NOT_SERVING)
    assert not checks.is_noticed
