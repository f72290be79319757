"""A collector that takes every trace and keeps none, so that only what the services do for them is measured."""

from __future__ import annotations

from typing import Any

import grpc
import uvloop

from bench.serving import serve_on_loopback

_SERVICE, _METHOD = "opentelemetry.proto.collector.trace.v1.TraceService", "Export"


async def _forget(request: bytes, context: Any) -> bytes:
    return b""


async def serve() -> None:
    """Prints its address, then serves until standard input ends."""
    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(_forget)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(_SERVICE, {_METHOD: handler})])
    await serve_on_loopback(server)


if __name__ == "__main__":
    uvloop.run(serve())
