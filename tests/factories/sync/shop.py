"""A shop on all four marketplaces of a sandbox: some variants listed everywhere, kept right by several sync processes at once,
with buyers, webhooks and queues as in the world."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from aiohttp import web
from sqlalchemy import text

from chassis.database import Database
from chassis.errors import HubError, Unavailable
from sandbox.call_log import LogFilter
from sandbox.sandbox import Sandbox
from sync_svc.channels.base import TOKEN_HEADER
from sync_svc.domain.channel import Channel
from sync_svc.operations.channels import connect_webhooks
from sync_svc.operations.webhooks import answer_challenge, receive_webhook
from tests.factories.sync.engine import Engine, until
from tests.factories.sync.sandboxed import ACCOUNTS, Box, add_channel, replica
from tests.factories.sync.upstream import FakeHub

# What is shown here is not about quotas, which would make it last for minutes.
EASED: dict[str, Any] = {
    "zoho": {"requests_per_minute": 0, "requests_per_day": 0, "tokens_per_ten_minutes": 0},
    "ecwid": {"requests_per_minute": 0, "batch_delay_ms": 5.0},
    "ebay": {"revisions_per_day": 0},
    "amazon": {"rate_scale": 1000.0, "search_lag_s": 0.0, "apply_delay_ms": 5.0},
}
EASED_OPTIONS: dict[str, dict[str, Any]] = {
    "ECWID": {"requests_per_minute": 0},
    "AMAZON": {"send_content": True, "queue_wait_s": 0.1},
}


_STORED = (
    text("SELECT channel_id, external_order_id, status, platform_status, cancelled, modified_at, message"
         " FROM sync.channel_order ORDER BY id"),
    text("SELECT channel_id, sku, status, desired_generation, synced_generation, pushed_quantity, shown_is_sure, last_synced_at"
         " FROM sync.listing ORDER BY id"),
    text("SELECT id, order_cursor, last_poll_at, next_poll_at, poll_lease_until, blocked_until FROM sync.channel ORDER BY id"),
)  # fmt: skip


class Replica:
    """One sync process of the shop, which can die."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to work."""
        self._tasks = [asyncio.create_task(run()) for run in (self.engine.supervisor.run, self.engine.feed.run)]

    async def stop(self) -> None:
        """End whatever is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []


@dataclass
class Shop:
    """What a storm rages over."""

    sandbox: Sandbox
    box: Box
    hub: FakeHub
    replicas: list[Replica]
    channels: list[Channel] = field(default_factory=list)

    @property
    def engine(self) -> Engine:
        """Any of the processes."""
        return self.replicas[0].engine

    @property
    def skus(self) -> dict[str, int]:
        """SKU to variant."""
        return {sku: variant_id for variant_id, (sku, _) in self.hub.variants.items()}

    async def list_everywhere(self, variants: int, units: int, *, poll_interval_s: int = 5) -> None:
        """Variants with so many units each, on every channel."""
        for platform, account in ACCOUNTS:
            options = EASED_OPTIONS.get(platform)
            values: dict[str, Any] = {"options": options, "poll_interval_s": poll_interval_s}
            self.channels.append(await add_channel(self.engine, self.box, platform, account, **values))
        for variant_id in range(1, variants + 1):
            sku = f"{variant_id:05}"
            self.hub.add(variant_id, sku, units, "49.99")
            for channel in self.channels:
                await self.engine.add_listing(channel, variant_id, sku)

    async def connect(self) -> None:
        """Has the marketplaces tell of orders."""
        for channel in self.channels:
            await connect_webhooks(self.engine.desk, channel.id)
            if channel.platform == "ECWID":
                url = f"{self.engine.public_url}/api/v1/webhooks/ecwid/{channel.id}"
                await self.box.post("webhooks", platform="ECWID", url=url)

    async def buy(self, platform: str, lines: list[dict[str, Any]]) -> str:
        """A buyer buys and pays; the id of the order, once the hub has applied it."""
        body = {"platform": platform, "account": dict(ACCOUNTS)[platform], "lines": lines, "paid": True}
        answer = await self.box.client.post("/_control/buy", json=body)
        assert answer.status_code == 201, answer.text
        await self.settled(30)
        return str(answer.json()["order_id"])

    async def edit(self, order_id: str, lines: list[dict[str, Any]], webhook: bool = True) -> int:
        """A seller gives an order exactly these lines; the status that the sandbox answers with."""
        body = {"lines": lines, "webhook": webhook}
        return (await self.box.client.post(f"/_control/orders/{order_id}/edit", json=body)).status_code

    # -- what is true ---------------------------------------------------------------------------------------------

    def wrong_shelves(self) -> list[str]:
        """What the marketplaces show that is not what the hub has."""
        wrong = []
        for platform, account in ACCOUNTS:
            for sku, variant_id in self.skus.items():
                shown = self.sandbox.shelves.get(platform, account, sku)
                free = self.hub.free[variant_id]
                if (shown.quantity if shown else 0) != free:
                    wrong.append(f"{platform} {sku}: {shown.quantity if shown else 'nothing'}, not {free}")
        return wrong

    def doubled_listings(self) -> list[str]:
        """Offers and items that were made twice."""
        sellers = self.sandbox.ebay.store.sellers
        offers = [offer.sku for offer in sellers["MEKONG"].offers.values()]
        items = [str(item.fields.get("sku")) for item in self.sandbox.zoho.store.org.items.values()]
        return sorted({sku for made in (offers, items) for sku in made if made.count(sku) > 1})

    def wrong_orders(self) -> list[str]:
        """Orders of the marketplaces that were not applied exactly once."""
        wanted = dict(self._wanted_lines())
        held = {(key[0], self.hub.held[key][0]): self.hub.held[key][1] for key in self.hub.held}
        doubled = [f"{key} twice" for key, count in _counted(self.hub.held).items() if count > 1]
        missing = [
            f"{key}: {wanted[key]} ordered, {held.get(key)} held" for key in wanted if held.get(key) != wanted[key]
        ]
        return doubled + missing + [f"{key} held and not ordered" for key in held if key not in wanted]

    def _wanted_lines(self) -> Iterable[tuple[tuple[str, int], int]]:
        for platform, account in ACCOUNTS:
            for order in self.sandbox.markets[platform].recent_orders(account, 10_000):
                if not order["cancelled"]:
                    reference = f"{platform}-{account}-{order['order_id']}"
                    for line in order["lines"]:
                        if line.get("refunded"):
                            continue
                        yield (reference, self.skus[line["sku"]]), line["quantity"]

    async def unfinished(self) -> list[str]:
        """What the hub still has to do."""
        async with self.engine.db.read.connect() as conn:
            listings = await conn.execute(
                text("SELECT channel_id, sku, status, error_message FROM sync.listing WHERE status <> 'SYNCED'")
            )
            orders = await conn.execute(
                text("SELECT channel_id, external_order_id, error_message FROM sync.order_task")
            )
            return [str(tuple(row)) for row in (*listings, *orders)]

    async def what_is_stored(self) -> list[str]:
        """Orders, listings and looks for orders as the hub has them, to see a trouble's reason by."""
        async with self.engine.db.read.connect() as conn:
            return [str(tuple(row)) for statement in _STORED for row in await conn.execute(statement)]

    def _last_told(self) -> list[str]:
        """The last calls of each marketplace that told quantities."""
        told = [list(self.sandbox.log.entries(LogFilter(platform=each, sets_quantity=True))) for each, _ in ACCOUNTS]
        return [f"{call.time:.3f} {call.platform} {dict(call.quantities)} {call.status} {call.fault}" for calls in told
                for call in calls[-12:]]  # fmt: skip

    async def troubles(self) -> list[str]:
        """Everything that is not as it should be."""
        return [
            *self.wrong_shelves(),
            *self.wrong_orders(),
            *self.doubled_listings(),
            *(await self.unfinished()),
        ]

    async def look_for_orders(self) -> None:
        """Have every channel polled now."""
        async with self.engine.db.transaction() as conn:
            await conn.execute(text("UPDATE sync.channel SET next_poll_at = clock_timestamp()"))
        for one in self.replicas:
            one.engine.alarms.polls.ring({channel.id: 0.0 for channel in self.channels})

    async def settled(self, timeout_s: float) -> None:
        """Wait until nothing is wrong; says what is when it takes too long."""
        try:
            await until(self._is_settled, timeout_s=timeout_s)
        except TimeoutError:
            print(*await self.what_is_stored(), *self._last_told(), sep="\n")
            raise AssertionError(f"after {timeout_s:.0f} s: {await self.troubles()}") from None

    async def _is_settled(self) -> bool:
        await asyncio.sleep(0.02)
        return not self.wrong_shelves() and not self.wrong_orders() and not await self.troubles()


