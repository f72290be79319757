"""Subscriptions of sellers to topics, and the ORDER_CONFIRMATION pushes: one per line item, up to three retries."""

from __future__ import annotations

import json
import uuid

from sandbox.clock import iso_from_seconds
from sandbox.courier import Parcel, Writing
from sandbox.ebay.destinations import BASE, ORDER_CONFIRMATION, TOPICS, Destinations
from sandbox.ebay.documents import document, section
from sandbox.ebay.errors import refuse
from sandbox.ebay.state import Order
from sandbox.ebay.store import PLATFORM, Store
from sandbox.wire import Answer, Call, Json, Router

_RETRY_WAITS_S = (300.0, 900.0, 1800.0)
_ACCEPTED = frozenset(range(200, 300))
_PAYLOAD = {"format": "JSON", "schemaVersion": "1.0", "deliveryProtocol": "HTTPS"}


class Subscriptions:
    """Handlers of `subscription`; also sends what was subscribed to."""

    def __init__(self, store: Store, destinations: Destinations) -> None:
        self._store = store
        self._destinations = destinations
        self.all: dict[str, Json] = {}
        destinations.in_use = self._uses
        store.world.keeper.register("ebay.subscription", self.all.get, self.all.__setitem__)

    def add_routes(self, router: Router) -> None:
        """Adds them to the platform's router."""
        one = f"{BASE}/subscription/{{subscription_id}}"
        router.add("get_subscriptions", f"GET {BASE}/subscription", self.list_subscriptions)
        router.add("create_subscription", f"POST {BASE}/subscription", self.create)
        router.add("get_subscription", f"GET {one}", self.get)
        router.add("update_subscription", f"PUT {one}", self.update)
        router.add("delete_subscription", f"DELETE {one}", self.delete)
        router.add("enable_subscription", f"POST {one}/enable", self.enable)
        router.add("disable_subscription", f"POST {one}/disable", self.disable)
        router.add("test_subscription", f"POST {one}/test", self.test)

    def clear(self) -> None:
        """Forgets all subscriptions."""
        self.all.clear()

    def list_subscriptions(self, call: Call) -> Answer:
        """The caller's subscriptions."""
        found = [_public(entry) for entry in self.all.values() if entry["account"] == call.account]
        return Answer(200, {"subscriptions": found, "total": len(found), "limit": 100, "href": f"{BASE}/subscription"})

    def create(self, call: Call) -> Answer:
        """A new subscription; 409 when the caller has one for the topic and destination."""
        body = document(call)
        self._check(call, body)
        taken = any(self._same(entry, call.account, body) for entry in self.all.values())
        if taken:
            raise refuse(409, 195012, "Subscription already exists")
        subscription_id = str(uuid.uuid4())
        self._keep({"subscriptionId": subscription_id, "account": call.account, **_chosen(body), **self._stamp()})
        location = f"{self._store.world.base_url}/ebay{BASE}/subscription/{subscription_id}"
        return Answer(201, {}, {"Location": location})

    def get(self, call: Call) -> Answer:
        """One subscription."""
        return Answer(200, _public(self._find(call)))

    def update(self, call: Call) -> Answer:
        """Replaces destination, status and payload; the topic stays."""
        entry = self._find(call)
        body = {**document(call), "topicId": entry["topicId"]}
        self._check(call, body)
        self._keep({**entry, **_chosen(body)})
        return Answer(204)

    def delete(self, call: Call) -> Answer:
        """Ends a subscription."""
        subscription_id = self._find(call)["subscriptionId"]
        del self.all[subscription_id]
        self._store.world.keeper.touch("ebay.subscription", subscription_id)
        return Answer(204)

    def enable(self, call: Call) -> Answer:
        """Starts sending; 409 while the destination is disabled."""
        entry = self._find(call)
        self._require_enabled(entry["destinationId"])
        self._keep({**entry, "status": "ENABLED"})
        return Answer(204)

    def disable(self, call: Call) -> Answer:
        """Stops sending."""
        self._keep({**self._find(call), "status": "DISABLED"})
        return Answer(204)

    def test(self, call: Call) -> Answer:
        """Sends a mock message of the topic."""
        entry = self._find(call)
        line = {"orderLineItemId": "10084000000000", "listingId": "110550000000", "quantity": 1}
        self._post(entry, _data(call.account or "USAV", "00-00000-00000", line))
        return Answer(202)

    def push_order(self, order: Order) -> None:
        """Tells of a new order, or of one whose payment came after a failure."""
        if not self._store.world.switches.ebay.send_webhooks:
            return
        for entry in self.all.values():
            if self._wants(entry, order.seller):
                for line in order.lines:
                    told = {
                        "orderLineItemId": line["lineItemId"],
                        "listingId": line["listingId"],
                        "quantity": line["quantity"],
                    }
                    self._post(entry, _data(order.seller, order.order_id, told))

    def _wants(self, entry: Json, seller: str) -> bool:
        destination = self._destinations.all.get(entry["destinationId"], {})
        return (
            entry["account"] == seller
            and entry["topicId"] == ORDER_CONFIRMATION
            and entry["status"] == "ENABLED"
            and destination.get("status") == "ENABLED"
        )

    def _post(self, entry: Json, data: Json) -> None:
        destination = self._destinations.all.get(entry["destinationId"])
        if destination is None:
            return
        notification_id, topic = f"{uuid.uuid4()}_{uuid.uuid4()}", entry["topicId"]
        event_at = self._store.world.clock.seconds()

        def write(writing: Writing) -> tuple[bytes, dict[str, str]]:
            told = _forged(data) if writing.forged else data
            notification = {
                "notificationId": str(uuid.uuid4()) if writing.forged else notification_id,
                "eventDate": iso_from_seconds(event_at - writing.age_s),
                "publishDate": iso_from_seconds(self._store.world.clock.seconds() - writing.age_s),
                "publishAttemptCount": writing.attempt,
                "data": told,
            }
            metadata = {"topic": topic, "schemaVersion": "1.0", "deprecated": False}
            body = json.dumps({"metadata": metadata, "notification": notification}, separators=(",", ":")).encode()
            signature = self._destinations.key.header(body, forged=writing.forged)
            return body, {"Content-Type": "application/json", "X-EBAY-SIGNATURE": signature}

        url = destination["deliveryConfig"]["endpoint"]
        self._store.world.courier.send(Parcel(PLATFORM, entry["account"], topic, url, write, _RETRY_WAITS_S, _ACCEPTED))

    def _check(self, call: Call, body: Json) -> None:
        topic, payload = TOPICS.get(str(body.get("topicId"))), section(body, "payload")
        if topic is None:
            raise refuse(400, 195027, "Invalid or missing topic id.")
        if topic[0] != ("USER" if call.account else "APPLICATION"):
            raise refuse(403, 195011, "Not authorized for this topic.")
        if body.get("status") not in {"ENABLED", "DISABLED"}:
            raise refuse(400, 195006, "Invalid or missing subscription status.")
        if payload.get("format") != "JSON":
            raise refuse(400, 195009, "Specified format is not supported for the topic.")
        if payload.get("schemaVersion") != "1.0":
            raise refuse(400, 195008, "Invalid or missing schema version.")
        if payload.get("deliveryProtocol") != "HTTPS":
            raise refuse(400, 195010, "Invalid or missing protocol")
        if body.get("destinationId") not in self._destinations.all:
            raise refuse(400, 195007, "Invalid or missing destination id.")
        if body["status"] == "ENABLED":
            self._require_enabled(body["destinationId"])

    def _require_enabled(self, destination_id: str) -> None:
        if self._destinations.all.get(destination_id, {}).get("status") != "ENABLED":
            raise refuse(409, 195015, "The subscription cannot be enabled since the destination is not enabled.")

    def _find(self, call: Call) -> Json:
        entry = self.all.get(call.params["subscription_id"])
        if entry is None or entry["account"] != call.account:
            raise refuse(404, 195013, "The subscription id does not exist.")
        return entry

    def _keep(self, entry: Json) -> None:
        self.all[entry["subscriptionId"]] = entry
        self._store.world.keeper.touch("ebay.subscription", entry["subscriptionId"])

    def _stamp(self) -> Json:
        return {"creationDate": iso_from_seconds(self._store.world.clock.seconds())}

    def _uses(self, destination_id: str) -> bool:
        return any(entry["destinationId"] == destination_id for entry in self.all.values())

    @staticmethod
    def _same(entry: Json, account: str, body: Json) -> bool:
        wanted = (account, body["topicId"], body["destinationId"])
        return (entry["account"], entry["topicId"], entry["destinationId"]) == wanted


def _chosen(body: Json) -> Json:
    return {
        "topicId": body["topicId"],
        "destinationId": body["destinationId"],
        "status": body["status"],
        "payload": _PAYLOAD,
    }


def _public(entry: Json) -> Json:
    return {name: value for name, value in entry.items() if name != "account"}


def _data(seller: str, order_id: str, line: Json) -> Json:
    return {
        "user": {"userId": f"sandbox-{seller.lower()}", "username": seller.lower()},
        "order": {"orderId": order_id, "orderLineItems": [line]},
    }


def _forged(data: Json) -> Json:
    return {**data, "order": {**data["order"], "orderId": "66-66666-66666"}}
