"""Traces (OpenTelemetry): one per request, from the gateway through every service into its SQL and its marketplace calls.

Off until `set_up` names a collector, and then nothing is installed anywhere: a call pays for one look at `on`. What is traced
is decided where a trace begins, at the gateway or in background work; everybody behind follows that decision.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry import context, propagate, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from chassis.context import Call

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

__all__ = ["TRACING", "Span", "SpanKind", "Tracing", "trace_headers"]

# Answers that say something is wrong with the hub, not with the request.
_FAULTS = frozenset({"INTERNAL", "UNKNOWN", "UNAVAILABLE", "DEADLINE_EXCEEDED", "DATA_LOSS"})
_MAX_SQL = 2000
_UNSAMPLED = trace.INVALID_SPAN


class Tracing:
    """The spans of this process. One per process, `TRACING`."""

    def __init__(self) -> None:
        self.on = False
        self._provider: TracerProvider | None = None
        self._tracer: trace.Tracer = trace.NoOpTracer()

    def set_up(self, service: str, endpoint: str, percent: float = 100.0) -> None:
        """Exports spans to an OTLP collector at host:port; an empty endpoint leaves tracing off.

        `percent` is how many of the traces that begin here are recorded; of those that come from elsewhere all that are
        marked so.
        """
        if not endpoint:
            return
        # Imported here: the exporter costs memory that a service without a collector need not pay.
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

        self._provider = TracerProvider(
            resource=Resource.create({"service.name": f"hub-{service.removesuffix('_svc')}"}),
            sampler=ParentBasedTraceIdRatio(percent / 100),
        )
        exporter = OTLPSpanExporter(endpoint=endpoint, insecure=True)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
        self._tracer = self._provider.get_tracer("hub")
        self.on = True

    def close(self) -> None:
        """Sends what is left. Blocks for some seconds at most when the collector does not answer."""
        if self._provider is not None:
            self._provider.shutdown()
            self._provider, self.on = None, False

    def serve(self, call: Call, metadata: Sequence[tuple[str, str | bytes]]) -> Span:
        """The span of one rpc, a child of what the caller sent in `traceparent`; end it with `served`.

        It stays the present one for the rest of the task, which is the rpc's own.
        """
        carrier = {key: value for key, value in metadata if isinstance(value, str)}
        service, _, method = call.method.lstrip("/").partition("/")
        span = self._tracer.start_span(
            call.method.lstrip("/"),
            context=propagate.extract(carrier),
            kind=SpanKind.SERVER,
            attributes={
                "rpc.system": "grpc",
                "rpc.service": service,
                "rpc.method": method,
                "hub.request_id": call.request_id,
            },
        )
        context.attach(trace.set_span_in_context(span))
        call.trace_id = format(span.get_span_context().trace_id, "032x")
        return span

    def served(self, span: Span, call: Call) -> None:
        """Ends the span of an rpc with what was answered."""
        if span.is_recording():
            span.set_attributes(
                {"hub.code": call.code, "hub.role": call.principal.role, "hub.actor": call.principal.username}
            )
            if call.code in _FAULTS:
                span.set_status(Status(StatusCode.ERROR, call.code))
        span.end()

    @contextmanager
    def span(
        self,
        name: str,
        attributes: Mapping[str, str | int] | None = None,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        after: str = "",
    ) -> Iterator[Span]:
        """A span around a block, under the present one. `after` is the `traceparent` of what led to it: its parent where
        nothing else is. An error that leaves the block marks it.
        """
        if not self.on:
            yield _UNSAMPLED
            return
        cause = propagate.extract({"traceparent": after}) if after else None
        with self._tracer.start_as_current_span(name, context=cause, kind=kind, attributes=attributes) as span:
            yield span

    async def follow_statements(self, connection: Any) -> None:
        """Makes a span of every statement that an asyncpg connection runs within another span."""
        connection.add_query_logger(self._statement)

    def _statement(self, record: Any) -> None:
        if not trace.get_current_span().is_recording():
            return
        ended = time.time_ns()
        sql = record.query.strip()
        span = self._tracer.start_span(
            sql.partition(" ")[0].strip(";").upper()[:20] or "SQL",
            kind=SpanKind.CLIENT,
            start_time=ended - int(record.elapsed * 1e9),
            # The text alone: the values are the callers' business.
            attributes={"db.system.name": "postgresql", "db.query.text": sql[:_MAX_SQL]},
        )
        if record.exception is not None:
            span.set_status(Status(StatusCode.ERROR, type(record.exception).__name__))
        span.end(ended)


TRACING = Tracing()


def trace_headers() -> dict[str, str]:
    """What carries the present span to the next service; empty while tracing is off."""
    carrier: dict[str, str] = {}
    if TRACING.on:
        propagate.inject(carrier)
    return carrier
