"""Ecwid as one marketplace of the sandbox: one store, one application token, behind one router."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.ecwid.batch import Batches
from sandbox.ecwid.combinations import Combinations
from sandbox.ecwid.edits import edit_order
from sandbox.ecwid.errors import failure, refuse
from sandbox.ecwid.events import CLIENT_SECRET, Events
from sandbox.ecwid.orders import Orders, change_order, place_order
from sandbox.ecwid.products import Products
from sandbox.ecwid.state import Order
from sandbox.ecwid.store import ACCOUNT, PLATFORM, STORE_ID, Store
from sandbox.ecwid.throttle import Throttle
from sandbox.faults import FaultRule
from sandbox.wire import Answer, Call, Json, Outcome, Refused, Router
from sandbox.world import CannotRefund, Purchase, UnknownOrder, Usage, WantedLine, World

TOKEN = "secret_sandbox_ecwid_token"  # a fixed one, worth nothing outside this sandbox


class Ecwid:
    """Implements `Market`."""

    platform = PLATFORM

    def __init__(self, world: World) -> None:
        self.world = world
        self.usage = Usage()
        self.events = Events(world, PLATFORM, ACCOUNT, STORE_ID)
        self.store = Store(world, self.events)
        self.throttle = Throttle(world)
        self.batches = Batches(world, PLATFORM, self.identify, self._answer)
        self._revoked = False
        self.router = Router()
        self.router.add("get_profile", "GET /api/v3/{store_id}/profile", self._profile)
        for part in (Products(self.store), Combinations(self.store), Orders(self.store), self.batches):
            part.add_routes(self.router)
        world.keeper.register("ecwid.webhook_url", self._dump_webhook_url, self._restore_webhook_url)

    def identify(self, call: Call) -> None:
        """Finds operation, path variables and account."""
        found = self.router.find(call.method, call.path)
        if found is not None:
            call.route, call.params = found
            call.operation = f"ecwid.{call.route.operation}"
        if _bearer(call) == TOKEN:
            call.account = ACCOUNT

    def handle(self, call: Call) -> Outcome:
        """Checks token, plan and rate, then answers."""
        if call.account != ACCOUNT or self._revoked:
            return failure(403, "Access denied: the token is invalid")
        wait_s = self.throttle.admit()
        if wait_s is not None:
            self.usage.over_quota += 1
            return failure(429, "Too many requests", Retry_After=str(wait_s))
        self.usage.count("requests")
        return self._answer(call)

    def fault_answer(self, status: int, code: int) -> Answer:
        """An error message."""
        return failure(status, {429: "Too many requests", 503: "Service unavailable"}.get(status, "Server error"))

    def revoke(self, call: Call, rule: FaultRule) -> Answer:
        """Ecwid's tokens don't expire; a revoked one means the application was uninstalled."""
        self._revoked = self._revoked or rule.kind == "token_revoked"
        return failure(403, "Access denied: the token is invalid")

    def accounts(self) -> list[Json]:
        """The one store."""
        return [
            {
                "platform": PLATFORM,
                "account": ACCOUNT,
                "display_name": "Ecwid store (sandbox)",
                "api_base_url": f"{self.world.base_url}/ecwid",
                "token_url": "",
                "credentials": {"store_id": str(STORE_ID), "access_token": TOKEN, "client_secret": CLIENT_SECRET},
                "site": "",
                "options": {},
                "webhook": {
                    "setup": "application_settings",
                    "configure_url": f"{self.world.base_url}/_control/webhooks",
                    "url": self.world.switches.ecwid.webhook_url,
                },
            }
        ]

    def set_webhook_url(self, url: str) -> None:
        """The application's one webhook address; empty stops the messages."""
        self.world.switches.ecwid.webhook_url = url
        self.world.keeper.touch("ecwid.webhook_url", "application")

    def buy(self, purchase: Purchase) -> Json:
        """Places the order and tells of it."""
        return _summary(place_order(self.store, purchase))

    def cancel(self, order_id: str, webhook: bool = True) -> Json:
        """Cancels an order and tells of it."""
        order = self._known(order_id)
        changes = {"payment_status": "CANCELLED", "fulfillment_status": "WILL_NOT_DELIVER"}
        change_order(self.store, order, changes, webhook=webhook)
        return _summary(order)

    def pay(self, order_id: str, webhook: bool = True) -> Json:
        """Payment of an unpaid order arrives; nobody pays for a cancelled one."""
        order = self._known(order_id)
        if order.payment_status == "AWAITING_PAYMENT":
            change_order(self.store, order, {"payment_status": "PAID"}, webhook=webhook)
        return _summary(order)

    def refund(self, order_id: str, sku: str, webhook: bool = True) -> Json:
        """All of it, or a part, of which the order does not show for what; the stock stays as it is."""
        order = self._known(order_id)
        if order.payment_status not in {"PAID", "PARTIALLY_REFUNDED"} or sku not in {
            "",
            *(item["sku"] for item in order.items),
        }:
            raise CannotRefund("nothing of that was paid")
        change_order(
            self.store, order, {"payment_status": "PARTIALLY_REFUNDED" if sku else "REFUNDED"}, webhook=webhook
        )
        return _summary(order)

    def edit(self, order_id: str, lines: Sequence[WantedLine], webhook: bool = True) -> Json:
        """The items change, the stock moves by the difference, and it is told."""
        order = self._known(order_id)
        edit_order(self.store, order, lines, webhook=webhook)
        return _summary(order)

    def recent_orders(self, account: str, limit: int) -> list[Json]:
        """The newest first."""
        if account not in {"", ACCOUNT}:
            return []
        return [_summary(order) for order in reversed(list(self.store.orders.values())[-limit:])]

    def quota(self) -> Json:
        """Requests of the last minute."""
        limit = self.world.switches.ecwid.requests_per_minute
        return {"requests_in_last_minute": self.throttle.used, "limit": limit, "refused": self.throttle.refused}

    def reset(self) -> None:
        """Back to the first day; the webhook address stays."""
        self._revoked = False
        self.store.clear()
        self.throttle.clear()
        self.batches.clear()
        self.usage.served.clear()
        self.world.keeper.touch("ecwid.webhook_url", "application")

    def _answer(self, call: Call) -> Answer:
        if self.world.switches.ecwid.suspended:
            return failure(402, "Please upgrade your account to access API")
        try:
            if call.route is None:
                raise refuse(404, "Not found")
            if call.params["store_id"] != str(STORE_ID):
                raise refuse(403, "Access denied: the token belongs to another store")
            answer: Answer = call.route.handler(call)
        except Refused as refused:
            return refused.answer
        return answer

    def _profile(self, call: Call) -> Answer:
        general = {"storeId": STORE_ID, "storeUrl": "https://store.example", "starterSite": {}}
        return Answer(200, {"generalInfo": general, "formatsAndUnits": {"currency": "USD"}})

    def _known(self, order_id: str) -> Order:
        order = self.store.orders.get(order_id)
        if order is None:
            raise UnknownOrder(order_id)
        return order

    def _dump_webhook_url(self, key: str) -> Json:
        return {"url": self.world.switches.ecwid.webhook_url}

    def _restore_webhook_url(self, key: str, document: Json) -> None:
        self.world.switches.ecwid.webhook_url = document["url"]


def _bearer(call: Call) -> str:
    scheme, _, token = call.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _summary(order: Order) -> Json:
    return {
        "platform": PLATFORM,
        "account": ACCOUNT,
        "order_id": order.order_id,
        "created_at": order.created_at,
        "payment_status": order.payment_status,
        "fulfillment_status": order.fulfillment_status,
        "cancelled": order.payment_status == "CANCELLED",
        "lines": [{"sku": item["sku"], "title": item["name"], "quantity": item["quantity"]} for item in order.items],
        "parcels": [
            {"carrier": "", "tracking_number": number.strip()} for number in order.tracking_number.split(",") if number
        ],
    }
