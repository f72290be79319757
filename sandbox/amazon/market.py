"""Amazon as one marketplace of the sandbox: one seller, one application, one queue, behind one router."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Sequence

from sandbox.amazon import sqs
from sandbox.amazon import tokens as oauth
from sandbox.amazon.buckets import Buckets
from sandbox.amazon.errors import failure, refuse
from sandbox.amazon.feed_run import FeedRun
from sandbox.amazon.feeds import Feeds
from sandbox.amazon.listings import Listings
from sandbox.amazon.notifications import GRANTLESS, Notifications
from sandbox.amazon.order_calls import OrderCalls
from sandbox.amazon.orders import Sales
from sandbox.amazon.queue import QUEUE_ARN, QUEUE_PATH, REGION, Queue
from sandbox.amazon.reading import MARKETPLACE_ID
from sandbox.amazon.state import Order
from sandbox.amazon.store import PLATFORM, Store
from sandbox.amazon.submissions import Submissions
from sandbox.faults import FaultRule
from sandbox.wire import Answer, Call, Json, Outcome, Refused, Router
from sandbox.world import CannotRefund, Purchase, UnknownOrder, Usage, WantedLine, World

_TOKEN_PATH = "/auth/o2/token"
_CONSENT_PATH = "/apps/authorize/consent"
_OPEN = {"token", "authorize", "queue", "upload_document", "download_document"}
_TELLS_RATE = {400, 404}
_CODES = {429: "QuotaExceeded", 503: "ServiceUnavailable"}


class Amazon:
    """Implements `Market`."""

    platform = PLATFORM

    def __init__(self, world: World) -> None:
        self.world = world
        self.usage = Usage()
        self.store = Store(world)
        self.tokens = oauth.Tokens(world)
        self.buckets = Buckets(world)
        self.queue = Queue(world)
        self.notifications = Notifications(self.store, self.queue)
        self.submissions = Submissions(self.store, self.notifications)
        self.sales = Sales(self.store, self.notifications)
        run = FeedRun(self.store, self.submissions, self.notifications)
        self.feeds = Feeds(self.store, self.buckets, run, self.notifications)
        self.router = Router()
        self.router.add("token", f"POST {_TOKEN_PATH}", self.tokens.issue)
        self.router.add("authorize", f"GET {_CONSENT_PATH}", self.tokens.consent.page)
        participations = "GET /sellers/v1/marketplaceParticipations"
        self.router.add("get_marketplace_participations", participations, self._participations)
        parts = (
            Listings(self.store, self.submissions),
            OrderCalls(self.store, self.sales),
            self.feeds,
            self.notifications,
            sqs.QueueCalls(world, self.queue),
        )
        for part in parts:
            part.add_routes(self.router)

    def identify(self, call: Call) -> None:
        """Finds operation, path variables and account."""
        call.account = self.tokens.account_of(call)
        found = self.router.find(call.method, call.path)
        if found is None:
            return
        call.route, call.params = found
        name = call.route.operation
        call.operation = f"amazon.{sqs.operation(call) if name == 'queue' else name}"
        if name in _OPEN - {"token", "authorize"}:
            call.account = oauth.ACCOUNT

    def handle(self, call: Call) -> Outcome:
        """Checks token and rate, then answers."""
        try:
            if call.route is None:
                raise refuse(404, "NotFound", "The resource does not exist.")
            name = call.route.operation
            if name not in _OPEN:
                self._admit(call, name)
            outcome: Outcome = call.route.handler(call)
        except Refused as refused:
            outcome = refused.answer
            self.usage.over_quota += outcome.status == 429
        return outcome if inspect.isawaitable(outcome) else self._stamped(call, outcome)

    def fault_answer(self, status: int, code: int) -> Answer:
        """An error list, without a word about rates."""
        return failure(status, _CODES.get(status, "InternalFailure"), "The request could not be processed.")

    def revoke(self, call: Call, rule: FaultRule) -> Answer:
        """Forgets the token, or the seller's authorization; a refresh then meets invalid_grant."""
        if rule.kind == "token_revoked":
            self.tokens.revoke()
        self.tokens.forget(call)
        details = "The access token you provided has expired."
        return failure(403, "Unauthorized", "Access to requested resource is denied.", details)

    def accounts(self) -> list[Json]:
        """The one seller."""
        base = f"{self.world.base_url}/amazon"
        queue = {"queue_url": base + QUEUE_PATH, "queue_arn": QUEUE_ARN, "aws_region": REGION}
        return [
            {
                "platform": PLATFORM,
                "account": oauth.ACCOUNT,
                "display_name": "Amazon US (sandbox)",
                "api_base_url": base,
                "token_url": base + _TOKEN_PATH,
                "credentials": {
                    "client_id": oauth.CLIENT_ID,
                    "client_secret": oauth.CLIENT_SECRET,
                    "refresh_token": oauth.REFRESH_TOKEN,
                    "seller_id": oauth.SELLER_ID,
                    "application_id": oauth.APPLICATION_ID,
                    "aws_access_key_id": sqs.ACCESS_KEY_ID,
                    "aws_secret_access_key": sqs.SECRET_ACCESS_KEY,
                },
                "site": MARKETPLACE_ID,
                "options": {
                    "marketplace_id": MARKETPLACE_ID,
                    "product_type": "PRODUCT",
                    "authorize_url": base + _CONSENT_PATH,
                    **queue,
                },
                "webhook": {"setup": "sqs", **queue},
            }
        ]

    def buy(self, purchase: Purchase) -> Json:
        """Places the order and tells of it."""
        return _summary(self.sales.place(purchase))

    def cancel(self, order_id: str, webhook: bool = True) -> Json:
        """Cancels an order; one that was shipped stays as it is."""
        order = self._order(order_id)
        self.sales.cancel(order, tell=webhook)
        return _summary(order)

    def pay(self, order_id: str, webhook: bool = True) -> Json:
        """A pending order becomes one to ship."""
        order = self._order(order_id)
        self.sales.pay(order, tell=webhook)
        return _summary(order)

    def refund(self, order_id: str, sku: str, webhook: bool = True) -> Json:
        """Its orders show no refunds."""
        self._order(order_id)
        raise CannotRefund("orders of Amazon do not show refunds")

    def edit(self, order_id: str, lines: Sequence[WantedLine], webhook: bool = True) -> Json:
        """The seller cancels units of lines, or whole lines; nothing can be added."""
        order = self._order(order_id)
        self.sales.edit(order, lines, tell=webhook)
        return _summary(order)

    def recent_orders(self, account: str, limit: int) -> list[Json]:
        """The newest first."""
        if account not in {"", oauth.ACCOUNT}:
            return []
        return [_summary(order) for order in reversed(list(self.store.account.orders.values())[-limit:])]

    def quota(self) -> Json:
        """Tokens left in the buckets, and messages waiting in the queue."""
        return {**self.buckets.as_json(), "queued_messages": len(self.queue)}

    def reset(self) -> None:
        """Back to the first day, without a destination and with an empty queue."""
        self.store.clear()
        self.submissions.clear()
        self.notifications.clear()
        self.queue.clear()
        self.tokens.clear()
        self.buckets.clear()
        self.usage.served.clear()

    def resume(self) -> None:
        """Goes on with what a stop has interrupted."""
        self.feeds.resume()

    def close(self) -> None:
        """Applies what was accepted, so that it is kept."""
        self.store.later.finish()

    def _admit(self, call: Call, name: str) -> None:
        self.tokens.check(call, grantless=name in GRANTLESS)
        self.buckets.spend(name)
        self.usage.count(name)

    def _stamped(self, call: Call, answer: Answer) -> Answer:
        answer.headers["x-amzn-RequestId"] = str(uuid.uuid4())
        rate = self.buckets.rate(call.route.operation) if call.route else 0.0
        if rate and (answer.status < 300 or answer.status in _TELLS_RATE):
            answer.headers["x-amzn-RateLimit-Limit"] = f"{rate:g}"
        return answer

    def _participations(self, call: Call) -> Answer:
        marketplace = {
            "id": MARKETPLACE_ID,
            "name": "Amazon.com",
            "countryCode": "US",
            "defaultCurrencyCode": "USD",
            "defaultLanguageCode": "en_US",
            "domainName": "www.amazon.com",
        }
        participation = {"isParticipating": True, "hasSuspendedListings": False}
        entry = {"marketplace": marketplace, "participation": participation, "storeName": "USAV (sandbox)"}
        return Answer(200, {"payload": [entry]})

    def _order(self, order_id: str) -> Order:
        order = self.store.account.orders.get(order_id)
        if order is None:
            raise UnknownOrder(order_id)
        return order


def _summary(order: Order) -> Json:
    return {
        "platform": PLATFORM,
        "account": oauth.ACCOUNT,
        "order_id": order.order_id,
        "created_at": order.created_at,
        "payment_status": "PAID" if order.paid else "PENDING",
        "fulfillment_status": order.status,
        "cancelled": order.cancelled,
        "lines": [
            {"sku": line["sku"], "title": line["title"], "quantity": line["quantity"]}
            for line in order.lines
            if line["quantity"]
        ],
        "parcels": [{"carrier": one["carrier"], "tracking_number": one["trackingNumber"]} for one in order.packages],
    }
