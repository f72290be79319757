"""A catalog service beside the hub's own that records traces, and what it costs the others not to record any."""

from __future__ import annotations

import asyncio
import sys
import timeit
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc

from bench.children import TraceSink
from bench.stage import Stage
from chassis.tracing import TRACING
from deploy.local.ports import Ports
from deploy.local.processes import Command, ManagedProcess
from deploy.local.topology import LOOPBACK, SERVICES

_START_SECONDS = 30
_LOOKS = 200_000


@dataclass(frozen=True)
class Traced:
    """One that runs."""

    address: str
    pid: int


@asynccontextmanager
async def traced_catalogs(stage: Stage, percents: Sequence[float]) -> AsyncIterator[list[Traced]]:
    """One for each share of the calls that is recorded, on the hub's database. Raises TimeoutError when one does not come."""
    async with AsyncExitStack() as stack:
        sink = await stack.enter_async_context(TraceSink())
        ports = stack.enter_context(Ports())
        started = [_start(stage, sink.address, percent, ports.take_free()) for percent in percents]
        for process, _ in started:
            await process.start()
            stack.push_async_callback(process.stop)
        for _, address in started:
            async with grpc.aio.insecure_channel(address) as channel:
                await asyncio.wait_for(channel.channel_ready(), _START_SECONDS)
        yield [Traced(address, process.pid or 0) for process, address in started]


def _start(stage: Stage, collector: str, percent: float, port: int) -> tuple[ManagedProcess, str]:
    spec = next(one for one in SERVICES if one.name == "catalog")
    told = {"HUB_OTLP_ENDPOINT": collector, "HUB_TRACE_PERCENT": f"{percent:g}", "HUB_METRICS_PORT": "0"}
    command = Command(
        name=f"catalog-traced-{percent:g}",
        argv=(sys.executable, "-P", "-m", spec.module),
        log=stage.scratch / f"catalog-traced-{percent:g}.log",
        env={**stage.hub.environments.service(spec, port), **told},
        cwd=stage.scratch,
    )
    return ManagedProcess(command), f"{LOOPBACK}:{port}"


def look_us() -> float:
    """What a service without a collector pays for each call it serves or makes: one look, in microseconds."""
    return min(timeit.repeat("tracing.on", globals={"tracing": TRACING}, number=_LOOKS, repeat=5)) / _LOOKS * 1e6
