"""eBay as one marketplace of the sandbox: three sellers under one application, behind one router."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from sandbox.ebay import tokens as oauth
from sandbox.ebay.account import Account
from sandbox.ebay.destinations import Destinations
from sandbox.ebay.errors import envelope, error, refuse
from sandbox.ebay.items import Items
from sandbox.ebay.offers import Offers
from sandbox.ebay.order_calls import OrderCalls
from sandbox.ebay.orders import cancel_order, pay_order, payment_status, place_order, refund_lines
from sandbox.ebay.price_quantity import PriceQuantity
from sandbox.ebay.quotas import Quotas
from sandbox.ebay.state import Order, Seller
from sandbox.ebay.store import CATEGORY_ID, LOCATION_KEY, MARKETPLACE_ID, PLATFORM, Store, policy_ids
from sandbox.ebay.subscriptions import Subscriptions
from sandbox.faults import FaultRule
from sandbox.wire import Answer, Call, Json, Outcome, Refused, Router
from sandbox.world import CannotEdit, Purchase, UnknownOrder, Usage, WantedLine, World

_TOKEN_PATH = "/identity/v1/oauth2/token"
_CONSENT_PATH = "/oauth2/authorize"
_APIS = {
    "/sell/inventory/": ("inventory", (oauth.INVENTORY,), f"{oauth.INVENTORY}.readonly"),
    "/sell/fulfillment/": ("fulfillment", (oauth.FULFILLMENT,), f"{oauth.FULFILLMENT}.readonly"),
    "/sell/account/": ("account", (oauth.ACCOUNT,), f"{oauth.ACCOUNT}.readonly"),
    "/commerce/notification/v1/subscription": (
        "notification",
        (oauth.PUBLIC, oauth.SUBSCRIPTION),
        f"{oauth.SUBSCRIPTION}.readonly",
    ),
    "/commerce/notification/": ("notification", (oauth.PUBLIC,), ""),
    "/developer/analytics/v1_beta/user_rate_limit": ("analytics", (oauth.INVENTORY,), f"{oauth.INVENTORY}.readonly"),
    "/developer/analytics/": ("analytics", (oauth.PUBLIC,), ""),
}


class Ebay:
    """Implements `Market`."""

    platform = PLATFORM

    def __init__(self, world: World) -> None:
        self.world = world
        self.usage = Usage()
        self.store = Store(world)
        self.tokens = oauth.Tokens(world)
        self.quotas = Quotas(world)
        self.destinations = Destinations(self.store)
        self.subscriptions = Subscriptions(self.store, self.destinations)
        self.router = Router()
        self.router.add("token", f"POST {_TOKEN_PATH}", self.tokens.issue)
        self.router.add("authorize", f"GET {_CONSENT_PATH}", self.tokens.consent.page)
        parts = (
            Items(self.store),
            Offers(self.store),
            PriceQuantity(self.store),
            OrderCalls(self.store),
            self.destinations,
            self.subscriptions,
            Account(self.quotas),
        )
        for part in parts:
            part.add_routes(self.router)

    def identify(self, call: Call) -> None:
        """Finds operation, path variables and account."""
        found = self.router.find(call.method, call.path)
        if found is not None:
            call.route, call.params = found
            call.operation = f"ebay.{call.route.operation}"
        call.account = self.tokens.seller_of(call)

    def handle(self, call: Call) -> Outcome:
        """Checks token, scope and quota, then answers."""
        try:
            if call.route is None:
                raise refuse(404, 2002, "Resource not found")
            if call.path not in (_TOKEN_PATH, _CONSENT_PATH):
                self._authorize(call)
            outcome: Outcome = call.route.handler(call)
        except Refused as refused:
            return refused.answer
        return _guarded(outcome) if inspect.isawaitable(outcome) else outcome

    def fault_answer(self, status: int, code: int) -> Answer:
        """An error envelope; the id is the usual one of the status unless a code is given."""
        usual = {429: (2001, "Too many requests."), 503: (2003, "Service unavailable")}
        error_id, message = usual.get(status, (25001, "A system error has occurred."))
        return envelope(status, error(code or error_id, message))

    def revoke(self, call: Call, rule: FaultRule) -> Answer:
        """Forgets the token, or all of the seller's; a token request then meets invalid_grant."""
        if rule.kind == "token_revoked" and call.account:
            self.tokens.revoke(call.account)
        self.tokens.forget(call)
        return envelope(401, error(1001, "Invalid access token"))

    def accounts(self) -> list[Json]:
        """The three sellers."""
        return [self._account(name) for name in self.store.sellers]

    def buy(self, purchase: Purchase) -> Json:
        """Places the order and pushes it."""
        order = place_order(self.store, purchase)
        if purchase.webhook and purchase.paid:
            self.subscriptions.push_order(order)
        return _summary(order)

    def cancel(self, order_id: str, webhook: bool = True) -> Json:
        """Cancels; eBay sends no message for that, so it shows in the next poll."""
        seller, order = self._order(order_id)
        cancel_order(self.store, seller, order)
        return _summary(order)

    def pay(self, order_id: str, webhook: bool = True) -> Json:
        """Payment arrives, which completes the checkout: the push comes now."""
        seller, order = self._order(order_id)
        if not order.paid:
            pay_order(self.store, seller, order)
            if webhook:
                self.subscriptions.push_order(order)
        return _summary(order)

    def refund(self, order_id: str, sku: str, webhook: bool = True) -> Json:
        """Gives back the whole price of a line, or of all; eBay sends no message for that, so it shows in the next poll."""
        seller, order = self._order(order_id)
        refund_lines(self.store, seller, order, sku)
        return _summary(order)

    def edit(self, order_id: str, lines: Sequence[WantedLine], webhook: bool = True) -> Json:
        """Its orders stay as the buyer placed them."""
        self._order(order_id)
        raise CannotEdit("a buyer's order on eBay cannot be edited")

    def recent_orders(self, account: str, limit: int) -> list[Json]:
        """The newest first."""
        sellers = [self.store.sellers[account]] if account in self.store.sellers else self.store.sellers.values()
        orders = [order for seller in sellers for order in list(seller.orders.values())[-limit:]]
        return [_summary(order) for order in sorted(orders, key=lambda order: -order.created_at)[:limit]]

    def quota(self) -> Json:
        """Today's use of every API."""
        return {"day": self.world.clock.pacific_day(), "apis": self.quotas.rates(), "refused": self.quotas.refused}

    def reset(self) -> None:
        """Back to the first day."""
        self.store.begin()
        self.tokens.clear()
        self.quotas.clear()
        self.destinations.clear()
        self.subscriptions.clear()
        self.destinations.keep_key()
        self.usage.served.clear()

    def _authorize(self, call: Call) -> None:
        api, scopes, readonly = next(entry for prefix, entry in _APIS.items() if call.path.startswith(prefix))
        reading = call.method == "GET" and readonly
        grant = self.tokens.check(call, (*scopes, readonly) if reading else scopes)
        call.account = grant.seller
        try:
            self.quotas.spend(api, grant.seller)
        except Refused:
            self.usage.over_quota += 1
            raise
        self.usage.count(api)

    def _order(self, order_id: str) -> tuple[Seller, Order]:
        found = self.store.find_order(order_id)
        if found is None:
            raise UnknownOrder(order_id)
        return found

    def _account(self, name: str) -> Json:
        base = f"{self.world.base_url}/ebay"
        policies = policy_ids(name)
        return {
            "platform": PLATFORM,
            "account": name,
            "display_name": f"eBay {name} (sandbox)",
            "api_base_url": base,
            "token_url": base + _TOKEN_PATH,
            "credentials": {
                "client_id": oauth.CLIENT_ID,
                "client_secret": oauth.CLIENT_SECRET,
                "refresh_token": oauth.refresh_token_of(name),
            },
            "site": MARKETPLACE_ID,
            "options": {
                "alert_email": "alerts@usav.example",
                "batch_skus": not self.world.switches.ebay.one_sku_per_call,
                "merchant_location_key": LOCATION_KEY,
                "fulfillment_policy_id": policies["fulfillmentPolicyId"],
                "payment_policy_id": policies["paymentPolicyId"],
                "return_policy_id": policies["returnPolicyId"],
                "category_id": CATEGORY_ID,
                "marketplace_id": MARKETPLACE_ID,
                "authorize_url": base + _CONSENT_PATH,
            },
            "webhook": {"setup": "notification_api", "topic": "ORDER_CONFIRMATION"},
        }


async def _guarded(outcome: object) -> Answer:
    try:
        answer: Answer = await outcome  # type: ignore[misc]  # the caller found it awaitable
    except Refused as refused:
        return refused.answer
    return answer


def _summary(order: Order) -> Json:
    return {
        "platform": PLATFORM,
        "account": order.seller,
        "order_id": order.order_id,
        "created_at": order.created_at,
        "payment_status": payment_status(order),
        "fulfillment_status": order.fulfillment_status,
        "cancelled": order.cancelled_at is not None,
        "lines": [
            {"sku": line["sku"], "title": line["title"], "quantity": line["quantity"], "refunded": "refund" in line}
            for line in order.lines
        ],
        "parcels": [
            {"carrier": one.get("shippingCarrierCode", ""), "tracking_number": one.get("shipmentTrackingNumber", "")}
            for one in order.fulfillments
        ],
    }
