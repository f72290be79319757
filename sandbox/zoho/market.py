"""Zoho Inventory as one marketplace of the sandbox: one organization, one application, behind one router."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.faults import FaultRule
from sandbox.wire import Answer, Call, Json, Outcome, Refused, Router
from sandbox.world import CannotRefund, Purchase, UnknownOrder, Usage, WantedLine, World
from sandbox.zoho import tokens as oauth
from sandbox.zoho.adjustments import Adjustments
from sandbox.zoho.edits import edit_order
from sandbox.zoho.errors import INTERNAL, NO_ORGANIZATION, PER_MINUTE, TOKEN_INVALID, bare_ids, failure, refuse, success
from sandbox.zoho.hooks import SIGNING_SECRET, Hooks
from sandbox.zoho.items import Items
from sandbox.zoho.limits import Limits
from sandbox.zoho.orders import SalesOrders
from sandbox.zoho.sales import confirm_order, place_order, void_order
from sandbox.zoho.shipping import Shipping
from sandbox.zoho.state import DRAFT, VOID, SalesOrder
from sandbox.zoho.store import PLATFORM, Store
from sandbox.zoho.views import ORGANIZATION_ID

_TOKEN_PATH = "/oauth/v2/token"
_CONSENT_PATH = "/oauth/v2/auth"
_ORGANIZATIONS = "/inventory/v1/organizations"


class Zoho:
    """Implements `Market`."""

    platform = PLATFORM

    def __init__(self, world: World) -> None:
        self.world = world
        self.usage = Usage()
        self.tokens = oauth.Tokens(world)
        self.limits = Limits(world)
        self.store = Store(world, Hooks(world, PLATFORM, oauth.ACCOUNT))
        self.router = Router()
        self.router.add("token", f"POST {_TOKEN_PATH}", self.tokens.issue)
        self.router.add("authorize", f"GET {_CONSENT_PATH}", self.tokens.consent.page)
        self.router.add("list_organizations", f"GET {_ORGANIZATIONS}", self._organizations)
        for part in (Items(self.store), Adjustments(self.store), SalesOrders(self.store), Shipping(self.store)):
            part.add_routes(self.router)
        world.keeper.register("zoho.webhook_url", self._dump_webhook_url, self._restore_webhook_url)

    def identify(self, call: Call) -> None:
        """Finds operation, path variables and account."""
        found = self.router.find(call.method, call.path)
        if found is not None:
            call.route, call.params = found
            call.operation = f"zoho.{call.route.operation}"
        call.account = self.tokens.account_of(call)

    def handle(self, call: Call) -> Outcome:
        """Checks token, limits and organization, then answers."""
        try:
            if call.route is None:
                raise refuse(404, 5, "Invalid URL Passed")
            if call.path == _CONSENT_PATH:
                return self.tokens.consent.page(call)
            if call.path == _TOKEN_PATH:
                return self._token(call)
            self._admit(call)
            answer: Answer = call.route.handler(call)
        except Refused as refused:
            return refused.answer
        if self.world.switches.zoho.bare_ids and isinstance(answer.body, dict):
            answer.body = bare_ids(answer.body)
        return answer

    def fault_answer(self, status: int, code: int) -> Answer:
        """An error message; with status 200 it is told by its code alone."""
        usual = {429: (PER_MINUTE, "You have exceeded the maximum number of requests per minute."), 503: (INTERNAL, "")}
        error_code, message = usual.get(status, (INTERNAL, ""))
        return failure(
            status, code or error_code, message or "Sorry, your request could not be processed: internal error."
        )

    def revoke(self, call: Call, rule: FaultRule) -> Answer:
        """Forgets the token, or the consent; a refresh then meets invalid_code."""
        if rule.kind == "token_revoked":
            self.tokens.revoke()
        self.tokens.forget(call)
        return failure(401, TOKEN_INVALID, "Invalid value passed for authtoken.")

    def accounts(self) -> list[Json]:
        """The one organization."""
        base = f"{self.world.base_url}/zoho"
        return [
            {
                "platform": PLATFORM,
                "account": oauth.ACCOUNT,
                "display_name": "Zoho Inventory (sandbox)",
                "api_base_url": base,
                "token_url": base + _TOKEN_PATH,
                "credentials": {
                    "client_id": oauth.CLIENT_ID,
                    "client_secret": oauth.CLIENT_SECRET,
                    "refresh_token": oauth.REFRESH_TOKEN,
                    "organization_id": ORGANIZATION_ID,
                },
                "site": "US",
                "options": {
                    "requests_per_minute": self.world.switches.zoho.requests_per_minute,
                    "requests_per_day": self.world.switches.zoho.requests_per_day,
                    "adjustment_reason": "Inventory Revaluation",
                    "authorize_url": base + _CONSENT_PATH,
                },
                "webhook": {
                    "setup": "workflow",
                    "configure_url": f"{self.world.base_url}/_control/webhooks",
                    "url": self.world.switches.zoho.webhook_url,
                    "signing_secret": SIGNING_SECRET,
                },
            }
        ]

    def set_webhook_url(self, url: str) -> None:
        """The address of the workflow's webhook, secret and all; empty stops the messages."""
        self.world.switches.zoho.webhook_url = url
        self.world.keeper.touch("zoho.webhook_url", "organization")

    def buy(self, purchase: Purchase) -> Json:
        """A sales order is made and told of."""
        return _summary(self.store, place_order(self.store, purchase))

    def cancel(self, order_id: str, webhook: bool = True) -> Json:
        """Voids an order; one that was shipped stays as it is."""
        order = self._known(order_id)
        if not any(line["shipped"] for line in order.lines):
            void_order(self.store, order, webhook=webhook)
        return _summary(self.store, order)

    def pay(self, order_id: str, webhook: bool = True) -> Json:
        """A draft is confirmed."""
        order = self._known(order_id)
        if order.status == DRAFT:
            confirm_order(self.store, order, webhook=webhook)
        return _summary(self.store, order)

    def refund(self, order_id: str, sku: str, webhook: bool = True) -> Json:
        """Its orders show no refunds."""
        self._known(order_id)
        raise CannotRefund("orders of Zoho do not show refunds")

    def edit(self, order_id: str, lines: Sequence[WantedLine], webhook: bool = True) -> Json:
        """The lines change, what they commit follows, and it is told."""
        order = self._known(order_id)
        edit_order(self.store, order, lines, webhook=webhook)
        return _summary(self.store, order)

    def recent_orders(self, account: str, limit: int) -> list[Json]:
        """The newest first."""
        if account not in {"", oauth.ACCOUNT}:
            return []
        return [_summary(self.store, order) for order in reversed(list(self.store.org.orders.values())[-limit:])]

    def quota(self) -> Json:
        """Use of the minute, the day and the token endpoint."""
        tokens = {"tokens_in_ten_minutes": self.tokens.used, "tokens_refused": self.tokens.refused}
        return {**self.limits.as_json(), **tokens}

    def reset(self) -> None:
        """Back to the first day; the webhook address stays."""
        self.store.clear()
        self.tokens.clear()
        self.limits.clear()
        self.usage.served.clear()
        self.world.keeper.touch("zoho.webhook_url", "organization")

    def _token(self, call: Call) -> Answer:
        answer = self.tokens.issue(call)
        if answer.status != 200:
            self.usage.over_quota += 1
        return answer

    def _admit(self, call: Call) -> None:
        self.tokens.check(call)
        try:
            self.limits.spend()
        except Refused:
            self.usage.over_quota += 1
            raise
        self.usage.count("requests")
        if call.path.rstrip("/") == _ORGANIZATIONS:
            return
        given = call.query.get("organization_id")
        if given != ORGANIZATION_ID:
            message = (
                "organization_id is required" if given is None else "This user is not associated with the organization."
            )
            raise refuse(400, NO_ORGANIZATION, message)

    def _organizations(self, call: Call) -> Answer:
        organization = {
            "organization_id": ORGANIZATION_ID,
            "name": "USAV (sandbox)",
            "is_default_org": True,
            "plan_name": "PROFESSIONAL",
            "time_zone": "America/Los_Angeles",
            "currency_code": "USD",
        }
        return success("success", organizations=[organization])

    def _known(self, order_id: str) -> SalesOrder:
        order = self.store.org.orders.get(order_id)
        if order is None:
            raise UnknownOrder(order_id)
        return order

    def _dump_webhook_url(self, key: str) -> Json:
        return {"url": self.world.switches.zoho.webhook_url}

    def _restore_webhook_url(self, key: str, document: Json) -> None:
        self.world.switches.zoho.webhook_url = document["url"]


def _summary(store: Store, order: SalesOrder) -> Json:
    return {
        "platform": PLATFORM,
        "account": oauth.ACCOUNT,
        "order_id": order.salesorder_id,
        "created_at": order.created_at,
        "payment_status": "PENDING" if order.status == DRAFT else "PAID",
        "fulfillment_status": order.status.upper(),
        "cancelled": order.status == VOID,
        "lines": [{"sku": line["sku"], "title": line["name"], "quantity": line["quantity"]} for line in order.lines],
        "parcels": [
            {"carrier": one.fields["delivery_method"], "tracking_number": one.fields["tracking_number"]}
            for one in store.org.shipments.values()
            if one.salesorder_id == order.salesorder_id
        ],
    }
