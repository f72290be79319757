"""A collector that takes every trace and keeps none, so that only what the services do for them is measured."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import grpc
import uvloop

_SERVICE, _METHOD = "opentelemetry.proto.collector.trace.v1.TraceService", "Export"


async def _forget(request: bytes, context: Any) -> bytes:
    return b""


async def serve() -> None:
    """Prints its address, then serves until standard input ends."""
    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(_forget)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(_SERVICE, {_METHOD: handler})])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(serve())
