"""What stands around every rpc, over a real socket: who gets in, what a refusal looks like, and that nothing leaks."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from usav.inventory.v1 import inventory_service_pb2 as pb
from usav.inventory.v1 import inventory_service_pb2_grpc as pb_grpc
from usav.inventory.v1 import item_pb2

from chassis.context import current_call
from chassis.database import Database
from chassis.errors import FailedPrecondition, Unavailable, Violation
from chassis.server import Registration, Running, Service, start
from chassis.settings import ServiceSettings

KEY = ec.generate_private_key(ec.SECP256R1())
SETTINGS = ServiceSettings(database_url="postgresql://nobody@127.0.0.1:1/none", seal_key="k", max_calls=20)


class OutOfStock(FailedPrecondition):
    reason = "OUT_OF_STOCK"
    domain = "inventory.usav"


class Servicer(pb_grpc.InventoryServiceServicer):
    """Does what the serial number says."""

    async def GetItem(self, request: pb.GetItemRequest, context: Any) -> item_pb2.Item:
        match request.serial_number:
            case "refuse":
                raise OutOfStock("None left.", metadata={"sku": "1"}, violations=[Violation("sku", "0 free")])
            case "break":
                raise RuntimeError("SELECT secret FROM somewhere")
            case "later":
                raise Unavailable("Not now.", retry_after_s=1.5)
            case "sleep":
                await asyncio.sleep(5)
            case "long":
                raise OutOfStock("x" * 100_000, metadata={"k": "y" * 100_000})
        call = current_call()
        return item_pb2.Item(serial_number=call.principal.username, notes=call.request_id)

    async def WatchStock(self, request: Any, context: Any) -> AsyncIterator[pb.WatchStockResponse]:
        yield pb.WatchStockResponse(resume_token="1")
        raise RuntimeError("SELECT secret FROM somewhere")

    async def BatchReceiveItems(self, requests: Any, context: Any) -> pb.BatchReceiveItemsResponse:
        return pb.BatchReceiveItemsResponse(received_units=len([request async for request in requests]))


def made_servicer() -> Servicer:
    """The rpcs that no test calls stay as the generated class has them."""
    Servicer.__abstractmethods__ = frozenset()
    return Servicer()  # type: ignore[abstract]  # see above


async def fetch_keys() -> list[dict[str, str]]:
    return [{**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key())), "kid": "k1"}]


@pytest.fixture
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    monkeypatch.setattr("chassis.readiness.known_revisions", lambda _: ["0001"])
    db = await Database.open(SETTINGS.database_url, schema="inventory")
    descriptor = pb.DESCRIPTOR.services_by_name["InventoryService"]
    registration = Registration(descriptor, pb_grpc.add_InventoryServiceServicer_to_server, made_servicer())
    service = Service("inventory", [registration], db, "none", fetch_keys)
    made = await start(service, SETTINGS)
    yield made
    await made.stop()


@pytest.fixture
async def channel(running: Running) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as made:
        yield made


def signed(role: str = "ADMIN", **changed: Any) -> list[tuple[str, str]]:
    now = int(time.time())
    claims = {"iss": "usav-hub", "aud": "usav-hub", "sub": "7", "name": "ana", "role": role, "jti": "j"}
    token = jwt.encode(
        {**claims, "iat": now, "exp": now + 60, **changed}, KEY, "ES256", headers={"kid": "k1", "typ": "at+jwt"}
    )
    return [("authorization", f"Bearer {token}")]


async def refusal(call: Any) -> tuple[grpc.StatusCode, str, error_details_pb2.ErrorInfo, Any]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    status = rpc_status.from_call(caught.value)
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    return caught.value.code(), caught.value.details() or "", info, status


async def get(channel: grpc.aio.Channel, serial: str, metadata: Any = None, timeout: float = 10) -> item_pb2.Item:
    stub = pb_grpc.InventoryServiceStub(channel)
    request = pb.GetItemRequest(serial_number=serial)
    answer: item_pb2.Item = await stub.GetItem(
        request, metadata=signed() if metadata is None else metadata, timeout=timeout
    )
    return answer


async def test_a_signed_in_caller_gets_in_under_his_name_and_request_id(channel: grpc.aio.Channel) -> None:
    item = await get(channel, "fine", [*signed(), ("x-request-id", "mine")])
    assert (item.serial_number, item.notes) == ("ana", "mine")


@pytest.mark.parametrize("metadata", [(), (("authorization", "Basic YWJj"),), (("authorization", "Bearer "),)])
async def test_without_a_token_nobody_gets_in(channel: grpc.aio.Channel, metadata: Any) -> None:
    code, _, info, _ = await refusal(get(channel, "fine", metadata))
    assert (code, info.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING")


async def test_an_expired_token_says_so(channel: grpc.aio.Channel) -> None:
    code, _, info, _ = await refusal(get(channel, "fine", signed(exp=int(time.time()) - 60)))
    assert (code, info.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED")


async def test_the_role_is_checked_before_the_fields(channel: grpc.aio.Channel) -> None:
    stub = pb_grpc.InventoryServiceStub(channel)
    wrong = pb.ReceiveItemsRequest(sku="x" * 500)
    code, _, info, _ = await refusal(stub.ReceiveItems(wrong, metadata=signed("SALES_REP")))
    assert (code, info.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")
    assert info.metadata["allowed"] == "ADMIN, WAREHOUSE_OP"


async def test_a_wrong_field_is_named(channel: grpc.aio.Channel) -> None:
    code, message, info, status = await refusal(get(channel, "x" * 500))
    assert (code, info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    bad = error_details_pb2.BadRequest()
    assert status.details[1].Unpack(bad)
    assert [violation.field for violation in bad.field_violations] == ["serial_number"]
    assert "serial_number" in message


@pytest.mark.parametrize("body", [b"\x12\x01\xff", b"\xff\xff"])
async def test_a_request_that_cannot_be_decoded_is_the_callers_fault(channel: grpc.aio.Channel, body: bytes) -> None:
    raw = channel.unary_unary("/usav.inventory.v1.InventoryService/GetItem")
    code, _, info, _ = await refusal(raw(body, metadata=signed()))
    assert (code, info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")


async def test_a_refusal_carries_reason_metadata_and_violations(channel: grpc.aio.Channel) -> None:
    code, message, info, status = await refusal(get(channel, "refuse"))
    assert (code, message) == (grpc.StatusCode.FAILED_PRECONDITION, "None left.")
    assert (info.reason, info.domain, dict(info.metadata)) == ("OUT_OF_STOCK", "inventory.usav", {"sku": "1"})
    failure = error_details_pb2.PreconditionFailure()
    assert status.details[1].Unpack(failure)
    assert failure.violations[0].description == "0 free"


async def test_what_nobody_foresaw_is_bland_to_the_caller_and_whole_in_the_log(
    channel: grpc.aio.Channel, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="rpc"):
        code, message, info, status = await refusal(get(channel, "break", [*signed(), ("x-request-id", "find-me")]))
    assert (code, info.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL_ERROR")
    assert "secret" not in str(status)
    assert "request id" in message
    assert "find-me" in str(status)
    assert "SELECT secret" in caplog.text


async def test_a_stream_is_guarded_while_it_runs(channel: grpc.aio.Channel) -> None:
    call = pb_grpc.InventoryServiceStub(channel).WatchStock(pb.WatchStockRequest(), metadata=signed())
    assert (await call.read()).resume_token == "1"
    code, _, info, status = await refusal(call.read())
    assert (code, info.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL_ERROR")
    assert "secret" not in str(status)


async def test_every_message_of_a_client_stream_is_checked(channel: grpc.aio.Channel) -> None:
    stub = pb_grpc.InventoryServiceStub(channel)

    async def requests(*reasons: str) -> AsyncIterator[pb.BatchReceiveItemsRequest]:
        for reason in reasons:
            yield pb.BatchReceiveItemsRequest(reason=reason)

    assert (await stub.BatchReceiveItems(requests("a", "b"), metadata=signed())).received_units == 2
    code, _, info, _ = await refusal(stub.BatchReceiveItems(requests("a", "nul\0"), metadata=signed()))
    assert (code, info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")


async def test_when_to_come_back_is_told(channel: grpc.aio.Channel) -> None:
    code, _, _, status = await refusal(get(channel, "later"))
    retry = error_details_pb2.RetryInfo()
    assert code is grpc.StatusCode.UNAVAILABLE
    assert status.details[1].Unpack(retry)
    assert retry.retry_delay.ToMilliseconds() == 1500


async def test_a_deadline_ends_the_work(channel: grpc.aio.Channel) -> None:
    began = time.monotonic()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await get(channel, "sleep", timeout=0.2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - began < 2


async def test_beyond_the_limit_of_calls_the_caller_is_told_to_wait(channel: grpc.aio.Channel) -> None:
    sleepers = [asyncio.create_task(get(channel, "sleep", timeout=1)) for _ in range(SETTINGS.max_calls)]
    await asyncio.sleep(0.3)
    code, _, info, _ = await refusal(get(channel, "fine"))
    assert (code, info.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS")
    await asyncio.gather(*sleepers, return_exceptions=True)
    assert (await get(channel, "fine")).serial_number == "ana"


async def test_a_long_text_does_not_break_the_status(channel: grpc.aio.Channel) -> None:
    code, message, info, _ = await refusal(get(channel, "long"))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert len(message) == 1000
    assert len(info.metadata["k"]) == 300


async def test_an_unknown_method_is_unimplemented(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await channel.unary_unary("/usav.inventory.v1.InventoryService/NoSuch")(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_without_its_database_the_service_is_not_serving(channel: grpc.aio.Channel) -> None:
    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_a_server_that_stops_serves_those_who_notice_late(running: Running, channel: grpc.aio.Channel) -> None:
    """As a gateway does whose health check is overdue: it goes on calling for a while, then turns elsewhere."""
    drain = 0.3
    stopping = asyncio.create_task(running.stop(drain))
    noticed = asyncio.get_running_loop().time() + 2 * drain
    while asyncio.get_running_loop().time() < noticed:
        await get(channel, "x")
    await asyncio.wait_for(stopping, 5)


async def test_a_server_that_stops_waits_until_its_balancer_has_been_told_twice(
    running: Running, channel: grpc.aio.Channel
) -> None:
    """Also while nobody calls: the next call of a balancer that does not know would end with CANCELLED."""
    health, asks = health_pb2_grpc.HealthStub(channel), health_pb2.HealthCheckRequest()
    # This service has no migrations, so its database is never ready by itself.
    await running.readiness._set(health_pb2.HealthCheckResponse.SERVING)
    for _ in range(2):
        assert (await health.Check(asks)).status == health_pb2.HealthCheckResponse.SERVING
    stopping = asyncio.create_task(running.stop(0.5))
    await asyncio.sleep(1.0)
    for _ in range(2):
        assert not stopping.done()
        assert (await health.Check(asks)).status == health_pb2.HealthCheckResponse.NOT_SERVING
    await asyncio.wait_for(stopping, 5)


async def test_a_server_that_is_called_on_and_on_stops_nonetheless(running: Running, channel: grpc.aio.Channel) -> None:
    stopping = asyncio.create_task(running.stop(0.05))
    with pytest.raises(grpc.aio.AioRpcError):
        async with asyncio.timeout(5):
            while True:
                await get(channel, "x")
    await asyncio.wait_for(stopping, 5)
