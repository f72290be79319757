"""The control plane at /_control: buyers, faults, switches, the call log, shelves and waiting for them. Loopback only.

A page of another origin may not change anything here, whatever a browser on this machine has open.
"""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from sandbox.call_log import LogFilter
from sandbox.courier import is_loopback_url
from sandbox.faults import KINDS, rule_from_json
from sandbox.wire import Answer, Call, Json, Refused, Router
from sandbox.world import CannotBuy, Market, Purchase, UnknownOrder, World

_PAGE = Path(__file__).with_name("page.html")
_MAX_WAIT_S = 300.0


def bad_request(message: str, status: int = 400, **details: object) -> Refused:
    """A refusal of the control plane."""
    return Refused(Answer(status, {"error": message, **details}))


class Control:
    """Handlers of the control plane."""

    def __init__(self, world: World, markets: dict[str, Market], set_webhook_url: Callable[[str], None]) -> None:
        self._world = world
        self._markets = markets
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
            "GET /_control/orders": self._orders,
            "POST /_control/buy": self._buy,
            "POST /_control/orders/{order_id}/cancel": self._cancel,
            "POST /_control/orders/{order_id}/pay": self._pay,
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
        limit, offset = _number(call, "limit", 1000), _number(call, "offset", 0)
        sku = call.query.get("sku")
        found = self._world.shelves.find(_platform(call.query), call.query.get("account", ""), call.query.get("q", ""))
        if sku is not None:
            found = [shown for shown in found if shown.sku == sku]
        items = [shown.as_json() for shown in found[offset : offset + limit]]
        return Answer(200, {"items": items, "total": len(found), "version": self._world.shelves.version})

    async def _wait(self, call: Call) -> Answer:
        key = (_platform(call.query), call.query.get("account", ""), call.query.get("sku", ""))
        if not all(key):
            raise bad_request("platform, account and sku are needed")
        wanted, timeout_s = _number(call, "quantity", 0), min(_seconds(call, "timeout_s", 30.0), _MAX_WAIT_S)
        shown = await self._world.shelves.wait_for(key, wanted, timeout_s)
        present = shown or self._world.shelves.get(*key)
        listing = present.as_json() if present else None
        return Answer(200, {"reached": shown is not None, "listing": listing, "time": time.time()})

    def _log(self, call: Call) -> Answer:
        query = call.query
        status = _number(call, "status", 0) if "status" in query else None
        wanted = LogFilter(
            since=_number(call, "since", 0),
            platform=_platform(query),
            account=query.get("account", ""),
            operation=query.get("operation", ""),
            sku=query.get("sku", ""),
            status=status,
            sets_quantity=query.get("sets_quantity") == "true",
        )
        entries = [entry.as_json() for entry in self._world.log.entries(wanted)]
        limit = _number(call, "limit", 10_000)
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

    def _orders(self, call: Call) -> Answer:
        limit, platform, account = _number(call, "limit", 50), _platform(call.query), call.query.get("account", "")
        markets = [market for name, market in self._markets.items() if platform in {"", name}]
        orders = [order for market in markets for order in market.recent_orders(account, limit)]
        orders.sort(key=lambda order: -order["created_at"])
        return Answer(200, {"items": orders[:limit]})

    def _buy(self, call: Call) -> Answer:
        body = _object(call)
        market, purchase = self._purchase(body)
        try:
            order = market.buy(purchase)
        except CannotBuy as refusal:
            status = 404 if refusal.shown is None else 409
            raise bad_request(str(refusal), status, sku=refusal.sku, shown=refusal.shown) from None
        if body.get("cancel"):
            order = market.cancel(order["order_id"], purchase.webhook)
        return Answer(201, {**order, "time": time.time()})

    def _purchase(self, body: Json) -> tuple[Market, Purchase]:
        market = self._markets.get(str(body.get("platform", "")).upper())
        if market is None:
            raise bad_request("platform: expected one of " + ", ".join(self._markets))
        accounts = {account["account"] for account in market.accounts()}
        account = body.get("account") or (min(accounts) if len(accounts) == 1 else "")
        if account not in accounts:
            raise bad_request("account: expected one of " + ", ".join(sorted(accounts)))
        given = body.get("lines") or [{"sku": body.get("sku"), "quantity": body.get("quantity", 1)}]
        lines = tuple(_line(entry) for entry in given)
        if len({sku for sku, _ in lines}) < len(lines):
            raise bad_request("lines: every SKU once")
        return market, Purchase(account, lines, body.get("paid", True) is True, body.get("webhook", True) is True)

    def _cancel(self, call: Call) -> Answer:
        return self._change_order(call, "cancel")

    def _pay(self, call: Call) -> Answer:
        return self._change_order(call, "pay")

    def _change_order(self, call: Call, verb: str) -> Answer:
        webhook = _object(call).get("webhook", True) is True
        for market in self._markets.values():
            try:
                return Answer(200, getattr(market, verb)(call.params["order_id"], webhook))
            except UnknownOrder:
                continue
        raise bad_request("no such order", 404)

    def _faults(self, call: Call) -> Answer:
        return Answer(200, {"items": [rule.as_json() for rule in self._world.faults.rules], "kinds": KINDS})

    def _set_fault(self, call: Call) -> Answer:
        try:
            rule = rule_from_json(_object(call))
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
            self._world.switches.change(_object(call))
        except ValueError as error:
            raise bad_request(str(error)) from None
        return Answer(200, self._world.switches.as_json())

    def _webhooks(self, call: Call) -> Answer:
        body = _object(call)
        url = body.get("url")
        if str(body.get("platform", "")).upper() != "ECWID":
            raise bad_request("platform: only ECWID has one address per application; eBay takes destinations")
        if not isinstance(url, str) or (url and not is_loopback_url(url)):
            raise bad_request("url: expected a loopback URL, or an empty string")
        self._set_webhook_url(url)
        return Answer(200, {"platform": "ECWID", "url": url})

    def _clock(self, call: Call) -> Answer:
        advance_s = _object(call).get("advance_s", 0)
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


def _object(call: Call) -> Json:
    try:
        body = json.loads(call.body or b"{}")
    except ValueError:
        raise bad_request("the body is not JSON") from None
    if not isinstance(body, dict):
        raise bad_request("the body is not a JSON object")
    return body


def _line(entry: object) -> tuple[str, int]:
    sku, quantity = (entry.get("sku"), entry.get("quantity", 1)) if isinstance(entry, dict) else (None, None)
    if not isinstance(sku, str) or not sku:
        raise bad_request("sku: expected a string")
    if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 1:
        raise bad_request("quantity: expected a whole number from 1")
    return sku, quantity


def _platform(query: object) -> str:
    return str(query.get("platform", "")).upper() if isinstance(query, dict) else ""


def _number(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, str(default))
    if not text.isdecimal():
        raise bad_request(f"{name}: expected a whole number")
    return int(text)


def _seconds(call: Call, name: str, default: float) -> float:
    try:
        value = float(call.query.get(name, default))
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise bad_request(f"{name}: expected seconds")
    return value


def _counted(counts: dict[tuple[str, str, str, int], int]) -> list[Json]:
    names = ("platform", "account", "operation", "status")
    return [{**dict(zip(names, key, strict=True)), "count": count} for key, count in sorted(counts.items())]
