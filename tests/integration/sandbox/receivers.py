"""A webhook endpoint on loopback that remembers what it got and answers as told."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

VERIFICATION_TOKEN = "t" * 40


@dataclass
class Received:
    """One message."""

    body: bytes
    headers: dict[str, str]
    query: dict[str, str]

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Receiver:
    """`async with Receiver() as hook: hook.url`. `statuses` are used up one by one, then 200 is answered."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.statuses: list[int] = []
        self.token = VERIFICATION_TOKEN
        self._came = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/hook", self._take)
        app.router.add_get("/hook", self._challenge)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hook"
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def wait_for(self, count: int) -> list[Received]:
        """The messages once there are so many."""
        async with self._came, asyncio.timeout(5):
            await self._came.wait_for(lambda: len(self.received) >= count)
        return self.received

    async def _take(self, request: web.Request) -> web.Response:
        message = Received(await request.read(), dict(request.headers), dict(request.query))
        status = self.statuses.pop(0) if self.statuses else 200
        async with self._came:
            self.received.append(message)
            self._came.notify_all()
        return web.Response(status=status)

    async def _challenge(self, request: web.Request) -> web.Response:
        text = request.query["challenge_code"] + self.token + self.url
        return web.json_response({"challengeResponse": hashlib.sha256(text.encode()).hexdigest()})