def _counted(held: dict[tuple[str, str], tuple[int, int, bool]]) -> dict[tuple[str, int], int]:
    counts: dict[tuple[str, int], int] = {}
    for (reference, _), (variant_id, _, _) in held.items():
        counts[reference, variant_id] = counts.get((reference, variant_id), 0) + 1
    return counts


@asynccontextmanager
async def open_shop(db: Database, *, replicas: int, **engine: Any) -> AsyncIterator[Shop]:
    """A shop with nothing listed, whose processes do not work yet."""
    hub = FakeHub()
    async with Sandbox(0, None) as sandbox, httpx2.AsyncClient(base_url=sandbox.url, trust_env=False) as client:
        box = Box(client)
        await box.switch(**EASED)
        shop = Shop(sandbox, box, hub, [])
        async with _addressed(shop) as public_url:
            engines = [
                replica(db, hub, owner=f"replica-{number}", public_url=public_url, **engine)
                for number in range(replicas)
            ]
            shop.replicas = [Replica(one) for one in engines]
            try:
                yield shop
            finally:
                for one in shop.replicas:
                    await one.stop()
                    await one.engine.connectors.aclose()


@asynccontextmanager
async def _addressed(shop: Shop) -> AsyncIterator[str]:
    """The hub's address for webhooks; any process takes them."""

    async def serve(request: web.Request) -> web.Response:
        platform, channel_id = request.match_info["platform"], int(request.match_info["channel_id"])
        try:
            if request.method == "GET":
                code = request.query["challenge_code"]
                answer = await answer_challenge(shop.engine.desk, platform, channel_id, code)
                return web.Response(body=answer, content_type="application/json")
            headers = {name.lower(): value for name, value in request.headers.items()}
            headers[TOKEN_HEADER] = request.query.get("token", "")
            await receive_webhook(shop.engine.desk, platform, channel_id, headers, await request.read())
        except Unavailable:
            return web.Response(status=503)
        except HubError:
            return web.Response(status=403)
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/api/v1/webhooks/{platform}/{channel_id}", serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
