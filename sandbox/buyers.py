"""Buyers: they take what a listing shows, pay or do not, cancel, are refunded. The part of the control plane that plays them.

Sellers give back the price of orders, and edit them.
"""

from __future__ import annotations

import time

from sandbox.questions import bad_request, json_object, platform_of, whole_number
from sandbox.wire import Answer, Call, Json, Refused
from sandbox.world import CannotBuy, CannotEdit, CannotRefund, Market, Purchase, UnknownOrder, WantedLine


class Buyers:
    """Handlers of `buy` and `orders`."""

    def __init__(self, markets: dict[str, Market]) -> None:
        self._markets = markets

    def orders(self, call: Call) -> Answer:
        """The newest orders of all or some accounts."""
        limit, platform = whole_number(call, "limit", 50), platform_of(call.query)
        account = call.query.get("account", "")
        markets = [market for name, market in self._markets.items() if platform in {"", name}]
        orders = [order for market in markets for order in market.recent_orders(account, limit)]
        orders.sort(key=lambda order: -order["created_at"])
        return Answer(200, {"items": orders[:limit]})

    def buy(self, call: Call) -> Answer:
        """One order of one or several lines: all that is wanted, or nothing."""
        body = json_object(call)
        market, purchase = self._purchase(body)
        try:
            order = market.buy(purchase)
        except CannotBuy as refusal:
            raise _not_shown(refusal) from None
        if body.get("cancel"):
            order = market.cancel(order["order_id"], purchase.webhook)
        return Answer(201, {**order, "time": time.time()})

    def _purchase(self, body: Json) -> tuple[Market, Purchase]:
        market = self._markets.get(str(body.get("platform", "")).upper())
        if market is None:
            raise bad_request("platform: expected one of " + ", ".join(self._markets))
        accounts = {account["account"] for account in market.accounts()}
        account = str(body.get("account") or (min(accounts) if len(accounts) == 1 else ""))
        if account not in accounts:
            raise bad_request("account: expected one of " + ", ".join(sorted(accounts)))
        given = body.get("lines") or [{"sku": body.get("sku"), "quantity": body.get("quantity", 1)}]
        lines = tuple(_line(entry) for entry in (given if isinstance(given, list) else [None]))
        if len({sku for sku, _ in lines}) < len(lines):
            raise bad_request("lines: every SKU once")
        return market, Purchase(account, lines, body.get("paid", True) is True, body.get("webhook", True) is True)

    def cancel(self, call: Call) -> Answer:
        """The buyer's cancellation is granted."""
        return self._change_order(call, "cancel")

    def pay(self, call: Call) -> Answer:
        """Payment of an unpaid order arrives."""
        return self._change_order(call, "pay")

    def refund(self, call: Call) -> Answer:
        """The seller gives back the price of the line of a SKU, or of the whole order."""
        sku = json_object(call).get("sku", "")
        if not isinstance(sku, str):
            raise bad_request("sku: expected a string")
        try:
            return self._change_order(call, "refund", sku)
        except CannotRefund as refusal:
            raise bad_request(str(refusal), 409) from None

    def edit(self, call: Call) -> Answer:
        """The seller changes the lines of an order: it then has exactly these."""
        lines = _wanted_lines(json_object(call))
        try:
            return self._change_order(call, "edit", lines)
        except CannotBuy as refusal:
            raise _not_shown(refusal) from None
        except CannotEdit as refusal:
            raise bad_request(str(refusal), 409) from None

    def _change_order(self, call: Call, verb: str, *arguments: object) -> Answer:
        webhook = json_object(call).get("webhook", True) is True
        for market in self._markets.values():
            try:
                return Answer(200, getattr(market, verb)(call.params["order_id"], *arguments, webhook=webhook))
            except UnknownOrder:
                continue
        raise bad_request("no such order", 404)


def _not_shown(refusal: CannotBuy) -> Refused:
    status = 404 if refusal.shown is None else 409
    return bad_request(str(refusal), status, sku=refusal.sku, shown=refusal.shown)


def _wanted_lines(body: Json) -> list[WantedLine]:
    given = body.get("lines")
    if not isinstance(given, list):
        raise bad_request("lines: expected a list")
    return [_wanted_line(entry) for entry in given]


def _wanted_line(entry: object) -> WantedLine:
    sku, quantity = _line(entry)
    instead_of = entry.get("instead_of", "") if isinstance(entry, dict) else ""
    if not isinstance(instead_of, str):
        raise bad_request("instead_of: expected a string")
    return WantedLine(sku, quantity, instead_of)


def _line(entry: object) -> tuple[str, int]:
    sku, quantity = (entry.get("sku"), entry.get("quantity", 1)) if isinstance(entry, dict) else (None, None)
    if not isinstance(sku, str) or not sku:
        raise bad_request("sku: expected a string")
    if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 1:
        raise bad_request("quantity: expected a whole number from 1")
    return sku, quantity
