"""An OTLP collector on loopback that keeps what it is sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as pb_grpc


@dataclass(frozen=True)
class Sent:
    """One span as it came."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, str]
    failed: bool


@dataclass
class Collector(pb_grpc.TraceServiceServicer):
    """What was received so far. `address` is host:port."""

    address: str = ""
    spans: list[Sent] = field(default_factory=list)

    async def Export(self, request: pb.ExportTraceServiceRequest, context: Any) -> pb.ExportTraceServiceResponse:
        """Keeps the spans."""
        for resource in request.resource_spans:
            service = _attributes(resource.resource.attributes).get("service.name", "")
            for scope in resource.scope_spans:
                self.spans += [_sent(service, span) for span in scope.spans]
        return pb.ExportTraceServiceResponse()

    async def find(self, wanted: Callable[[Sent], bool], what: str) -> Sent:
        """The first span that is wanted; they come with a second's delay or two."""
        deadline = time.monotonic() + 20
        while True:
            found = next((span for span in self.spans if wanted(span)), None)
            if found is not None:
                return found
            assert time.monotonic() < deadline, (
                f"{what} was not sent; sent: {[(s.service, s.name) for s in self.spans][-30:]}"
            )
            await asyncio.sleep(0.1)


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    """A running one."""
    server, made = grpc.aio.server(), Collector()
    pb_grpc.add_TraceServiceServicer_to_server(made, server)  # type: ignore[no-untyped-call]  # generated without types  # type: ignore[no-untyped-call]  # generated without types
    made.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield made
    finally:
        await server.stop(0)


def _sent(service: str, span: Any) -> Sent:
    return Sent(
        service=service,
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        attributes=_attributes(span.attributes),
        failed=span.status.code == 2,
    )


def _attributes(pairs: Any) -> dict[str, str]:
    return {pair.key: str(getattr(pair.value, pair.value.WhichOneof("value") or "string_value")) for pair in pairs}
