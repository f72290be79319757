"""Every connector: orders come by polling and by webhook, once read they are the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from sync_svc.channels.base import TOKEN_HEADER, Hint, HintKind, HintQueue, WebhookRefused
from sync_svc.channels.registry import installed_connectors
from tests.contract.channels.market import Market, state


async def test_order_is_polled_and_read_alike(market: Market) -> None:
    await market.settle(state())
    bought = await market.buy("SKU00001", 2)
    orders, _ = await market.all_orders()
    (polled,) = [order for order in orders if order.external_order_id == bought["order_id"]]
    read = await market.channel.get_order(bought["order_id"])
    assert read == polled
    assert polled.paid
    assert not polled.cancelled
    (line,) = polled.lines
    assert (line.platform_sku, line.quantity) == ("SKU00001", 2)
    assert line.line_id


async def test_next_poll_brings_what_changed_since(market: Market) -> None:
    await market.settle(state(quantity=50))
    _, cursor = await market.all_orders()
    bought = await market.buy("SKU00001")
    orders, _ = await market.all_orders(cursor)
    assert bought["order_id"] in {order.external_order_id for order in orders}


async def test_many_orders_are_read_over_all_pages(market: Market) -> None:
    await market.settle(state(quantity=500))
    bought = {(await market.buy("SKU00001", webhook=False))["order_id"] for _ in range(230)}
    orders, _ = await market.all_orders()
    assert bought <= {order.external_order_id for order in orders}


async def test_cancelled_order_says_so(market: Market) -> None:
    await market.settle(state())
    bought = await market.buy("SKU00001", cancel=True)
    read = await market.channel.get_order(bought["order_id"])
    assert read is not None
    assert read.cancelled


async def test_unpaid_order_says_so(market: Market) -> None:
    await market.settle(state())
    bought = await market.buy("SKU00001", paid=False)
    read = await market.channel.get_order(bought["order_id"])
    assert read is not None
    assert not read.paid


async def test_unknown_order_is_none(market: Market) -> None:
    assert await market.channel.get_order("00-00000-00000") is None


class Receiver:
    """The hub's end of the webhooks."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.url = ""
        self.hints: list[Hint] = []
        self.refused = 0
        self.kept: list[tuple[dict[str, str], bytes]] = []
        self._arrived = asyncio.Condition()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits for deliveries until the condition holds."""
        async with asyncio.timeout(10), self._arrived:
            await self._arrived.wait_for(holds)

    async def serve(self, request: web.BaseRequest) -> web.Response:
        if request.method == "GET":
            body = self.market.channel.answer_challenge(self.url, request.query["challenge_code"])
            return web.Response(body=body, content_type="application/json")
        headers = {name.lower(): value for name, value in request.headers.items()}
        headers[TOKEN_HEADER] = request.query.get("token", "")
        body = await request.read()
        async with self._arrived:
            self.kept.append((headers, body))
            try:
                self.hints += await self.market.channel.verify_webhook(headers, body)
            except WebhookRefused:
                self.refused += 1
            self._arrived.notify_all()
        return web.Response(status=204)

    async def read_queue(self, queue: HintQueue) -> None:
        """The hub's end of a queue; a stranger's message counts as refused."""
        while True:
            queued = await queue.receive_hints()
            async with self._arrived:
                self.hints += queued.hints
                self.refused += sum(hint.kind is HintKind.IGNORED for hint in queued.hints)
                self._arrived.notify_all()
            if queued.receipts:
                await queue.settle_hints(queued)


@asynccontextmanager
async def connected(market: Market) -> AsyncIterator[Receiver]:
    receiver = Receiver(market)
    if isinstance(market.channel, HintQueue):
        await market.channel.connect_webhooks("")
        await market.channel.connect_webhooks("")
        reading = asyncio.create_task(receiver.read_queue(market.channel))
        try:
            yield receiver
        finally:
            reading.cancel()
        return
    server = web.Server(receiver.serve)
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}/api/v1/webhooks/{market.platform.lower()}/1"
    try:
        learned = await market.channel.connect_webhooks(receiver.url)
        # What was learned is part of the channel from then on, as the hub keeps it.
        settings = replace(market.settings, webhook={**market.settings.webhook, **learned})
        receiver.market = replace(market, channel=installed_connectors().create(settings))
        await receiver.market.channel.connect_webhooks(receiver.url)
        yield receiver
        await receiver.market.channel.aclose()
    finally:
        await runner.cleanup()


async def test_sale_is_told_by_a_genuine_webhook(market: Market) -> None:
    await market.settle(state())
    async with connected(market) as receiver:
        bought = await market.buy("SKU00001")
        await receiver.until(lambda: any(hint.kind is HintKind.ORDER for hint in receiver.hints))
        (hint,) = [hint for hint in receiver.hints if hint.kind is HintKind.ORDER]
        assert hint.event_id
        read = await market.channel.get_order(hint.external_id)
        assert read is not None
        assert read.external_order_id == bought["order_id"]


async def test_forged_webhook_is_refused(market: Market) -> None:
    await market.settle(state())
    async with connected(market) as receiver:
        await market.fault("forged")
        await market.buy("SKU00001")
        await receiver.until(lambda: bool(receiver.refused and receiver.hints))


async def test_webhook_without_its_signature_is_refused(market: Market) -> None:
    if isinstance(market.channel, HintQueue):
        pytest.skip("only the platform itself can put anything into the queue")
    await market.settle(state())
    async with connected(market) as receiver:
        await market.buy("SKU00001")
        await receiver.until(lambda: bool(receiver.kept))
        headers, body = receiver.kept[0]
        bare = {name: value for name, value in headers.items() if "signature" not in name and name != TOKEN_HEADER}
        with pytest.raises(WebhookRefused):
            await receiver.market.channel.verify_webhook(bare, body)
