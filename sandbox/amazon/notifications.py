"""Destinations and subscriptions, and sending to them. The faults of webhooks strike here too.

Destinations are the application's: they take its token. A subscription by type is the seller's.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sandbox.amazon.errors import invalid_input, not_found, refuse
from sandbox.amazon.messages import ORDER_CHANGE, TYPES, Envelope, Writer, new_id
from sandbox.amazon.queue import QUEUE_ARN, Queue
from sandbox.amazon.reading import document, text
from sandbox.amazon.state import Subscription
from sandbox.amazon.store import PLATFORM, Store
from sandbox.amazon.tokens import ACCOUNT
from sandbox.faults import FaultRule
from sandbox.wire import Answer, Call, Json, Router

GRANTLESS = {
    "create_destination",
    "get_destinations",
    "get_destination",
    "delete_destination",
    "get_subscription_by_id",
    "delete_subscription_by_id",
}
_DESTINATIONS = "/notifications/v1/destinations"
_SUBSCRIPTIONS = "/notifications/v1/subscriptions/{notification_type}"
_CHANGES = ("BuyerRequestedChange", "DeliveryTipChange", "OrderStatusChange")


class Notifications:
    """Handlers of `destinations` and `subscriptions`; `tell` sends."""

    def __init__(self, store: Store, queue: Queue) -> None:
        self._store = store
        self._queue = queue
        self._held: list[Json] = []

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        one = f"{_SUBSCRIPTIONS}/{{subscription_id}}"
        router.add("create_destination", f"POST {_DESTINATIONS}", self.create_destination)
        router.add("get_destinations", f"GET {_DESTINATIONS}", self.list_destinations)
        router.add("get_destination", f"GET {_DESTINATIONS}/{{destination_id}}", self.get_destination)
        router.add("delete_destination", f"DELETE {_DESTINATIONS}/{{destination_id}}", self.delete_destination)
        router.add("create_subscription", f"POST {_SUBSCRIPTIONS}", self.create_subscription)
        router.add("get_subscription", f"GET {_SUBSCRIPTIONS}", self.get_subscription)
        router.add("get_subscription_by_id", f"GET {one}", self.get_by_id)
        router.add("delete_subscription_by_id", f"DELETE {one}", self.delete_by_id)

    def tell(self, notification_type: str, write: Writer) -> None:
        """Sends a notification, if someone subscribed to its type."""
        world, subscription = self._store.world, self._store.subscription_to(notification_type)
        if subscription is None or not world.switches.amazon.send_notifications or not _passes(subscription):
            return
        now = world.clock.seconds()
        envelope = Envelope(subscription.subscription_id, now, now, new_id())
        rule = world.faults.pick_webhook(PLATFORM, ACCOUNT, notification_type)
        if rule is None:
            self._send([write(envelope)])
        else:
            self._send_faulty(rule, envelope, write)

    def clear(self) -> None:
        """Forgets what was held back."""
        self._held.clear()

    def create_destination(self, call: Call) -> Answer:
        """A new destination: the hub's queue. 409 when there is one for it."""
        body = document(call)
        name, specification = text(body, "name", 256), body.get("resourceSpecification")
        sqs = specification.get("sqs") if isinstance(specification, dict) else None
        arn = sqs.get("arn") if isinstance(sqs, dict) else None
        if arn != QUEUE_ARN:
            raise invalid_input("The queue does not exist, or Amazon may not send to it.")
        if any(known["resource"]["sqs"]["arn"] == arn for known in self._store.account.destinations.values()):
            raise refuse(409, "Conflict", "A destination with this resource already exists.")
        destination = {"destinationId": str(uuid.uuid4()), "name": name, "resource": {"sqs": {"arn": arn}}}
        self._store.keep_destination(destination)
        return Answer(200, {"payload": destination})

    def list_destinations(self, call: Call) -> Answer:
        """All destinations."""
        return Answer(200, {"payload": list(self._store.account.destinations.values())})

    def get_destination(self, call: Call) -> Answer:
        """One destination."""
        return Answer(200, {"payload": self._destination(call.params["destination_id"])})

    def delete_destination(self, call: Call) -> Answer:
        """Deletes a destination nothing is subscribed for."""
        destination = self._destination(call.params["destination_id"])
        key = destination["destinationId"]
        if any(entry.destination_id == key for entry in self._store.account.subscriptions.values()):
            raise refuse(409, "Conflict", "The destination is in use by a subscription.")
        self._store.drop_destination(key)
        return Answer(200, {})

    def create_subscription(self, call: Call) -> Answer:
        """Subscribes to a type of notification. 409 when that was done before."""
        wanted, body = self._type(call), document(call)
        destination_id, version = text(body, "destinationId"), text(body, "payloadVersion", 20)
        if destination_id not in self._store.account.destinations:
            raise invalid_input("The destination does not exist.")
        directive = body.get("processingDirective")
        if directive is not None and not isinstance(directive, dict):
            raise invalid_input("'processingDirective' must be an object.")
        if self._store.subscription_to(wanted) is not None:
            raise refuse(409, "Conflict", f"A subscription to {wanted} already exists.")
        subscription = Subscription(str(uuid.uuid4()), wanted, version, destination_id, directive)
        self._store.keep_subscription(subscription)
        return Answer(200, {"payload": _document(subscription)})

    def get_subscription(self, call: Call) -> Answer:
        """The subscription to a type."""
        found = self._store.subscription_to(self._type(call))
        if found is None:
            raise not_found("Subscription")
        return Answer(200, {"payload": _document(found)})

    def get_by_id(self, call: Call) -> Answer:
        """One subscription."""
        return Answer(200, {"payload": _document(self._subscription(call))})

    def delete_by_id(self, call: Call) -> Answer:
        """Ends a subscription."""
        self._store.drop_subscription(self._subscription(call))
        return Answer(200, {})

    def _send_faulty(self, rule: FaultRule, envelope: Envelope, write: Writer) -> None:
        message, later = write(envelope), self._store.later
        if rule.kind == "late":
            event_at = envelope.event_at - rule.age_s
            aged = write(Envelope(envelope.subscription_id, event_at, event_at, envelope.notification_id))
            later.call(rule.wait_s(0.0), lambda: self._send([aged]))
        elif rule.kind == "doubled":
            self._send([message] * rule.times)
        elif rule.kind == "forged":
            # Only Amazon may put into the queue; what can come is a message about another seller.
            stranger = Envelope(
                envelope.subscription_id, envelope.event_at, envelope.published_at, new_id(), "A1STRANGER"
            )
            self._send([write(stranger), message])
        elif rule.kind == "reordered":
            self._held.append(message)
            later.call(rule.wait_s(1.0), self._release)

    def _send(self, messages: Sequence[Json]) -> None:
        for message in messages:
            self._queue.put(message)
        self._release()

    def _release(self) -> None:
        held, self._held = self._held, []
        for message in held:
            self._queue.put(message)

    def _type(self, call: Call) -> str:
        wanted = call.params["notification_type"]
        if wanted not in TYPES:
            raise invalid_input(f"The notification type {wanted} is not known here.")
        return wanted

    def _destination(self, destination_id: str) -> Json:
        found = self._store.account.destinations.get(destination_id)
        if found is None:
            raise not_found("Destination")
        return found

    def _subscription(self, call: Call) -> Subscription:
        found = self._store.account.subscriptions.get(call.params["subscription_id"])
        if found is None or found.notification_type != call.params["notification_type"]:
            raise not_found("Subscription")
        return found


def _passes(subscription: Subscription) -> bool:
    """Whether the event filter lets a change of an order's status through, the only change that happens here."""
    if subscription.notification_type != ORDER_CHANGE or subscription.directive is None:
        return True
    event_filter = subscription.directive.get("eventFilter")
    wanted = event_filter.get("orderChangeTypes", _CHANGES) if isinstance(event_filter, dict) else _CHANGES
    return isinstance(wanted, list | tuple) and "OrderStatusChange" in wanted


def _document(subscription: Subscription) -> Json:
    shown: Json = {
        "subscriptionId": subscription.subscription_id,
        "payloadVersion": subscription.payload_version,
        "destinationId": subscription.destination_id,
    }
    if subscription.directive is not None:
        shown["processingDirective"] = subscription.directive
    return shown
