"""Metrics (Prometheus) and traces (OpenTelemetry) of every rpc. Both cost next to nothing when nobody listens."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import propagate, trace
from prometheus_client import Counter, Gauge, Histogram, start_http_server

log = logging.getLogger(__name__)

LATENCY = Histogram(
    "hub_rpc_seconds",
    "Time from request to answer, by method.",
    ["method"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
ANSWERS = Counter(
    "hub_rpc_answers_total", "Answers by method, status code and the caller's role.", ["method", "code", "role"]
)
UNDER_WAY = Gauge("hub_rpc_under_way", "Calls under way.")


class Tracing:
    """Server spans, children of what the caller sent in `traceparent`. Off until `set_up` names a collector."""

    def __init__(self) -> None:
        self.on = False

    def set_up(self, service: str, endpoint: str) -> None:
        """Exports spans to an OTLP collector at host:port; an empty endpoint leaves tracing off."""
        if not endpoint:
            return
        # Imported here: the exporter costs memory that a service without a collector need not pay.
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider = TracerProvider(resource=Resource.create({"service.name": f"hub-{service}"}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, insecure=True)))
        trace.set_tracer_provider(provider)
        self.on = True

    @contextmanager
    def span(self, method: str, metadata: Sequence[tuple[str, str | bytes]]) -> Iterator[None]:
        """A server span around one rpc."""
        if not self.on:
            yield
            return
        carrier = {key: value for key, value in metadata if isinstance(value, str)}
        tracer = trace.get_tracer("chassis")
        with tracer.start_as_current_span(
            method.lstrip("/"), context=propagate.extract(carrier), kind=trace.SpanKind.SERVER
        ):
            yield


TRACING = Tracing()


def trace_headers() -> dict[str, str]:
    """What carries the present span to the next service; empty while tracing is off."""
    carrier: dict[str, str] = {}
    if TRACING.on:
        propagate.inject(carrier)
    return carrier


def serve_metrics(address: str, port: int) -> None:
    """Serves /metrics on a thread of its own; port 0 is off."""
    if port:
        start_http_server(port, addr=address)
        log.info("metrics at %s:%d/metrics", address, port)
