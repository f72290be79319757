"""A service that answers every rpc of the hub as a test tells it, and remembers what it was asked.

It lets the gateway be tested for what it does itself, with any outcome a service might have.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from chassis.server import all_service_names

Behaviour = Callable[[Message, Any], Awaitable[Message | None]]


@dataclass
class Call:
    """One rpc as it arrived."""

    method: str
    request: Any
    metadata: dict[str, str]
    seconds_left: float | None


@dataclass
class StandIn:
    """Every service of the hub in one server. `behave` maps an rpc's name to what it does; unnamed ones answer emptily.

    What stands in `always` is done for every test, and not noted.
    """

    behave: dict[str, Behaviour] = field(default_factory=dict)
    always: dict[str, Behaviour] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    port: int = 0
    _server: grpc.aio.Server | None = None

    async def start(self, port: int = 0) -> None:
        """Listens on loopback."""
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0), ("grpc.max_metadata_size", 32 * 1024)])
        servicer = health.aio.HealthServicer()
        await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, self._server)
        self._server.add_generic_rpc_handlers([_Everything(self)])
        self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        await self._server.start()

    async def stop(self) -> None:
        """Stops at once."""
        if self._server is not None:
            await self._server.stop(None)

    @property
    def last(self) -> Call:
        """The newest call."""
        return self.calls[-1]

    def forget(self) -> None:
        """Between tests: neither calls nor behaviours remain."""
        self.calls.clear()
        self.behave.clear()


class _Everything(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types for it
    def __init__(self, stand_in: StandIn) -> None:
        self._stand_in = stand_in
        self._methods = {f"/{method.containing_service.full_name}/{method.name}": method for method in all_methods()}

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        method = self._methods.get(details.method)
        return None if method is None else self._handler(method)

    def _handler(self, method: MethodDescriptor) -> grpc.RpcMethodHandler:
        request, answer = GetMessageClass(method.input_type), GetMessageClass(method.output_type)

        async def one(asked: Any, context: Any) -> Message:
            if method.name in self._stand_in.always:
                return await self._stand_in.always[method.name](asked, context) or answer()
            self._record(method, asked, context)
            behaviour = self._stand_in.behave.get(method.name)
            return (await behaviour(asked, context) if behaviour else None) or answer()

        async def many_in(asked: AsyncIterator[Any], context: Any) -> Message:
            return await one([message async for message in asked], context)

        async def many_out(asked: Any, context: Any) -> AsyncIterator[Message]:
            yield await one(asked, context)

        make, handle = {
            (False, False): (grpc.unary_unary_rpc_method_handler, one),
            (True, False): (grpc.stream_unary_rpc_method_handler, many_in),
            (False, True): (grpc.unary_stream_rpc_method_handler, many_out),
        }[method.client_streaming, method.server_streaming]
        return make(handle, request_deserializer=request.FromString, response_serializer=answer.SerializeToString)

    def _record(self, method: MethodDescriptor, asked: Any, context: Any) -> None:
        metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        self._stand_in.calls.append(Call(method.name, asked, metadata, context.time_remaining()))


def all_methods() -> list[MethodDescriptor]:
    """Every rpc of the hub."""
    found = []
    for name in all_service_names():
        package, _, service = name.rpartition(".")
        area = package.split(".")[1]
        module = importlib.import_module(f"usav.{area}.v1.{area}_service_pb2")
        found += module.DESCRIPTOR.services_by_name[service].methods
    return found
