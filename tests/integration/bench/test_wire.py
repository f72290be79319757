"""The load generator against a real grpc.aio server: it counts answers as answers and refusals as failures."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import replace

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from bench.children import EmptyServer, Generator
from bench.empty_server import PATH
from bench.load import Job, work
from bench.stage import empty_job
from bench.wire import grpc_message

_ECHO, _REFUSE = "/test.Echo/Echo", "/test.Echo/Refuse"


class Echo:
    """Remembers what it was sent."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.tokens: set[str] = set()
        self.address = ""

    async def echo(self, request: StringValue, context: grpc.aio.ServicerContext) -> StringValue:
        self.texts.append(request.value)
        self.tokens.add(dict(context.invocation_metadata())["authorization"])
        return StringValue(value=request.value * 3000)

    async def refuse(self, request: StringValue, context: grpc.aio.ServicerContext) -> None:
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no")


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    made = Echo()
    server = grpc.aio.server()
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            handler, request_deserializer=StringValue.FromString, response_serializer=StringValue.SerializeToString
        )
        for name, handler in (("Echo", made.echo), ("Refuse", made.refuse))
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Echo", handlers)])
    made.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield made
    await server.stop(None)


def job(address: str, path: str, texts: list[str]) -> Job:
    bodies = [base64.b64encode(grpc_message(StringValue(value=text).SerializeToString())).decode() for text in texts]
    made = replace(empty_job(address, path, 1.0), bodies=bodies, secret=[("authorization", "Bearer " + "x" * 600)])
    return replace(made, connections=2, streams=3, once=True)


async def test_each_request_is_sent_once_and_answered(echo: Echo) -> None:
    texts = [f"{number} " for number in range(40)]
    outcome = await asyncio.wait_for(work(job(echo.address, _ECHO, texts)), 20)
    assert (outcome.answered, outcome.failed) == (40, 0)
    assert sorted(echo.texts) == sorted(texts)
    assert echo.tokens == {"Bearer " + "x" * 600}
    assert 0 < outcome.p50_ms <= outcome.p99_ms


async def test_a_refusal_is_a_failure(echo: Echo) -> None:
    outcome = await asyncio.wait_for(work(job(echo.address, _REFUSE, ["a", "b", "c"])), 20)
    assert (outcome.answered, outcome.failed) == (0, 3)


async def test_a_job_of_some_seconds_ends(echo: Echo) -> None:
    timed = replace(job(echo.address, _ECHO, ["a"]), once=False, seconds=0.2)
    outcome = await asyncio.wait_for(work(timed), 20)
    assert outcome.answered > 6
    assert not outcome.failed


async def test_generator_and_empty_server_work_as_processes_of_their_own() -> None:
    async with EmptyServer() as server, Generator() as generator:
        first = await asyncio.wait_for(generator.run(empty_job(server.address, PATH, 0.1)), 30)
        second = await asyncio.wait_for(generator.run(empty_job(server.address, PATH, 0.1)), 30)
    assert first.answered
    assert second.answered
    assert not first.failed + second.failed
