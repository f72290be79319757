"""The gRPC health service, and whether those who ask it again and again have noticed that this process ends."""

from __future__ import annotations

import time
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health, health_pb2

# A balancer asks on one connection, more often than this. Who asks once, a probe or an operator, sends no calls for the answer.
_ASKS_AGAIN_SECONDS = 10.0
_ASKED, _TOLD = 2, 2
_MOST_REMEMBERED = 256
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@dataclass(slots=True)
class _Balancer:
    """One connection on which the health is asked for."""

    asked: int = 0
    told: int = 0
    last_at: float = 0.0

    def still_sends(self, now: float) -> bool:
        """The gateway gives a replica up at the second bad answer (deploy.gateway.clusters)."""
        return self.asked >= _ASKED and self.told < _TOLD and now - self.last_at < _ASKS_AGAIN_SECONDS


class HealthChecks(health.aio.HealthServicer):  # type: ignore[misc]  # grpc_health leaves it untyped
    """grpc.health.v1.Health."""

    def __init__(self) -> None:
        super().__init__()
        self._balancers: dict[str, _Balancer] = {}

    async def Check(
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        """The health as it is now. Ends with NOT_FOUND for a service that is not here."""
        answer: health_pb2.HealthCheckResponse = await super().Check(request, context)
        self._note(context.peer(), answer.status)
        return answer

    @property
    def is_noticed(self) -> bool:
        """Whether no balancer is left that may still send calls to a process that has said NOT_SERVING."""
        now = time.monotonic()
        return not any(one.still_sends(now) for one in self._balancers.values())

    def _note(self, peer: str, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        now = time.monotonic()
        if peer not in self._balancers and len(self._balancers) >= _MOST_REMEMBERED:
            self._forget_before(now - _ASKS_AGAIN_SECONDS)
        one = self._balancers.setdefault(peer, _Balancer())
        one.asked, one.last_at = one.asked + 1, now
        one.told = one.told + 1 if status == _NOT_SERVING else 0

    def _forget_before(self, moment: float) -> None:
        self._balancers = {peer: one for peer, one in self._balancers.items() if one.last_at >= moment}
