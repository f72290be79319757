"""The sandbox as one object: marketplaces, control plane and page behind one loopback port, startable in any event loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from sandbox.amazon.market import Amazon
from sandbox.call_log import CallLog
from sandbox.clock import MarketClock
from sandbox.control import Control
from sandbox.courier import Courier
from sandbox.ebay.market import Ebay
from sandbox.ecwid.market import Ecwid
from sandbox.faults import Switchboard
from sandbox.gateway import ConnectionCut, Gateway
from sandbox.keeper import Keeper
from sandbox.shelves import Shelves
from sandbox.switches import Switches
from sandbox.world import Market, World
from sandbox.zoho.market import Zoho

_MAX_BODY_BYTES = 32 * 1024 * 1024


class Sandbox:
    """`async with Sandbox(port=0) as box: box.url`. With a state file, listings and ids outlive the object."""

    def __init__(self, port: int = 0, state_file: Path | None = None, switches: Switches | None = None) -> None:
        self._port = port
        self.faults = Switchboard()
        self.log = CallLog()
        self.shelves = Shelves()
        self.clock = MarketClock()
        self.switches = switches or Switches()
        self.courier = Courier(self.faults)
        self.keeper = Keeper(state_file)
        self.courier.time_scale = lambda: self.switches.webhook_time_scale
        self.world = World(
            clock=self.clock,
            shelves=self.shelves,
            switches=self.switches,
            courier=self.courier,
            keeper=self.keeper,
            log=self.log,
            faults=self.faults,
        )
        self.ebay = Ebay(self.world)
        self.ecwid = Ecwid(self.world)
        self.zoho = Zoho(self.world)
        self.amazon = Amazon(self.world)
        markets: tuple[Market, ...] = (self.ebay, self.ecwid, self.zoho, self.amazon)
        self.markets = {market.platform: market for market in markets}
        self.control = Control(
            self.world, self.markets, {"ECWID": self.ecwid.set_webhook_url, "ZOHO": self.zoho.set_webhook_url}
        )
        self._gateways = {f"/{market.platform.lower()}/": Gateway(self.world, market) for market in markets}
        self._runner: web.ServerRunner | None = None
        self._writer: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where the sandbox listens."""
        return self.world.base_url

    async def start(self) -> None:
        """Restores what was kept and listens on loopback. Raises OSError when the port is taken."""
        self.keeper.load()
        self.ebay.destinations.keep_key()
        server = web.Server(self._serve, request_factory=_make_request, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.world.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._writer = asyncio.get_running_loop().create_task(self.keeper.run())
        self.amazon.resume()

    async def stop(self) -> None:
        """Stops listening and writes what changed."""
        if self._writer is not None:
            self._writer.cancel()
            with suppress(asyncio.CancelledError):
                await self._writer
        if self._runner is not None:
            await self._runner.cleanup()
        self.ecwid.batches.clear()
        self.amazon.close()
        await self.courier.close()
        await self.keeper.flush()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        for prefix, gateway in self._gateways.items():
            if request.raw_path.startswith(prefix):
                try:
                    return await gateway.serve(request)
                except ConnectionCut:
                    return web.Response(status=499)
        return await self.control.serve(request)


def _make_request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_MAX_BODY_BYTES)
