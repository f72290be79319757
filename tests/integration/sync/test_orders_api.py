"""Orders, webhooks and the stream of progress over gRPC."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
from google.api.httpbody_pb2 import HttpBody
from usav.sync.v1 import channel_pb2, order_pb2, sync_service_pb2

from sync_svc.domain.channel import Channel
from tests.factories.sync.engine import Engine, running, until
from tests.factories.sync.platform import FakePlatform
from tests.factories.sync.upstream import FakeHub
from tests.integration.sync.harness import Refused, SyncApi

Order = order_pb2.Order


@pytest.fixture
async def ebay(engine: Engine, hub: FakeHub) -> Channel:
    hub.add(1, "00845", 3)
    made = await engine.add_channel()
    await engine.add_listing(made, 1, "00845", "SHOP-1")
    return made


def _delivery(channel: Channel, body: bytes) -> sync_service_pb2.ReceiveWebhookRequest:
    return sync_service_pb2.ReceiveWebhookRequest(
        platform="ebay", channel_id=channel.id, delivery=HttpBody(content_type="application/json", data=body)
    )


async def _orders(api: SyncApi) -> list[Any]:
    return list((await api.call("ListOrders", sync_service_pb2.ListOrdersRequest())).items)


async def test_signed_webhook_without_signing_in_becomes_an_order(
    api: SyncApi, engine: Engine, ebay: Channel, platform: FakePlatform
) -> None:
    headers, body = platform.delivery(platform.buy("SHOP-1"))
    await api.call("ReceiveWebhook", _delivery(ebay, body), role="", headers=headers)
    async with running(engine.supervisor.run):

        async def is_sold() -> bool:
            return [order.status for order in await _orders(api)] == [Order.SOLD]

        await until(is_sold)
    (order,) = await _orders(api)
    assert await api.call("GetOrder", sync_service_pb2.GetOrderRequest(id=order.id), "SALES_REP") == order
    assert order.lines[0].applied


async def test_forged_webhook_is_unauthenticated(api: SyncApi, ebay: Channel, platform: FakePlatform) -> None:
    _, body = platform.delivery(platform.buy("SHOP-1"))
    for headers in ({}, {"x-fake-signature": "forged"}):
        with pytest.raises(Refused) as caught:
            await api.call("ReceiveWebhook", _delivery(ebay, body), role="", headers=headers)
        assert (caught.value.code, caught.value.reason) == (grpc.StatusCode.UNAUTHENTICATED, "WEBHOOK_REFUSED")


async def test_challenge_is_answered(api: SyncApi, ebay: Channel) -> None:
    request = sync_service_pb2.AnswerWebhookChallengeRequest(platform="eBay", channel_id=ebay.id, challenge_code="abc")
    answer = await api.call("AnswerWebhookChallenge", request, role="")
    endpoint = f"https://hub.example/api/v1/webhooks/ebay/{ebay.id}"
    assert json.loads(answer.data) == {"challengeResponse": f"abc@{endpoint}"}


async def test_lost_webhook_is_found_by_polling(
    api: SyncApi, engine: Engine, ebay: Channel, hub: FakeHub, platform: FakePlatform
) -> None:
    platform.buy("SHOP-1")
    async with running(engine.supervisor.run):
        await until(lambda: hub.free[1] == 2)
    runs = await api.call(
        "ListChannelRuns", sync_service_pb2.ListChannelRunsRequest(id=ebay.id, kind=channel_pb2.ChannelRun.POLL_ORDERS)
    )
    assert [run.item_count for run in runs.items] == [1]


async def test_resolve_repeated_with_its_request_id_answers_the_order(
    api: SyncApi, engine: Engine, ebay: Channel, hub: FakeHub, platform: FakePlatform
) -> None:
    platform.buy("MYSTERY")
    async with running(engine.supervisor.run):

        async def needs_attention() -> bool:
            return [order.status for order in await _orders(api)] == [Order.NEEDS_ATTENTION]

        await until(needs_attention)
    (order,) = await _orders(api)
    assert order.reason == Order.UNKNOWN_SKU
    request = sync_service_pb2.ResolveOrderRequest(id=order.id, request_id="resolve-1")
    request.mappings.add(line_id="1", sku="00845")
    first = await api.call("ResolveOrder", request, "SALES_REP")
    assert (first.status, hub.free[1]) == (Order.SOLD, 2)
    assert await api.call("ResolveOrder", request, "SALES_REP") == first
    request.request_id = "resolve-2"
    with pytest.raises(Refused) as caught:
        await api.call("ResolveOrder", request)
    assert caught.value.reason == "ORDER_NOT_OPEN"


async def test_watch_shows_listings_dropping_to_zero(
    api: SyncApi, engine: Engine, ebay: Channel, hub: FakeHub, platform: FakePlatform
) -> None:
    stream = api.stub.WatchSync(sync_service_pb2.WatchSyncRequest(sku="00845"), metadata=api.metadata("SALES_REP"))
    assert (await stream.read()).HasField("heartbeat")
    hub.free[1] = 0
    async with running(engine.supervisor.run):
        event = await stream.read()
    stream.cancel()
    pushed = event.listing_pushed
    assert (pushed.platform_sku, pushed.quantity, pushed.account) == ("SHOP-1", 0, "MEKONG")
