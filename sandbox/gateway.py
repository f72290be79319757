"""Between the socket and a marketplace: reads the call, lets the switchboard spoil it, answers, and writes the log."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import web

from sandbox.faults import FaultRule
from sandbox.wire import Answer, Call, Outcome
from sandbox.world import Market, World

_HANG_S = 30.0
_BEFORE = {"timeout_before", "reset_before"}
_CUT = {"timeout_before", "timeout_after", "reset_before", "reset_after"}
_HTML = (
    b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
    b"<body><h1>Bad Gateway</h1><p>The server returned an invalid response.</p></body></html>"
)


class ConnectionCut(Exception):
    """The connection was closed instead of answering."""


class Gateway:
    """Serves the calls of one marketplace under its name."""

    def __init__(self, world: World, market: Market) -> None:
        self._world = world
        self._market = market
        self._prefix = f"/{market.platform.lower()}"

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one request. Raises ConnectionCut when a fault cut the line."""
        started = time.perf_counter()
        call = await _read(request, self._prefix)
        self._market.identify(call)
        latency_ms = self._world.switches.latency_ms
        if latency_ms:
            await asyncio.sleep(latency_ms / 1000)
        rule = self._world.faults.pick_call(self._market.platform, call.account, call.operation, self._searched(call))
        try:
            answer = await self._answer(call, rule)
        except ConnectionCut:
            self._log(call, 0, started, rule)
            if request.transport is not None:
                request.transport.abort()
            raise
        self._log(call, answer.status, started, rule)
        return _response(answer)

    async def _answer(self, call: Call, rule: FaultRule | None) -> Answer:
        if rule is None:
            return await _settled(self._market.handle(call))
        if rule.kind in _CUT:
            return await self._cut(call, rule)
        return await self._spoiled(call, rule)

    async def _cut(self, call: Call, rule: FaultRule) -> Answer:
        if rule.kind not in _BEFORE:
            await _settled(self._market.handle(call))
        if rule.kind.startswith("timeout"):
            await asyncio.sleep(rule.wait_s(_HANG_S))
        raise ConnectionCut

    async def _spoiled(self, call: Call, rule: FaultRule) -> Answer:
        market = self._market
        if rule.kind == "slow":
            await asyncio.sleep(rule.wait_s(1.0))
            return await _settled(market.handle(call))
        if rule.kind == "malformed_json":
            answer = await _settled(market.handle(call))
            payload = answer.payload() or b"{}"
            return Answer(answer.status, headers=answer.headers, raw=payload[: len(payload) * 2 // 3])
        if rule.kind == "server_error_after":
            await _settled(market.handle(call))
        if rule.kind in {"token_expired", "token_revoked"}:
            return market.revoke(call, rule)
        return self._failed(rule)

    def _failed(self, rule: FaultRule) -> Answer:
        if rule.kind == "html_page":
            return Answer(rule.status or 502, raw=_HTML, content_type="text/html")
        if rule.kind == "error_in_200":
            return Answer(200, self._market.fault_answer(500, rule.code).body)
        if rule.kind == "rate_limited":
            answer = self._market.fault_answer(rule.status or 429, rule.code)
            if rule.retry_after is not None:
                answer.headers["Retry-After"] = str(rule.retry_after)
            return answer
        return self._market.fault_answer(rule.status or 500, rule.code)

    def _searched(self, call: Call) -> str:
        if not any(rule.sku for rule in self._world.faults.rules):
            return ""
        return f"{call.path} {call.raw_query} {call.body.decode('utf-8', 'replace')}"

    def _log(self, call: Call, status: int, started: float, rule: FaultRule | None) -> None:
        self._world.log.add(self._market.platform, call, status, started=started, fault=rule.kind if rule else "")


async def _settled(outcome: Outcome) -> Answer:
    return await outcome if inspect.isawaitable(outcome) else outcome


async def _read(request: web.BaseRequest, prefix: str) -> Call:
    path, _, raw_query = request.raw_path.removeprefix(prefix).partition("?")
    headers: Mapping[str, str] = request.headers
    return Call(
        method=request.method,
        path=path,
        query=dict(parse_qsl(raw_query, keep_blank_values=True)) if raw_query else {},
        raw_query=raw_query,
        headers=headers,
        body=await request.read() if request.body_exists else b"",
    )


def _response(answer: Answer) -> web.Response:
    payload = answer.payload()
    return web.Response(
        status=answer.status,
        body=payload,
        headers=answer.headers,
        content_type=answer.content_type if payload else None,
    )
