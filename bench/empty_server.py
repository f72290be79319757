"""The base of the read comparison: a grpc.aio server on uvloop with the services' own options and a handler that does nothing."""

from __future__ import annotations

import grpc
import uvloop
from google.protobuf.empty_pb2 import Empty

from bench.serving import serve_on_loopback
from chassis.server import OPTIONS

SERVICE, METHOD = "bench.Empty", "Do"
PATH = f"/{SERVICE}/{METHOD}"


async def _do(request: Empty, context: grpc.aio.ServicerContext) -> Empty:
    return Empty()


async def serve() -> None:
    """Prints its address, then serves until standard input ends."""
    server = grpc.aio.server(options=OPTIONS)
    handler = grpc.unary_unary_rpc_method_handler(
        _do, request_deserializer=Empty.FromString, response_serializer=Empty.SerializeToString
    )
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler})])
    await serve_on_loopback(server)


if __name__ == "__main__":
    uvloop.run(serve())
