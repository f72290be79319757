"""Without a collector nothing is traced, and nothing is sent on."""

from __future__ import annotations

from opentelemetry import trace

from chassis.tracing import TRACING, Tracing, trace_headers


def test_it_is_off_until_a_collector_is_named() -> None:
    tracing = Tracing()
    tracing.set_up("inventory_svc", "")
    assert not tracing.on
    with tracing.span("work") as span:
        assert not span.is_recording()
        assert trace.get_current_span() is trace.INVALID_SPAN
    tracing.close()


def test_nothing_is_sent_on_while_it_is_off() -> None:
    assert not TRACING.on
    assert trace_headers() == {}


def test_of_no_traces_that_begin_here_is_any_recorded() -> None:
    tracing = Tracing()
    tracing.set_up("inventory_svc", "127.0.0.1:9", percent=0)
    with tracing.span("work") as span:
        assert trace.get_current_span() is span
        assert not span.is_recording()
    tracing.close()
