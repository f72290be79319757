"""The control plane at /_control: buyers, faults, switches, the call log, shelves and waiting for them. Loopback only.

A page of another origin may not change anything here, whatever a browser on this machine has open.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from sandbox.buyers import Buyers
from sandbox.call_log import LogFilter
from sandbox.courier import is_loopback_url
from sandbox.faults import KINDS, rule_from_json
from sandbox.questions import bad_request, json_object, platform_of, seconds_of, whole_number
from sandbox.wire import Answer, Call, Json, Refused, Router
from sandbox.world import Market, World

_PAGE = Path(__file__).with_name("page.html")
_MAX_WAIT_S = 300.0


class Control:
    """Handlers of the control plane."""

    def __init__(
        self, world: World, markets: dict[str, Market], set_webhook_url: dict[str, Callable[[str], None]]
    ) -> None:
        self._world = world
        self._markets = markets
        self._buyers = Buyers(markets)
        self._set_webhook_url = set_webhook_url
        self._started_at = time.time()
        self._router = Router()
        for target, handler in self._routes().items():
            self._router.add("control", target, handler)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one request."""
        try:
            answer = await self._answer(request)
        except Refused as refused:
            answer = refused.answer
        payload = answer.payload()
        kind = answer.content_type if payload else None
        return web.Response(status=answer.status, body=payload, headers=answer.headers, content_type=kind)

    def reset(self) -> None:
        """Every marketplace back to the first day; faults, log and tokens gone."""
        self._world.keeper.forget_all()
        self._world.faults.clear()
        self._world.shelves.clear()
        self._world.log.clear()
        self._world.clock.offset_s = 0.0
        for market in self._markets.values():
            market.reset()
            market.usage.over_quota = 0

    def _routes(self) -> dict[str, Callable[[Call], object]]:
        return {
            "GET /": lambda call: Answer(302, headers={"Location": "/_control/"}),
            "GET /_control": self._page,
            "GET /_control/accounts": self._accounts,
            "GET /_control/listings": self._listings,
            "GET /_control/wait": self._wait,
            "GET /_control/log": self._log,
            "GET /_control/stats": self._stats,
            "GET /_control/deliveries": lambda call: Answer(200, {"items": list(self._world.courier.deliveries)}),
            "GET /_control/orders": self._buyers.orders,
            "POST /_control/buy": self._buyers.buy,
            "POST /_control/orders/{order_id}/cancel": self._buyers.cancel,
            "POST /_control/orders/{order_id}/pay": self._buyers.pay,
            "POST /_control/orders/{order_id}/refund": self._buyers.refund,
            "POST /_control/orders/{order_id}/edit": self._buyers.edit,
            "GET /_control/faults": self._faults,
            "POST /_control/faults": self._set_fault,
            "DELETE /_control/faults": self._clear_faults,
            "DELETE /_control/faults/{rule_id}": self._remove_fault,
            "GET /_control/switches": lambda call: Answer(200, self._world.switches.as_json()),
            "PATCH /_control/switches": self._switch,
            "POST /_control/webhooks": self._webhooks,
            "POST /_control/clock": self._clock,
            "POST /_control/reset": self._reset,
        }

    async def _answer(self, request: web.BaseRequest) -> Answer:
        path, _, raw_query = request.raw_path.partition("?")
        _require_local(request)
        found = self._router.find(request.method, path)
        if found is None:
            raise bad_request("no such control call", 404)
        call = Call(request.method, path, dict(parse_qsl(raw_query)), body=await request.read(), params=found[1])
        outcome = found[0].handler(call)
        answer: Answer = await outcome if inspect.isawaitable(outcome) else outcome
        return answer

    def _page(self, call: Call) -> Answer:
        return Answer(200, raw=_PAGE.read_bytes(), content_type="text/html")

    def _accounts(self, call: Call) -> Answer:
        return Answer(200, [account for market in self._markets.values() for account in market.accounts()])

    def _listings(self, call: Call) -> Answer:
        limit, offset = whole_number(call, "limit", 1000), whole_number(call, "offset", 0)
        sku = call.query.get("sku")
        found = self._world.shelves.find(
            platform_of(call.query), call.query.get("account", ""), call.query.get("q", "")
        )
        if sku is not None:
            found = [shown for shown in found if shown.sku == sku]
        items = [shown.as_json() for shown in found[offset : offset + limit]]
        return Answer(200, {"items": items, "total": len(found), "version": self._world.shelves.version})

    async def _wait(self, call: Call) -> Answer:
        key = (platform_of(call.query), call.query.get("account", ""), call.query.get("sku", ""))
        if not all(key):
            raise bad_request("platform, account and sku are needed")
        wanted, timeout_s = whole_number(call, "quantity", 0), min(seconds_of(call, "timeout_s", 30.0), _MAX_WAIT_S)
        shown = await self._world.shelves.wait_for(key, wanted, timeout_s)
        present = shown or self._world.shelves.get(*key)
        listing = present.as_json() if present else None
        return Answer(200, {"reached": shown is not None, "listing": listing, "time": time.time()})

    def _log(self, call: Call) -> Answer:
        query = call.query
        status = whole_number(call, "status", 0) if "status" in query else None
        wanted = LogFilter(
            since=whole_number(call, "since", 0),
            platform=platform_of(query),
            account=query.get("account", ""),
            operation=query.get("operation", ""),
            sku=query.get("sku", ""),
            status=status,
            sets_quantity=query.get("sets_quantity") == "true",
        )
        entries = [entry.as_json() for entry in self._world.log.entries(wanted)]
        limit = whole_number(call, "limit", 10_000)
        # The newest are kept when there are too many; an older part can be had with a filter.
        shown = entries[-limit:] if limit else []
        return Answer(200, {"items": shown, "total": len(entries), "cursor": self._world.log.cursor})

    def _stats(self, call: Call) -> Answer:
        return Answer(
            200,
            {
                "uptime_s": time.time() - self._started_at,
                "time": time.time(),
                "market_time": self._world.clock.seconds(),
                "shelves_version": self._world.shelves.version,
                "log_cursor": self._world.log.cursor,
                "listings": len(self._world.shelves),
                "calls": _counted(self._world.log.counts),
                "over_quota": {name: market.usage.over_quota for name, market in self._markets.items()},
                "quota": {name: market.quota() for name, market in self._markets.items()},
                "webhooks": dict(self._world.courier.counts),
            },
        )

    def _faults(self, call: Call) -> Answer:
        return Answer(200, {"items": [rule.as_json() for rule in self._world.faults.rules], "kinds": KINDS})

    def _set_fault(self, call: Call) -> Answer:
        try:
            rule = rule_from_json(json_object(call))
        except ValueError as error:
            raise bad_request(str(error)) from None
        return Answer(201, self._world.faults.add(rule).as_json())

    def _clear_faults(self, call: Call) -> Answer:
        self._world.faults.clear()
        return Answer(204)

    def _remove_fault(self, call: Call) -> Answer:
        if not self._world.faults.remove(call.params["rule_id"]):
            raise bad_request("no such fault", 404)
        return Answer(204)

    def _switch(self, call: Call) -> Answer:
        try:
            self._world.switches.change(json_object(call))
        except ValueError as error:
            raise bad_request(str(error)) from None
        return Answer(200, self._world.switches.as_json())

    def _webhooks(self, call: Call) -> Answer:
        body = json_object(call)
        url, platform = body.get("url"), platform_of(body)
        if platform not in self._set_webhook_url:
            raise bad_request("platform: only ECWID and ZOHO have one address; eBay and Amazon take destinations")
        if not isinstance(url, str) or (url and not is_loopback_url(url)):
            raise bad_request("url: expected a loopback URL, or an empty string")
        self._set_webhook_url[platform](url)
        return Answer(200, {"platform": platform, "url": url})

    def _clock(self, call: Call) -> Answer:
        advance_s = json_object(call).get("advance_s", 0)
        if isinstance(advance_s, bool) or not isinstance(advance_s, int | float):
            raise bad_request("advance_s: expected a number of seconds")
        self._world.clock.advance(advance_s)
        return Answer(200, {"market_time": self._world.clock.seconds(), "offset_s": self._world.clock.offset_s})

    def _reset(self, call: Call) -> Answer:
        self.reset()
        return Answer(204)


def _require_local(request: web.BaseRequest) -> None:
    host = urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
    origin = request.headers.get("Origin")
    if not is_loopback_url(f"http://{host if ':' not in host else f'[{host}]'}"):
        raise bad_request("the control plane answers to loopback names only", 403)
    if origin is not None and urlsplit(origin).netloc != request.headers.get("Host"):
        raise bad_request("the control plane takes no calls from other origins", 403)


def _counted(counts: dict[tuple[str, str, str, int], int]) -> list[Json]:
    names = ("platform", "account", "operation", "status")
    return [{**dict(zip(names, key, strict=True)), "count": count} for key, count in sorted(counts.items())]
