"""The health of all services in one answer, served by one of them for the gateway's /health."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from usav.hub.v1 import hub_service_pb2, hub_service_pb2_grpc

from chassis.clients import Clients
from chassis.errors import Unavailable

SERVICES = ("auth", "catalog", "inventory", "sync")
_TIMEOUT_SECONDS = 2.0
_SERVING = hub_service_pb2.CheckHealthResponse.SERVING


class HubServicer(hub_service_pb2_grpc.HubServiceServicer):
    """Asks each service over the ordinary gRPC health protocol."""

    def __init__(self, clients: Clients, services: Sequence[str] = SERVICES) -> None:
        self._clients = clients
        self._services = services

    async def CheckHealth(
        self, request: hub_service_pb2.CheckHealthRequest, context: grpc.aio.ServicerContext
    ) -> hub_service_pb2.CheckHealthResponse:
        """Answers when all serve. Raises Unavailable with the state of each."""
        states = await asyncio.gather(*(self._state(name) for name in self._services))
        by_name = dict(zip(self._services, states, strict=True))
        down = [name for name, state in by_name.items() if state != "SERVING"]
        if down:
            raise Unavailable(f"Not serving: {', '.join(down)}.", metadata=by_name, retry_after_s=1.0)
        answer = hub_service_pb2.CheckHealthResponse(status=_SERVING)
        for name in self._services:
            answer.services.add(name=name, status=_SERVING)
        return answer

    async def _state(self, service: str) -> str:
        stub = health_pb2_grpc.HealthStub(self._clients.channel(service))
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=_TIMEOUT_SECONDS)
        except grpc.aio.AioRpcError as error:
            return str(error.code().name)
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
